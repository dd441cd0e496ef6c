"""Both front ends over real code: the standard library of this interpreter and every installed package."""

from __future__ import annotations

import hashlib
import sysconfig
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

Compare = Callable[[str, bytes], str]

SAMPLE_BYTES = 300_000
"""About 8,000 lines: a few seconds of a processor."""
AGREED = {"same", "both refuse", "left to libcst", "left to ast"}


def modules() -> list[Path]:
    """Every Python file there is, in an order that depends on nothing but their names."""
    paths = sysconfig.get_paths()
    found = {path for name in ("stdlib", "purelib", "platlib") for path in Path(paths[name]).rglob("*.py")}
    return sorted(found, key=lambda path: hashlib.sha256(f"{path.parent.name}/{path.name}".encode()).digest())


def test_a_sample_of_real_modules_is_lowered_alike(compare: Compare) -> None:
    room = SAMPLE_BYTES
    for path in modules():
        data = path.read_bytes()
        room -= len(data)
        if room < 0:
            break
        assert compare(str(path), data) in AGREED, path


@pytest.mark.corpus
def test_every_real_module_is_lowered_alike(compare: Compare, capsys: pytest.CaptureFixture[str]) -> None:
    outcomes: Counter[str] = Counter()
    lines = 0
    differing: dict[str, str] = {}
    for path in modules():
        data = path.read_bytes()
        outcome = compare(str(path), data)
        lines += data.count(b"\n")
        outcomes[outcome if outcome in AGREED else "different"] += 1
        if outcome not in AGREED:
            differing[str(path)] = outcome
    with capsys.disabled():
        print(f"\n{sum(outcomes.values())} modules, {lines} lines: {dict(outcomes)}")  # noqa: T201 - the result
    assert not differing
    assert outcomes["same"] > 1_000
