"""A run of every technique in every configuration on one machine, as data."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import pwd
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from shooting import catalogue
from shooting.evidence import Shot
from shooting.expected import HARMLESS, hooks
from shooting.gallery import Gallery
from shooting.modes import CONTROL, NEEDED, WORKERS, layers_of
from shooting.range import Range
from shooting.techniques import Technique, own
from shooting.workers import Workers
from theodore_loader.sandbox import landlock
from theodore_loader.sandbox.tier import Tier, available

ESCAPED, STOPPED, NOT_ATTEMPTED = "escaped", "stopped", "not attempted"
SINGLE = ("process", "rlimits", "privileges", "landlock", "seccomp")
RACES = {"link-swapped-after-check": 5, "exception-from-a-timer": 3, "crowd-of-threads": 3}
"""How often to try what depends on luck."""
COMPONENTS = Path(__file__).parents[1] / "test_components.py"
Say = Callable[[str], None]


@dataclass(slots=True)
class Row:
    """What came of one technique: by configuration, and who refused where the refusal says so."""

    name: str
    theme: str
    what: str
    results: dict[str, str] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Run:
    """One machine, one interpreter, one user."""

    kernel: str
    landlock_abi: int
    python: str
    user: str
    own: list[Row] = field(default_factory=list)
    shared: list[Row] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Write the run as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def read(cls, path: Path) -> Run:
        """Read what :meth:`write` wrote."""
        data = json.loads(path.read_text())
        rows = {name: [Row(**row) for row in data.pop(name)] for name in ("own", "shared")}
        return cls(**data, **rows)


def offered_tiers() -> list[str]:
    """Return the names of the tiers that this machine reaches."""
    return [name for name, tier in WORKERS.items() if _reaches(tier)]


def _reaches(tier: Tier) -> bool:
    return (available() if tier is Tier.STANDARD else available(tier)).tier >= tier


def gallery_modes(*, layers: bool) -> list[str]:
    """Return the configurations of the gallery; with ``layers`` also each alone, and all but each."""
    found = [CONTROL, *hooks(), "kernel"]
    return found + ([*SINGLE, *(f"without {name}" for name in NEEDED)] if layers else [])


async def record(modes: Sequence[str], say: Say) -> Run:
    """Try everything and return what came of it."""
    release, user = platform.release().partition("-")[0], pwd.getpwuid(os.getuid()).pw_name
    run = Run(release, landlock.abi(), platform.python_version(), "root" if user == "root" else "ordinary")
    with scratch() as folder, Gallery() as gallery:
        async with Workers.open(folder / "home") as workers:
            tries = _Tries(folder, gallery, workers)
            run.own = [await tries.row(technique, modes, say) for technique in own()]
            few = [mode for mode in modes if mode in (CONTROL, "kernel", *SINGLE)]
            run.shared = [await tries.row(case, few, say) for case in catalogue.acts()]
    run.shared = sorted([*run.shared, *components()], key=lambda row: row.name)
    return run


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Offer a folder and remove it, with what is read-only in it: a worker's runtime is."""
    folder = Path(tempfile.mkdtemp())
    try:
        yield folder
    finally:
        for name, _, _ in os.walk(folder):
            os.chmod(name, 0o700)
        shutil.rmtree(folder, ignore_errors=True)


class _Tries:
    def __init__(self, folder: Path, gallery: Gallery, workers: Workers) -> None:
        self._folder, self._gallery, self._workers = folder, gallery, workers
        self._count = 0

    async def row(self, technique: Technique, modes: Sequence[str], say: Say) -> Row:
        row = Row(technique.name, technique.theme, technique.what)
        for mode in (*modes, *offered_tiers()):
            shot = await self._shoot(technique, mode)
            row.results[mode] = ESCAPED if shot[0] else STOPPED if shot[1] else NOT_ATTEMPTED
            if shot[2]:
                row.refusals[mode] = shot[2]
            if mode == CONTROL and not shot[0]:
                break  # cannot be done here at all: what would it prove that a sandbox stops it
        say(f"{row.name}: {' '.join(f'{mode}={result}' for mode, result in row.results.items())}")
        return row

    async def _shoot(self, technique: Technique, mode: str) -> tuple[bool, bool, str]:
        """Return whether it escaped, whether it was attempted, and who refused; a race is run until it is won."""
        for _ in range(RACES.get(technique.name, 1)):
            outcome = await self._once(technique, mode)
            if outcome[0]:
                break
        return outcome

    async def _once(self, technique: Technique, mode: str) -> tuple[bool, bool, str]:
        with self._range() as at:
            catalogue.equip(at, technique)
            shot: Shot
            if mode in WORKERS:
                shot = await self._workers.shoot(at, technique, WORKERS[mode])
            else:
                shot = await asyncio.to_thread(at.shoot, layers_of(mode), technique)
            # most cases of the catalogue begin with an import that is a part of the attempt
            refused_import = technique.case is None and bool(shot.refusal or "error" in shot.answer())
            return shot.escaped, shot.attempted or refused_import, shot.refusal

    @contextlib.contextmanager
    def _range(self) -> Iterator[Range]:
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        with Range(folder, self._gallery) as at:
            yield at


REFUSED_BY = {"artifact": "reader of wheels", "static": "checker", "broker": "broker", "result": "channel"}


def components() -> list[Row]:
    """Run the cases that are for one component, and return a row for each."""
    cases = [case for case in catalogue.all_cases() if case not in catalogue.acts()]
    if not cases:
        return []
    with scratch() as folder:
        report = folder / "report.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            str(COMPONENTS),
            f"--junitxml={report}",
        ]
        subprocess.run([*command, f"--basetemp={folder}/tests"], check=False, capture_output=True)
        outcomes = _outcomes(report)
    return [_component_row(case, outcomes) for case in cases]


def _outcomes(report: Path) -> dict[str, str]:
    """Return name of the test -> outcome."""
    tests = ElementTree.parse(report).iter("testcase")
    return {test.attrib["name"]: next((child.tag for child in test), "passed") for test in tests}


def _component_row(case: Technique, outcomes: dict[str, str]) -> Row:
    row = Row(case.name, case.theme, case.what)
    found = [outcome for name, outcome in outcomes.items() if case.name in name]
    if case.name in HARMLESS:
        row.results = {CONTROL: ESCAPED, "standard": ESCAPED}
    elif found and all(outcome == "passed" for outcome in found):
        row.results = {CONTROL: ESCAPED, "standard": STOPPED}
        row.refusals = {"standard": REFUSED_BY.get(case.goal, "process model")}
    elif "skipped" in found:
        row.results = {CONTROL: STOPPED}
    else:
        row.results = {CONTROL: ESCAPED, "standard": ESCAPED}
    return row
