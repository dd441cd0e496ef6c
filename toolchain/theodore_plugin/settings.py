"""What a check is asked to do: command line before the project's own configuration before defaults.

The project under check may be a stranger's, so its ``[tool.theodore-plugin]`` table can choose only what the
report shows and what cannot reach outside: a policy (its digest is in every verdict), the persona, and
whether advisories are asked for at all (off is incomplete where the policy requires them). It cannot name
network endpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.policy.model import Policy
from theodore_plugin.advisories.source import ONLINE, AdvisorySource, Kind
from theodore_plugin.distributions.environment import Environment
from theodore_plugin.inference.capabilities import CapabilityMap, load_maps
from theodore_plugin.project import PluginProject

BUILT_IN_POLICIES = ("default", "strict", "development")
TABLE = "[tool.theodore-plugin]"
SCAN_SECONDS = 120.0
"""Time budget of one step; mypy, the slowest, needs 8 s cold on a large dependency tree."""


class Persona(Enum):
    """Who reads the report: an auditor also sees findings of low confidence."""

    REGULAR = "regular"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; ``None`` means not said. ``lock`` is a PEP 751 lock made for this check."""

    policy: str | Path | None = None
    advisories: str | None = None
    persona: str | None = None
    lock: bytes | None = None
    environment: Path | None = None
    capability_maps: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a check depends on besides the project itself."""

    policy: Policy
    advisories: AdvisorySource = ONLINE
    persona: Persona = Persona.REGULAR
    lock: bytes | None = None
    scan_seconds: float = SCAN_SECONDS
    environment: Environment | None = None
    """Where the code of dependencies is; without one they are judged by the capability map alone."""
    capabilities: CapabilityMap | None = None
    """The shipped capability map with the user's over it; ``None`` for the shipped one as it is."""

    @classmethod
    def load(cls, project: PluginProject, options: Options = Options()) -> Settings:
        """Combine options, the project's table and defaults; raise ConfigurationProblem for what is wrong."""
        from theodore_loader.policy.load import load_policy

        table = _table(project)
        return cls(
            policy=load_policy(options.policy or _policy_of(project, table)),
            advisories=_advisories(options.advisories, table),
            persona=_persona(options.persona or table.get("persona", Persona.REGULAR.value)),
            lock=options.lock,
            environment=Environment.at(options.environment) if options.environment else None,
            capabilities=load_maps(options.capability_maps) if options.capability_maps else None,
        )


_KEYS = ("policy", "advisories", "persona")


def _table(project: PluginProject) -> Mapping[str, str]:
    tools = project.pyproject.get("tool", {})
    table = tools.get("theodore-plugin", {}) if isinstance(tools, Mapping) else {}
    if not isinstance(table, Mapping):
        raise ConfigurationProblem(
            f"{project.locate('theodore-plugin')}: {TABLE} is not a table",
            help=f"write {TABLE} on a line of its own, and below it {', '.join(_KEYS)}",
        )
    problems = [_problem(key, value) for key, value in table.items() if key not in _KEYS or not isinstance(value, str)]
    if problems:
        raise ConfigurationProblem(
            "\n".join(f"{project.locate(key)}: {problem}" for key, problem in problems),
            help=f"{TABLE} takes {', '.join(_KEYS)}, each a string",
        )
    return table


def _problem(key: str, value: object) -> tuple[str, str]:
    if key in _KEYS:
        return key, f"{TABLE} {key} is a string, not {type(value).__name__}"
    close = get_close_matches(key, _KEYS, n=1)
    return key, f"{TABLE} has no key {key!r}" + (f"; did you mean {close[0]!r}?" if close else "")


def _policy_of(project: PluginProject, table: Mapping[str, str]) -> str | Path:
    """Return the project's choice: a built-in name, or a file inside the project."""
    choice = table.get("policy", "default")
    if choice in BUILT_IN_POLICIES:
        return choice
    path = (project.root / choice).resolve()
    if not path.is_relative_to(project.root.resolve()):
        raise ConfigurationProblem(
            f"{project.locate('policy')}: the policy {choice!r} lies outside the project",
            help="name it on the command line: --policy FILE",
        )
    return path


def _advisories(option: str | None, table: Mapping[str, str]) -> AdvisorySource:
    if option is not None:
        return AdvisorySource.parse(option)
    choice = table.get("advisories", Kind.ONLINE.value)
    if choice not in {Kind.ONLINE.value, Kind.OFF.value}:
        raise ConfigurationProblem(
            f"{TABLE} advisories is `online` or `off`, not {choice!r}",
            help="other sources are named by whoever runs the check: --advisories URL|FILE",
        )
    return AdvisorySource(Kind(choice))


def _persona(choice: str) -> Persona:
    try:
        return Persona(choice)
    except ValueError:
        raise ConfigurationProblem(f"no persona {choice!r}", help="use `regular` or `auditor`") from None
