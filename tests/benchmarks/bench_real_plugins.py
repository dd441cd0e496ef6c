"""Published plugins of other hosts, checked as libraries: nothing crashes or is incomplete, and every error is true.

::

    python tests/benchmarks/bench_real_plugins.py fetch       # once, needs the package registry
    python tests/benchmarks/bench_real_plugins.py             # offline: the tables
    python tests/benchmarks/bench_real_plugins.py unjudged    # errors nobody has looked at yet, for judgements.toml

What ``real_plugins.txt`` pins is fetched by pip, which asks each project's build backend for its metadata; the check
itself runs nothing of theirs. ``real_plugins.toml`` holds what a person who read the code said about each finding of
level *error*, by fingerprint. The exit code is 1 if a project crashes a check or leaves it incomplete, if an error has
no judgement, or if more than 2 % of a rule's are false.
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "accuracy"))

from scoring.corpus import NotFetched, cache, fetch_sources  # noqa: E402 - found by the line above

from theodore_plugin.engine import run  # noqa: E402
from theodore_plugin.finding import Finding, Severity, Verdict  # noqa: E402
from theodore_plugin.project import PluginProject  # noqa: E402
from theodore_plugin.report.fingerprint import fingerprints  # noqa: E402
from theodore_plugin.report.model import Report, blocks  # noqa: E402
from theodore_plugin.settings import Options, Settings  # noqa: E402

PINS = HERE / "real_plugins.txt"
JUDGEMENTS = HERE / "real_plugins.toml"
MOST_FALSE = 0.02


@dataclass(frozen=True, slots=True)
class Checked:
    """One project's report, its size, and how long the check took."""

    name: str
    report: Report
    lines: int
    seconds: float

    @property
    def errors(self) -> Iterator[tuple[str, Finding]]:
        """Iterate over what blocks, by fingerprint."""
        marks = fingerprints(self.report.findings, self.report.sources)
        return ((mark, found) for mark, found in zip(marks, self.report.findings, strict=True) if blocks(found))


def main(arguments: list[str]) -> int:
    """Run what the command line asks for."""
    try:
        if arguments == ["fetch"]:
            fetch_sources(PINS)
            return 0
        checked = [check(name, folder) for name, folder in projects()]
    except NotFetched as problem:
        print(problem, file=sys.stderr)  # and nothing was measured; the other benchmarks need no network
        return 0
    judged = judgements()
    if arguments == ["unjudged"]:
        show_unjudged(checked, judged)
        return 0
    return show(checked, judged)


def projects() -> Iterator[tuple[str, Path]]:
    """Unpack each pinned source distribution for as long as it is looked at. Raises NotFetched."""
    for pinned in PINS.read_text().splitlines():
        if pinned.startswith("#"):
            continue
        name, _, version = pinned.split()[0].partition("==")
        archive = next((cache() / "sources").glob(f"{name.replace('-', '[-_]')}-{version}.tar.gz"), None)
        if archive is None:
            raise NotFetched(f"{name} is not in {cache()}: python tests/benchmarks/bench_real_plugins.py fetch")
        with tempfile.TemporaryDirectory(prefix="real-plugin-") as scratch, tarfile.open(archive) as content:
            content.extractall(scratch, filter="data")
            yield f"{name} {version}", next(Path(scratch).iterdir())


def check(name: str, folder: Path) -> Checked:
    """Check one project from nothing; a crash of the check is the end of the benchmark."""
    project = PluginProject.open(folder)
    options = Options(as_library=True, advisories="off", policy="default", no_cache=True)
    started = time.monotonic()
    report = run(project, Settings.load(project, options))
    seconds = time.monotonic() - started
    return Checked(name, report, sum(file.data.count(b"\n") for file in project.files), seconds)


def judgements() -> dict[str, bool]:
    """Return what a person said about each error, by fingerprint."""
    return {item["fingerprint"]: item["true"] for item in tomllib.loads(JUDGEMENTS.read_text()).get("judged", [])}


def show(checked: list[Checked], judged: dict[str, bool]) -> int:
    """Print the tables and return the exit code."""
    print("| project | lines | seconds | errors | warnings | notices | verdict |\n|---|---|---|---|---|---|---|")
    for one in checked:
        tally = one.report.tally()
        counts = " | ".join(str(tally[level]) for level in (Severity.ERROR, Severity.WARNING, Severity.NOTICE))
        print(f"| {one.name} | {one.lines} | {one.seconds:.1f} | {counts} | {one.report.verdict.value} |")
    made, wrong, unknown = Counter[str](), Counter[str](), 0
    for mark, found in (error for one in checked for error in one.errors):
        made[found.rule] += 1
        wrong[found.rule] += judged.get(mark) is False
        unknown += mark not in judged
    print("\n| rule | findings of level error | false |\n|---|---|---|")
    for rule, number in sorted(made.items()):
        print(f"| {rule} | {number} | {wrong[rule]} |")
    incomplete = [one.name for one in checked if one.report.verdict is Verdict.INCOMPLETE]
    print(
        f"\n{len(checked)} projects; incomplete: {', '.join(incomplete) or 'none'}; errors without judgement: {unknown}"
    )
    too_many = [rule for rule, number in made.items() if wrong[rule] > MOST_FALSE * number]
    return int(bool(incomplete or unknown or too_many))


def show_unjudged(checked: list[Checked], judged: dict[str, bool]) -> None:
    """Print what is to be judged, in the form it is to be written down."""
    for one in checked:
        for mark, found in one.errors:
            if mark not in judged:
                print(f'[[judged]]\nfingerprint = "{mark}"\nproject = "{one.name}"\nrule = "{found.rule}"')
                print(f'where = "{found.location}"\n# {found.message}\ntrue = \nwhy = ""\n')


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
