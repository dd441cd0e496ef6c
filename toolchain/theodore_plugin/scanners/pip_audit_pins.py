"""What is audited: the exact versions of a lock, or why there are none.

A source tree that has no lock yet has no versions to audit: that is skipped, and said. A wheel without a lock is
incomplete, because what it will run with is not known.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from theodore_loader.errors import Refused
from theodore_plugin.finding import Severity
from theodore_plugin.project import PluginProject
from theodore_plugin.report.model import AuditedDependency
from theodore_plugin.scanners.pins import LOCK_FILE, Pin, read_pins
from theodore_plugin.scanners.scanner import Failure, ScanContext

NO_DATA = "vulnerability-data-unavailable"
_LOCK_FIRST = "`theodore-plugin package` locks the dependencies and audits what it locked"


def pins_of(context: ScanContext) -> tuple[Pin, ...] | Failure:
    """Return the locked packages, or why they are not known; a project without dependencies has none."""
    lock = context.settings.lock or context.project.lock
    if lock is not None:
        try:
            return read_pins(lock, _lock_path(context.project))
        except Refused as refusal:
            return Failure(f"{LOCK_FILE} is not usable: {refusal.message}", rule=NO_DATA)
    if not declared(context.project):
        return ()
    # a plugin's wheel has to carry its lock; a library has none, and neither has a source tree before it is packaged
    needs_one = context.project.is_wheel and not context.settings.as_library
    severity = Severity.INCOMPLETE if needs_one else Severity.NOTICE
    return Failure(f"there is no lock ({LOCK_FILE}), so no exact versions to audit", _LOCK_FIRST, NO_DATA, severity)


def declared(project: PluginProject) -> tuple[str, ...]:
    """Return the requirements the project declares, sorted, each once."""
    entries = project.table.get("dependencies", ())
    return tuple(sorted({str(entry) for entry in entries})) if isinstance(entries, list | tuple) else ()


def unaudited(
    pins: tuple[Pin, ...] | Failure, project: PluginProject, failure: Failure
) -> tuple[AuditedDependency, ...]:
    """Return the dependencies of an audit that did not take place."""
    status = "failed" if failure.severity is Severity.INCOMPLETE else "skipped"
    if isinstance(pins, tuple):
        return tuple(AuditedDependency(pin.name, pin.version, status, failure.reason) for pin in pins)
    names = sorted({_name(entry) for entry in declared(project)})
    return tuple(AuditedDependency(name, "", status, failure.reason) for name in names)


def _name(requirement: str) -> str:
    try:
        return canonicalize_name(Requirement(requirement).name)
    except InvalidRequirement:
        return requirement


def _lock_path(project: PluginProject) -> str:
    """Return where the lock stands: beside ``pyproject.toml``, or beside a wheel's METADATA."""
    return PurePosixPath(project.project_file).with_name(LOCK_FILE).as_posix()
