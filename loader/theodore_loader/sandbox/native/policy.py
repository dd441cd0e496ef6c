"""The hook's rules as plain data, which the extension copies into memory of its own (``policy.c``)."""

from __future__ import annotations

import os
import secrets
from typing import Any

from theodore_loader.sandbox import hook_events as events
from theodore_loader.sandbox.hook_errors import NativeImportDeniedError
from theodore_loader.sandbox.hook_paths import path_facts
from theodore_loader.sandbox.hook_rules import IMPORTERS, WRITING, HookRules, group_leader
from theodore_sdk.errors import PluginPermissionError


def policy(rules: HookRules) -> dict[str, Any]:
    """Return everything the extension needs to know, from the same lists and rules the Python hook uses."""
    return {
        "events": _decisions(),
        "native_events": tuple(events.NATIVE_EVENTS),
        "native_modules": tuple(events.NATIVE_MODULES),
        "namespaces": tuple(events.NAMESPACES),
        "own": rules.own,
        "dependencies": rules.dependencies,
        "silent": rules.silent,
        "silent_files": tuple(rules.silent_files),
        "code_makers": tuple(rules.code_makers),
        "importers": tuple(IMPORTERS),
        "reads": rules.reads.globs,
        "writes": rules.writes.globs,
        "programs": rules.programs.globs,
        "environment": rules.environment.globs,
        "native": rules.native.globs,
        "any_native": rules.any_native,
        "dynamic_code": rules.dynamic_code,
        "leads_group": group_leader(rules),
        "pid": os.getpid(),
        "writing": WRITING,
        "seed": secrets.randbits(64),
        "paths": _paths(),
        "denied": PluginPermissionError,
        "native_denied": NativeImportDeniedError,
    }


def _decisions() -> dict[str, str]:
    judged = {event: name for names, name in events.DECISIONS for event in names}
    return {**dict.fromkeys(events.SILENT, "silent"), **judged}


def _paths() -> tuple[Any, ...] | None:
    facts = path_facts()
    return None if facts is None else (facts.kind, facts.guards, facts.anchored, *facts.slots)
