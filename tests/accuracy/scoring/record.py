"""Record packages: one process a script, without a network, bounded in time; facts merged into the label file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scoring.corpus import HERE, LABELS, packages, site
from scoring.suites import record_tests

RUNTIME = LABELS / "runtime.jsonl"
SECONDS = 60
"""For one script: what was seen until then is kept."""

Label = dict[str, Any]


def main(names: list[str]) -> int:
    """Record the named packages, or all of them, and rewrite their lines of the label file."""
    known = read_labels(RUNTIME)
    chosen = [package for package in packages() if not names or package.name in names]
    kept = [label for label in known if label["package"] not in {package.name for package in chosen}]
    for package in chosen:
        found = [label | {"source": "smoke"} for label in record(package.name, package.root, site(), package.script)]
        tested = [label | {"source": "tests"} for label in record_tests(package)]
        print(f"{package.name}: {len(found)} facts of the script, {len(tested)} of its tests", flush=True)
        kept += _as_known(known, _merged(found, tested))
    write_labels(RUNTIME, kept)
    return 0


def _as_known(known: Iterable[Label], found: Iterable[Label]) -> list[Label]:
    """Keep the values already written down: names of temporary files and process numbers change with every run."""
    values = {_place(label): label for label in known}
    return [values.get(_place(label), label) | {"source": label["source"]} for label in found]


def _merged(found: list[Label], tested: list[Label]) -> list[Label]:
    """Add what only the tests brought about."""
    seen = {_place(label) for label in found}
    return found + [label for label in tested if _place(label) not in seen]


def _place(label: Label) -> tuple[object, ...]:
    return tuple(value for name, value in label.items() if name not in {"value", "why", "source"})


def record(name: str, root: str, where: Path, script: Path | str, arguments: Iterable[str] = ()) -> list[Label]:
    """Run one script under the recorder and return its facts; a script that fails still leaves some."""
    with tempfile.TemporaryDirectory(prefix="theodore-record-") as scratch:
        work = Path(scratch) / "work"
        work.mkdir()
        out, request = Path(scratch) / "facts.jsonl", Path(scratch) / "request.json"
        asked = {"package": name, "roots": [root], "site": str(where), "work": str(work), "script": str(script)}
        request.write_text(json.dumps(asked | {"arguments": list(arguments), "seconds": SECONDS, "out": str(out)}))
        completed = _run(request, work)
        if completed.returncode:
            print(completed.stderr[-2_000:], file=sys.stderr)
        return read_labels(out)


def _run(request: Path, work: Path) -> subprocess.CompletedProcess[str]:
    command = [*_without_network(), sys.executable, "-S", str(HERE / "recording"), str(request)]
    environment = {"PATH": os.defpath + ":/usr/local/bin", "HOME": str(work), "LANG": "C.UTF-8", "TMPDIR": str(work)}
    try:
        return subprocess.run(
            command, env=environment, cwd=work, capture_output=True, text=True, timeout=SECONDS + 30, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"{request.name}: stopped after {SECONDS} s")


def _without_network() -> list[str]:
    """Give the process an empty network namespace where that is allowed; the recorder itself refuses besides."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return []
    probe = subprocess.run([unshare, "-rn", "true"], capture_output=True, check=False)
    return [unshare, "-rn"] if probe.returncode == 0 else []


def read_labels(path: Path) -> list[Label]:
    """Read JSON lines; a file that does not exist holds none."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.strip()]


def write_labels(path: Path, labels: Iterable[Label]) -> None:
    """Write JSON lines, sorted and each once."""
    lines = sorted({json.dumps(label) for label in labels})
    path.write_text("".join(line + "\n" for line in lines))
