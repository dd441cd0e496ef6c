"""From a verified plugin to what a supervisor starts: grants, capped limits, folders, a checked configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from theodore_loader.config import prepare_config
from theodore_loader.paths import private_dir
from theodore_loader.policy import Policy, capped
from theodore_loader.preparation import Preparation, Prepared
from theodore_loader.sandbox.tier import Tier
from theodore_loader.supervise.edition import Edition
from theodore_loader.supervise.meter.usage import DiskLimit
from theodore_loader.supervise.plan import Plan

UNSIGNED = "unsigned"
"""Marks a plugin that runs because the trust file accepts its exact digest, not because somebody signed it."""


def edition_of(
    prepared: Prepared,
    config: Mapping[str, Any],
    *,
    home: Path,
    policy: Policy,
    minimum_tier: Tier,
    disk: DiskLimit,
    preparation: Preparation,
) -> Edition:
    """Return what to start. Its folders are made; ``tmp`` is each worker's own, and no folder here.

    Raises:
        ConfigurationProblem: ``config`` does not fit the plugin's schema.

    """
    info = prepared.info
    settings = prepare_config(info.configuration_schema, config)
    own = home / "plugins" / info.name
    plan = Plan(
        manifest=prepared.manifest,
        grants=prepared.grants,
        limits=capped(info.resource_limits, policy, info.category),
        roots=prepared.roots,
        folders={"data": private_dir(own / "data"), "cache": private_dir(own / "cache"), "tmp": own},
        minimum_tier=minimum_tier,
        disk=disk,
        config=settings,
    )
    return Edition(
        plan,
        recheck=lambda: preparation.recheck(prepared),
        marks=(*(() if prepared.publisher else (UNSIGNED,)), *prepared.marks),
        verification=prepared.verification,
        warnings=prepared.warnings,
        grounds=preparation.stamp,
        decided_on=prepared.stamp,
    )
