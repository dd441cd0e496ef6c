"""A plugin that is measured: its metadata as tests make it up, under a name of its own, and where it lies."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "support"))

import plugin_infos

from theodore_loader.manifest import Manifest
from theodore_loader.permissions import Permission
from theodore_loader.sandbox.tier import available
from theodore_loader.supervise.plan import Plan
from theodore_sdk import PluginInfo

plugin_info = partial(plugin_infos.plugin_info, "bench")


def plan_in(folder: Path, source: str, info: PluginInfo, *grants: str) -> Plan:
    """Write a plugin, whose class is ``Bench``, and its folders into ``folder``; return how to run it confined."""
    package = folder / "plugin"
    package.mkdir()
    (package / "bench_plugin.py").write_text(source)
    folders = {own: folder / own for own in ("data", "cache", "tmp")}
    for own in folders.values():
        own.mkdir()
    return Plan(
        manifest=Manifest(info, "bench_plugin:Bench"),
        grants=tuple(Permission.from_text(grant) for grant in grants),
        limits=info.resource_limits,
        roots=(package,),
        folders=folders,
        minimum_tier=available().tier,
    )
