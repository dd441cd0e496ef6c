"""What the code of one side was seen to do: the analysis of ``theodore-plugin permissions``, as texts to compare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.manifest import Manifest
from theodore_plugin.distributions import Environment
from theodore_plugin.facts.lowering import lower_dependency
from theodore_plugin.facts.names import Names
from theodore_plugin.facts.naming import distinctly_named
from theodore_plugin.inference.model import Phase
from theodore_plugin.metadata import read_metadata
from theodore_plugin.project import PluginProject
from theodore_plugin.survey.model import Survey
from theodore_plugin.survey.subject import Where, find
from theodore_plugin.survey.survey import survey

_THROUGH = " through "


@dataclass(frozen=True, slots=True)
class Seen:
    """What the code does (``type access target``), and which files could not be looked at."""

    inferred: frozenset[str]
    incomplete: tuple[str, ...]

    @property
    def own(self) -> Iterator[str]:
        """What it does by itself, not through a dependency."""
        return (text for text in self.inferred if _THROUGH not in text)


def seen_in(path: Path) -> Seen:
    """Survey a wheel or a source tree; raises as :func:`theodore_plugin.survey.subject.find`."""
    environment = Environment.running()
    found = survey(find(str(path), Where(environment, download=False)), environment)
    return Seen(frozenset(_texts(found)), tuple(f"{item.path} ({item.reason})" for item in found.failed))


def manifest_of(project: PluginProject) -> Manifest:
    """Return the manifest a source tree would be packaged with; raises ConfigurationProblem if it cannot be read."""
    lowered, _ = lower_dependency(project.files)
    names = Names({str(module.module): module for module in distinctly_named(lowered).values()})
    reading = read_metadata(project, names)
    if reading.info is None or reading.plugin_class is None:
        raise ConfigurationProblem(
            f"{project.label} says nothing complete about its plugin",
            help=f"theodore-plugin check {project.label} tells what is wrong with get_plugin_info()",
        )
    return Manifest(reading.info, reading.plugin_class)


def _texts(found: Survey) -> Iterator[str]:
    for row in found.rows:
        importing = " while it is imported" if row.phase is Phase.IMPORT else ""
        through = f"{_THROUGH}{row.through}" if row.through else ""
        yield f"{row.type} {row.access} {row.target or '*'}{importing}{through}"
    for unknown in found.unknown:
        yield f"unknown: {unknown.reason}"
