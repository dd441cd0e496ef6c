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

from scoring.corpus import HERE, LABELS, Package, packages, site

RUNTIME = LABELS / "runtime.jsonl"
SECONDS = 60
"""For one script: what was seen until then is kept."""

Label = dict[str, Any]


def main(names: list[str]) -> int:
    """Record the named packages, or all of them, and rewrite their lines of the label file."""
    chosen = [package for package in packages() if not names or package.name in names]
    kept = [label for label in read_labels(RUNTIME) if label["package"] not in {package.name for package in chosen}]
    for package in chosen:
        found = record(package.name, package.root, site(), package.script)
        print(f"{package.name}: {len(found)} facts", flush=True)
        kept += [label | {"source": "smoke"} for label in found] + _of_tests(package)
    write_labels(RUNTIME, kept)
    return 0


def _of_tests(package: Package) -> list[Label]:
    from scoring.suites import record_tests

    return [label | {"source": "tests"} for label in record_tests(package)]


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
