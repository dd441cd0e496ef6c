"""Everything a check depends on besides the project itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from theodore_loader.policy.model import Policy
from theodore_plugin.advisories.source import ONLINE, AdvisorySource
from theodore_plugin.distributions.environment import Environment
from theodore_plugin.inference.capabilities import CapabilityMap, load_maps
from theodore_plugin.project import PluginProject
from theodore_plugin.settings.narrowing import baseline_of, data_files, is_the_projects, named_files, selection_of
from theodore_plugin.settings.options import NOTHING_SAID, Options, Persona
from theodore_plugin.settings.origin import Said, Setting, Voice, decide
from theodore_plugin.settings.own_scanners import own_scanners
from theodore_plugin.settings.profile_voice import profile_voice
from theodore_plugin.settings.project_table import project_voice
from theodore_plugin.settings.standing import read_standing, standing_file

if TYPE_CHECKING:
    from theodore_plugin.engine.baseline_file import Baseline
    from theodore_plugin.engine.selection import Selection
    from theodore_plugin.scanners.custom_definition import Definition
    from theodore_plugin.settings.profile import Profile

SCAN_SECONDS = 120.0
"""Time budget of one step; mypy, the slowest, needs 8 s cold on a large dependency tree."""

_DEFAULTS: dict[str, Any] = {
    "policy": "default",
    "advisories": "online",
    "persona": Persona.REGULAR.value,
    "as_library": False,
}


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
    audience: str | None = None
    """For whom the policy's levels are read; ``policy`` is already the one that counts for them."""
    profile: Profile | None = None
    """The registry's terms this check follows."""
    as_library: bool = False
    """Whether the project is no Theodore plugin and is not asked to be one."""
    selection: Selection | None = None
    """What is reported; ``None`` for everything."""
    baseline: Baseline | None = None
    """Findings that are accepted as they are."""
    scanners: tuple[Definition, ...] = ()
    """Scanners that whoever runs the check, or the policy they chose, defined."""
    incremental: bool = True
    """Whether what earlier runs established may be used; who signs a verdict looks at everything anew."""
    files: tuple[Path, ...] = field(default=(), compare=False)
    """Every file that was read, or looked for, to decide all this."""
    decided: tuple[Setting, ...] = field(default=(), compare=False)
    """Each setting with its origin, for ``--show-settings``."""

    @classmethod
    def load(cls, project: PluginProject, options: Options = NOTHING_SAID) -> Settings:
        """Hear everybody, strongest first; raise ConfigurationProblem for what is wrong."""
        profile = _profile(options)
        decided = {setting.name: setting for setting in _decided(voices(project, options, profile))}

        def value(name: str) -> Any:
            return decided[name].value

        strangers = project.root if is_the_projects(decided["policy"], project) else None
        policy, policy_files = _policy(profile, value("policy"), value("audience"), within=strangers)
        own = own_scanners(options.scanners, policy, policy_is_the_projects=strangers is not None)
        return cls(
            policy=policy,
            files=(standing_file(), *policy_files, *named_files(decided)),
            audience=value("audience"),
            profile=profile,
            advisories=AdvisorySource.parse(value("advisories")).existing(),
            persona=Persona(value("persona")),
            lock=options.lock,
            environment=Environment.at(options.environment) if options.environment else None,
            capabilities=load_maps(options.capability_maps) if options.capability_maps else None,
            as_library=value("as_library"),
            incremental=not options.no_cache and profile is None,
            scanners=own,
            selection=selection_of(decided, project, policy, [scanner.name for scanner in own]),
            baseline=baseline_of(decided, project),
            decided=tuple(decided.values()),
        )

    @property
    def inputs(self) -> tuple[tuple[str, str], ...]:
        """Every file and folder besides the project that a check has read by now (kinds as in ``survey.witness``)."""
        files = tuple(("file", str(path.absolute())) for path in (*self.files, *data_files(self.advisories)))
        return files + (self.environment.inputs if self.environment else ())

    def whole(self) -> Settings:
        """Return the same settings with nothing taken out: what a check has to have that something is signed on."""
        return replace(self, selection=None, baseline=None, as_library=False, incremental=False)


def voices(project: PluginProject, options: Options, profile: Profile | None = None) -> Sequence[Voice]:
    """Return everybody who says something about this check, strongest first."""
    standing = read_standing()
    everybody = (standing.organisation, _command_line(options), project_voice(project), standing.defaults)
    return everybody if profile is None else (profile_voice(profile), *everybody)


def _policy(
    profile: Profile | None, named: str | Path, audience: str | None, *, within: Path | None
) -> tuple[Policy, tuple[Path, ...]]:
    """Return the policy that counts, and the files it was read from: ``within`` the project, if the project chose."""
    if profile is not None:
        return profile.policy, (profile.path,)
    from theodore_loader.policy.load import policy_sources, stacked_policy

    sources = policy_sources(named, within=within)
    policy = stacked_policy([(source.label, source.data) for source in sources])
    return policy.for_audience(audience), tuple(source.path for source in sources)


def _profile(options: Options) -> Profile | None:
    """Return the profile that whoever runs the check named."""
    if options.profile is None:
        return None
    from theodore_plugin.settings.profile import load_profile

    return load_profile(options.profile)


_NAMES = (
    "policy",
    "audience",
    "profile",
    "advisories",
    "persona",
    "select",
    "ignore",
    "min_severity",
    "min_confidence",
    "baseline",
    "as_library",
    "environment",
    "capability_maps",
    "scanners",
)
_REPEATABLE = frozenset({"capability_maps", "scanners"})


def _decided(heard: Sequence[Voice]) -> list[Setting]:
    return [decide(name, heard, _DEFAULTS.get(name)) for name in _NAMES]


def _command_line(options: Options) -> Voice:
    said = {name: getattr(options, name) for name in _NAMES}
    return Voice(
        "the command line",
        {name: Said(value, _option(name)) for name, value in said.items() if value is not None and value != ()},
    )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-').removesuffix('s' if name in _REPEATABLE else '')}"
