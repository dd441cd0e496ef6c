"""Settings that take findings out of a report, understood only where somebody said any of them; files they name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from theodore_loader.policy.model import Policy
from theodore_plugin.advisories.source import AdvisorySource, Kind
from theodore_plugin.project import PluginProject
from theodore_plugin.settings.origin import Setting

if TYPE_CHECKING:
    from theodore_plugin.engine.baseline_file import Baseline
    from theodore_plugin.engine.selection import Selection

_SELECTING = ("select", "ignore", "min_severity", "min_confidence")


def selection_of(
    decided: Mapping[str, Setting], project: PluginProject, policy: Policy, tools: Iterable[str] = ()
) -> Selection | None:
    """Return what is to be reported, ``None`` for everything; raises ConfigurationProblem for names of nothing.

    ``tools`` are scanners besides the built-in ones and those the policy names.
    """
    if not any(decided[name].value for name in _SELECTING):
        return None
    from theodore_plugin.engine.selection import Known, parse_selection
    from theodore_plugin.rules.book import rule_groups
    from theodore_plugin.scanners import SCANNERS

    return parse_selection(
        Known(rule_groups(), {*(scanner.name for scanner in SCANNERS), *policy.scanners, *tools}),
        policy,
        select=decided["select"].value or (),
        ignore=decided["ignore"].value or (),
        min_severity=decided["min_severity"].value,
        min_confidence=decided["min_confidence"].value,
        authors=any(is_the_projects(decided[name], project) for name in _SELECTING),
    )


def baseline_of(decided: Mapping[str, Setting], project: PluginProject) -> Baseline | None:
    """Read the baseline file that was named; raises ConfigurationProblem for one that cannot be used."""
    setting = decided["baseline"]
    if setting.value is None:
        return None
    from theodore_plugin.engine.baseline_file import read_baseline

    return read_baseline(setting.value, project.name or project.label, authors=is_the_projects(setting, project))


def named_files(decided: Mapping[str, Setting]) -> tuple[Path, ...]:
    """Return the files that settings name besides a policy: the baseline, the user's capability maps and scanners."""
    several = ("capability_maps", "scanners")
    named = (decided["baseline"].value, *(path for name in several for path in decided[name].value or ()))
    return tuple(Path(name) for name in named if name is not None)


def data_files(advisories: AdvisorySource) -> tuple[Path, ...]:
    """Return the file that holds the vulnerability data, if one does."""
    if advisories.kind is Kind.SNAPSHOT:
        return (Path(advisories.where),)
    if advisories.kind is Kind.DATABASE:
        from theodore_plugin.advisories.store import database_path

        return (database_path(),)
    return ()


def is_the_projects(setting: Setting, project: PluginProject) -> bool:
    """Return whether the project's own table decided a setting."""
    return setting.origin.startswith(f"{project.project_file}:")
