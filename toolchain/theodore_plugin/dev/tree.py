"""A source tree as something a supervisor can start: read statically, granted by policy, signed by nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from theodore_loader.config import prepare_config
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.manifest import Manifest, from_json, to_json
from theodore_loader.paths import cache_dir, home_dir, private_dir
from theodore_loader.policy import Policy, capped, grants
from theodore_loader.sandbox.tier import Tier
from theodore_loader.supervise import own_state
from theodore_loader.supervise.edition import Edition
from theodore_loader.supervise.plan import Plan
from theodore_plugin.analysis import build_context
from theodore_plugin.dev.snapshot import snapshot
from theodore_plugin.distributions.environment import Environment
from theodore_plugin.metadata import MetadataReading
from theodore_plugin.project import PluginProject

MARKS = ("unsigned",)


@dataclass(frozen=True, slots=True)
class Tree:
    """What to run: a project folder, and what it is run with.

    Attributes:
        path: the project folder.
        config: the plugin's configuration.
        policy: what it may be granted of what it declares.
        minimum_tier: weakest sandbox to accept; ``None``: what the policy says.
        environment: where its dependencies are installed; ``None``: its own ``.venv``, else where this program runs.
        home: state of development runs, apart from that of real hosts.
        authorities: certificates (PEM) its clients believe beside the system's.

    """

    path: Path
    config: Mapping[str, Any]
    policy: Policy
    minimum_tier: Tier | None
    environment: Path | None
    home: Path
    authorities: Path | None = None

    @property
    def tier(self) -> Tier:
        """Weakest sandbox to accept."""
        return Tier[self.policy.minimum_tier.upper()] if self.minimum_tier is None else self.minimum_tier


def edition_of(tree: Tree, copies: Path | None = None) -> Edition:
    """Read the tree as it is now and return what to start; nothing of it runs here.

    Its copy is made in ``copies``; default: a folder that nobody clears.

    Raises:
        ConfigurationProblem: its metadata cannot be read, or the configuration does not fit; file and line are named.
        Refused: a grant reaches the state of hosts on this machine.
        OSError: the tree cannot be copied.

    """
    project = PluginProject.open(tree.path)
    if project.is_wheel:
        raise ConfigurationProblem(
            f"{tree.path} is a wheel, and dev run takes source trees", help=f"theodore-plugin run {tree.path} METHOD"
        )
    context = build_context(project, tree.policy)
    for failure in context.failures:
        raise ConfigurationProblem(f"{failure.path}: {failure.reason}", help="it takes over once it can be parsed")
    manifest = _manifest(project, context.metadata)
    info = manifest.info
    granted = grants(info.permissions, tree.policy, info.category).permissions
    own_state.refuse_reaching((home_dir(), tree.home, cache_dir()), granted)
    own = tree.home / "plugins" / info.name
    plan = Plan(
        manifest=manifest,
        grants=granted,
        limits=capped(info.resource_limits, tree.policy, info.category),
        roots=(snapshot(project, copies or private_dir(tree.home / "trees")), *_environment(tree)),
        folders={"data": private_dir(own / "data"), "cache": private_dir(own / "cache"), "tmp": own},
        minimum_tier=tree.tier,
        config=prepare_config(info.configuration_schema, tree.config),
    )
    return Edition(plan, recheck=lambda: None, marks=MARKS)


def _manifest(project: PluginProject, reading: MetadataReading) -> Manifest:
    if reading.info is None or reading.plugin_class is None:
        problem = reading.problems[0] if reading.problems else None
        raise ConfigurationProblem(
            f"{problem.location}: {problem.message}" if problem else "the plugin's metadata cannot be read",
            help=(problem.help if problem else None) or f"theodore-plugin check {project.root}",
        )
    return from_json(to_json(Manifest(reading.info, reading.plugin_class)))


def _environment(tree: Tree) -> tuple[Path, ...]:
    """Return the folders its dependencies are imported from, all of which the plugin may read.

    A tree's own ``.venv`` counts where it lies in the tree: a link could point at anything.
    """
    if tree.environment is not None:
        return Environment.at(tree.environment).folders
    own = tree.path / ".venv"
    if not own.is_dir():
        return Environment.running().folders
    folders = Environment.at(own).folders
    root = tree.path.resolve()
    if outside := [folder for folder in folders if not folder.resolve().is_relative_to(root)]:
        raise ConfigurationProblem(
            f"{own} leads out of the project, to {outside[0].resolve()}, which the plugin could then read",
            help="name the environment if you mean it: --environment DIR",
        )
    return folders
