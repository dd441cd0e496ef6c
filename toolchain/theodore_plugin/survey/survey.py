"""Survey a package: lower its files, infer, and gather the answer.

Without a plugin class every public function is an entry, because whoever imports the package may call it. What the
package imports is followed into the environment, unless the capability map describes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from theodore_plugin.distributions import Distribution, Environment
from theodore_plugin.distributions.model import Input
from theodore_plugin.facts.lowering import lower_dependency
from theodore_plugin.facts.model import FactsFailure, ModuleFacts
from theodore_plugin.facts.names import Names
from theodore_plugin.facts.naming import distinctly_named
from theodore_plugin.inference.capabilities import CapabilityMap, shipped_map
from theodore_plugin.inference.infer import infer
from theodore_plugin.inference.summaries.follow import Followed, follow
from theodore_plugin.inference.summaries.store import SummaryStore
from theodore_plugin.metadata import MetadataReading, read_metadata
from theodore_plugin.project import PluginProject, UnreadableFile
from theodore_plugin.report.model import DeclaredPermission
from theodore_plugin.survey.model import Dependency, Survey, rows_of
from theodore_plugin.survey.subject import Subject
from theodore_plugin.survey.witness import UNSEEN

_OF_CONTENT = ("syntax error", "nested too deeply", "contains a null byte", "declares the encoding", "is not valid")
"""How reasons begin that lie in a file's content; others (time, memory, a crash) may not come again."""


def survey(subject: Subject, environment: Environment, capabilities: CapabilityMap | None = None) -> Survey:
    """Infer what a package can do. Nothing in the package raises: what cannot be read is in ``failed``."""
    lowered, failures = lower_dependency(subject.files)
    facts = distinctly_named(lowered)
    names = Names({str(module.module): module for module in facts.values()})
    metadata = read_metadata(PluginProject(Path(), subject.package.path, subject.files), names)
    known = follow(names, capabilities or shipped_map(), environment, SummaryStore.of_user())
    inferred = infer(names, known.knowledge, metadata.entry_classes)
    failed = (*subject.unreadable, *_failed(failures), *_gaps(known))
    return Survey(
        package=subject.package,
        rows=rows_of(inferred.permissions),
        unknown=inferred.unknown,
        analysed=len(facts),
        lines=_lines(facts),
        calls_seen=inferred.calls_seen,
        calls_resolved=inferred.calls_resolved,
        failed=failed,
        skipped=tuple(item for item in subject.skipped if item.path.rpartition("/")[2] not in UNSEEN),
        declared=_declared(metadata),
        startup_hooks=subject.distribution.startup_hooks,
        native=subject.distribution.native,
        followed=tuple(Dependency(found.name, found.version, found.digest) for found in _ordered(known)),
        inputs=_inputs(subject, known, failed),
    )


def _ordered(known: Followed) -> list[Distribution]:
    return [known.distributions[name] for name in sorted(known.distributions)]


def _gaps(known: Followed) -> Iterator[UnreadableFile]:
    """Yield what was not analysed of dependencies."""
    for found in _ordered(known):
        for path, reason in known.gaps.get(found.name, ()):
            yield UnreadableFile(path, f"{reason}; in {found}")


def _inputs(subject: Subject, known: Followed, failed: Iterable[UnreadableFile]) -> tuple[Input, ...] | None:
    """Return what the answer rests on; ``None`` if something failed for another reason than a file's content."""
    if subject.inputs is None or not all(item.reason.startswith(_OF_CONTENT) for item in failed):
        return None
    return (*subject.inputs, *(item for found in _ordered(known) for item in found.inputs))


def _lines(facts: Mapping[str, ModuleFacts]) -> int:
    return sum(module.lines for module in facts.values())


def _failed(failures: Iterable[FactsFailure]) -> tuple[UnreadableFile, ...]:
    return tuple(UnreadableFile(f"{item.path}:{item.line}", item.reason) for item in failures)


def _declared(metadata: MetadataReading) -> tuple[DeclaredPermission, ...] | None:
    if metadata.info is None:
        return None
    return tuple(DeclaredPermission(p.type.value, p.pattern, p.description) for p in metadata.info.permissions)
