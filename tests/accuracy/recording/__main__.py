"""Run one script under the recorder: ``python tests/accuracy/recording REQUEST`` where REQUEST is a JSON file.

The request names ``package``, ``roots``, ``site``, ``work`` (the folder to run in), ``script``, ``arguments``,
``seconds`` and ``out``. Facts are written as JSON lines, also when the script fails: what was seen before counts.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

VERSION = 1


def main(request: dict[str, Any]) -> int:
    """Record one run; the exit code is the script's."""
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from recording.hook import Recorder

    sys.path[0] = request["site"]
    os.chdir(request["work"])
    recorder = Recorder(*_views(request))
    sys.argv = [request["script"], *request["arguments"]]
    time.sleep = _hurried(time.sleep)
    recorder.install()
    signal.signal(signal.SIGALRM, _stop)
    signal.alarm(request["seconds"])
    code = _run(request["script"])
    signal.alarm(0)
    _write(Path(request["out"]), recorder, request["package"])
    return code


def _views(request: dict[str, Any]) -> tuple[Any, Any]:
    import sysconfig

    from recording.frames import Attributor
    from recording.noise import Folders

    site = request["site"]
    names = {f"{site}/{root}": f"{{package}}/{root}" for root in request["roots"]}
    names |= {site: "{site}", request["work"]: "{work}"}
    names |= dict.fromkeys((sysconfig.get_path("stdlib"), *sys.path[1:]), "{stdlib}")
    return Attributor(site, frozenset(request["roots"])), Folders(names)


def _hurried(sleep: Any) -> Any:
    """Waiting between requests that are refused anyway would only take time."""
    return lambda seconds: sleep(min(seconds, 0.01))


def _stop(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt("the time is up")  # scripts and packages suppress Exception


def _run(script: str) -> int:
    try:
        if script.startswith("-m"):
            runpy.run_module(script[2:], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(script, run_name="__main__")
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _write(out: Path, recorder: Any, package: str) -> None:
    lines = []
    for fact, (value, why) in sorted(recorder.facts.items()):
        label = {
            "v": VERSION,
            "package": package,
            "function": fact.function,
            "permission": fact.permission,
            "access": fact.access,
            "phase": fact.phase,
            "through": fact.through,
            "value": value,
            "why": why,
        }
        lines.append(json.dumps(label, ensure_ascii=True))
    out.write_text("".join(line + "\n" for line in lines))


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_bytes())))
