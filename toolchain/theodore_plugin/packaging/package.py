"""``theodore-plugin package``: check, lock, build, normalise, read back, and only then write a wheel.

Order: the lock comes before the check, so that vulnerabilities are looked up in what will be installed; the check
comes before the build, so that nothing of an unchecked project is run; the built sources must be the checked ones.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from theodore_loader.artifact.lock import read_lock
from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import ConfigurationProblem, LoaderError, Refused
from theodore_plugin import __version__
from theodore_plugin.finding import Verdict
from theodore_plugin.packaging.additions import additions
from theodore_plugin.packaging.atomic import write_atomically
from theodore_plugin.packaging.build import build_wheel
from theodore_plugin.packaging.build_record import BuildRecord, leave_record
from theodore_plugin.packaging.epoch import source_date_epoch
from theodore_plugin.packaging.facts import BuildFacts
from theodore_plugin.packaging.git_tree import read_git
from theodore_plugin.packaging.lock import ensure_lock
from theodore_plugin.packaging.normalise import normalise
from theodore_plugin.packaging.reproduce import Reproduction, reproduce
from theodore_plugin.packaging.wheelhouse import Wheelhouse
from theodore_plugin.project import PluginProject
from theodore_plugin.report.model import Report
from theodore_plugin.settings import Settings

Watcher = Callable[[str, str], None]


class NotPackaged(LoaderError):
    """The check did not pass, so there is no wheel; ``report`` says why."""

    def __init__(self, report: Report) -> None:
        self.report = report
        super().__init__(
            f"not packaged: the check ended with {report.verdict.value}",
            help="do what helps with what was not looked at, and package again"
            if report.verdict is Verdict.INCOMPLETE
            else "fix what blocks, and package again",
        )


@dataclass(frozen=True, slots=True)
class Packaged:
    """A wheel on disk, what it holds, and the report of the check it passed."""

    wheel_path: Path
    wheel: Wheel
    report: Report
    locked: int
    """How many distributions the lock names."""
    build: BuildFacts
    """What it was built with."""
    reproduction: Reproduction | None = None
    """What became of building it a second time; ``None`` if that was not asked for."""

    @property
    def sha256(self) -> str:
        """Hex digest of the wheel file."""
        return self.wheel.sha256


def package(
    project_path: Path,
    out_dir: Path,
    settings: Settings | None = None,
    *,
    upgrade_lock: bool = False,
    verify_reproducible: bool = False,
    watch: Watcher = lambda step, event: None,
) -> Packaged:
    """Package the plugin at ``project_path`` into ``out_dir`` (created if missing).

    ``settings`` are those of the check, by default the project's own; ``upgrade_lock`` resolves the dependencies anew;
    ``verify_reproducible`` builds a second time in other circumstances, and refuses a wheel that comes out differently;
    ``watch`` is told ``(step, "started" | "ended")``, from any thread.
    Raises :class:`NotPackaged` if the check does not pass, :class:`ConfigurationProblem` if locking or building
    fails, and :class:`Refused` if the result is not acceptable. The wheel appears whole or not at all; what is known
    of the build is left beside it for ``sign``, before it.
    """
    project = _open_tree(project_path)
    settings = (settings or Settings.load(project)).whole()
    with _step("lock", watch):
        lock = ensure_lock(project, upgrade=upgrade_lock, age=settings.policy.dependencies)
    settings = dataclasses.replace(settings, lock=lock)
    report = _passed(project, settings, watch)
    tree, started = read_git(project.root), datetime.now(UTC)
    epoch = source_date_epoch(project.root)
    added = additions(project, settings.policy, lock, epoch=epoch)
    made = _make(project, added, epoch, watch, twice=verify_reproducible)
    reproducible = made.reproduction.reproducible if made.reproduction else None
    moments = started, datetime.now(UTC)
    record = BuildRecord(made.wheel.sha256, tree, made.build, *moments, __version__, reproducible)
    wheel_path = write_packaged(out_dir, made.wheel, record)
    locked = {package.name for package in read_lock(lock).packages}
    return Packaged(wheel_path, made.wheel, report, len(locked), made.build, made.reproduction)


def write_packaged(out_dir: Path, wheel: Wheel, record: BuildRecord) -> Path:
    """Write the wheel, after the record that counts only for its bytes; return its path."""
    wheel_path = out_dir / wheel.filename
    leave_record(wheel_path, record)
    write_atomically(wheel_path, wheel.data)
    return wheel_path


@dataclass(frozen=True, slots=True)
class _Made:
    wheel: Wheel
    build: BuildFacts
    reproduction: Reproduction | None


def _make(project: PluginProject, added: Mapping[str, bytes], epoch: int, watch: Watcher, *, twice: bool) -> _Made:
    with tempfile.TemporaryDirectory(prefix="theodore-build-") as scratch:
        wheelhouse = Wheelhouse(Path(scratch).resolve())
        with _step("build", watch):
            built = build_wheel(project, epoch=epoch, wheelhouse=wheelhouse)
        wheel = normalise(built.data, built.filename, added, epoch=epoch)
        _refuse_unchecked_sources(project, wheel)
        if not twice:
            return _Made(wheel, built.facts, None)
        with _step("build again", watch):
            reproduction = reproduce(project, built, wheel, added, wheelhouse)
        reproduction.refuse()
        return _Made(wheel, built.facts, reproduction)


def _open_tree(path: Path) -> PluginProject:
    project = PluginProject.open(path)
    if project.is_wheel:
        raise ConfigurationProblem(f"{path} is a wheel already", help=f"sign it: theodore-plugin sign {path}")
    return project


@contextmanager
def _step(name: str, watch: Watcher) -> Iterator[None]:
    watch(name, "started")
    try:
        yield
    finally:
        watch(name, "ended")


def _passed(project: PluginProject, settings: Settings, watch: Watcher) -> Report:
    from theodore_plugin.engine import run

    report = run(project, settings, watch=watch)
    if report.verdict is not Verdict.PASS:
        raise NotPackaged(report)
    return report


def _refuse_unchecked_sources(project: PluginProject, wheel: Wheel) -> None:
    """Refuse Python that the check has not seen: generated by the build, or changed while it ran."""
    checked = {file.data for file in project.files}
    for name, content in wheel.entries.items():
        if name.endswith((".py", ".pyw")) and content not in checked:
            raise Refused(
                "source-artifact-mismatch",
                f"the build put {name!r} into the wheel, and the check has not seen these bytes",
                help="keep generated code in the source tree, and do not edit files while packaging",
            )
