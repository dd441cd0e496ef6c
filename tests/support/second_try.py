"""Run the tests; if a few of them failed, run those once more, alone. Why and when: docs/decisions/0030.

::

    python tests/support/second_try.py make test
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from how_it_ended import Ending

MOST = 5
BOUNDARIES = ("tests/escapes/", "tests/rules/", "tests/trust/", "tests/unit/sandbox/", "tests/unit/trust/")
"""A boundary that holds most of the time does not hold: what failed here failed."""


def main(command: Sequence[str], root: Path) -> int:
    """Run ``command``, which runs pytest in ``root``, and return 0 if all passed, at the latest on the second try."""
    Ending.forget(root)
    exit_code = subprocess.run(command, cwd=root, check=False).returncode
    if exit_code == 0:
        return 0
    first = Ending.read(root)
    if reason := objection(first):
        _headline(f"NO SECOND TRY: {reason}")
        return exit_code
    assert first is not None
    _headline(f"SECOND TRY: {len(first.failed)} failed and run once more, alone")
    for name, said in first.failed.items():
        print(f"{name}\n    {_short(said)}", flush=True)
    return _again(list(first.failed), root)


def objection(ending: Ending | None) -> str:
    """Return why this session gets no second try; empty if it does."""
    if ending is None:
        return "the tests did not tell how they ended"
    if ending.exit_code != 1:
        return f"the session broke off (pytest's exit code {ending.exit_code})"
    if ending.broken:
        return f"not run to its end: {', '.join(ending.broken)}"
    if not 0 < len(ending.failed) <= MOST:
        return f"{len(ending.failed)} failed, at most {MOST} may"
    if held := [name for name in ending.failed if name.startswith(BOUNDARIES)]:
        return f"a boundary must hold every time: {', '.join(held)}"
    return ""


def _again(names: list[str], root: Path) -> int:
    Ending.forget(root)
    exit_code = subprocess.run([sys.executable, "-m", "pytest", "-n", "0", *names], cwd=root, check=False).returncode
    second = Ending.read(root)
    held = exit_code == 0 and second is not None and set(second.passed) == set(names)  # a skip is not a pass
    _headline(f"SECOND TRY {'PASSED' if held else 'FAILED'}: {', '.join(names)}")
    return 0 if held else exit_code or 1


def _short(said: str) -> str:
    return "\n    ".join(line[:300] for line in said.splitlines()[:5])


def _headline(text: str) -> None:
    print(f"\n=== {text} ===", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path.cwd()))
