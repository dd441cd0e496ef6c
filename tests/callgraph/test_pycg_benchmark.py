"""PyCG's micro-benchmark (Salis et al., ICSE 2021): small programs with the calls they make.

It ships in PyCG's source distribution, which is fetched once and kept; without it the gate is skipped. Edges to
builtins are left out on both sides, as the published comparisons do.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ARCHIVE = "pycg-0.0.8.tar.gz"
SHA256 = "644b4df4346b393ca29450223da12598a6e6ad51fcfb1c218330b774f643a6c1"
ROOT = "pycg-0.0.8/micro-benchmark/snippets/"
MINIMUM_RECALL = 0.985
MINIMUM_PRECISION = 0.97
FAILING = Path(__file__).parent / "pycg_failing.txt"
"""Cases whose graph differs, frozen: one that starts to fail and one that stops both need a look."""

Edges = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Case:
    """One program and the calls it makes."""

    name: str
    files: Mapping[str, bytes]
    expected: Edges


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "theodore-plugin" / "benchmarks"


def _verified(path: Path) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == SHA256


def _fetch(folder: Path) -> Path:
    """Return the archive, from the cache or the package registry; skip when neither has it."""
    path = folder / ARCHIVE
    if not _verified(path):
        command = ["download", "--quiet", "--no-binary", "pycg", "--no-deps", "--no-build-isolation"]
        arguments = [*command, "--dest", str(folder), "pycg==0.0.8"]
        try:
            subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, timeout=120, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip("the package registry does not answer")
    if not _verified(path):
        pytest.skip(f"{ARCHIVE} cannot be had from the package registry")
    return path


def _members(path: Path) -> dict[str, dict[str, bytes]]:
    """Read the archive: files by case, by path within the case."""
    cases: dict[str, dict[str, bytes]] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            if not member.isfile() or not member.name.startswith(ROOT):
                continue
            category, case, inside = member.name.removeprefix(ROOT).split("/", 2)
            content = archive.extractfile(member)
            assert content is not None
            cases.setdefault(f"{category}/{case}", {})[inside] = content.read()
    return cases


def _read_cases(path: Path) -> Iterator[Case]:
    for name, files in sorted(_members(path).items()):
        graph = json.loads(files["callgraph.json"])
        edges = frozenset((caller, callee) for caller, callees in graph.items() for callee in callees)
        code = {file: data for file, data in files.items() if file.endswith(".py") and file != "__init__.py"}
        yield Case(name, code, frozenset(edge for edge in edges if not edge[1].startswith("<builtin>")))


@pytest.fixture(scope="module")
def cases() -> tuple[Case, ...]:
    folder = _cache()
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(_read_cases(_fetch(folder)))


@pytest.mark.registry
def test_recall_and_precision_hold_and_the_failing_cases_are_known(
    cases: tuple[Case, ...], edges: Callable[[Mapping[str, bytes]], Edges]
) -> None:
    found = {case.name: edges(case.files) for case in cases}
    right = sum(len(found[case.name] & case.expected) for case in cases)
    expected = sum(len(case.expected) for case in cases)
    claimed = sum(len(graph) for graph in found.values())
    assert len(cases) == 118
    assert right / expected >= MINIMUM_RECALL, (right, expected)
    assert right / claimed >= MINIMUM_PRECISION, (right, claimed)
    assert {case.name for case in cases if found[case.name] != case.expected} == set(FAILING.read_text().split())
