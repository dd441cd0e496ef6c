"""Every fix there is. A module that is not in this tuple does not exist."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from theodore_plugin.fixes.fixer import Fixer

MODULES = (
    "unknown_manifest_field",
    "metadata_drift",
    "invalid_plugin_id",
    "version_not_pep440",
    "host_range_missing",
    "host_range_too_narrow",
    "entry_point_unresolvable",
    "link_broken_or_insecure",
    "permission_unknown",
    "missing_method",
    "signature_mismatch",
    "async_mismatch",
    "unknown_hook",
    "host_internals_import",
    "hook_not_annotated",
    "undeclared_permission",
    "dependency_capability",
    "undeclared_target",
    "unused_permission",
    "permission_overbroad",
    "unsafe_deserialisation",
    "shell_injection",
    "tls_verification_disabled",
    "weak_crypto",
    "invisible_or_bidi_characters",
    "path_traversal",
    "overstrict_bound",
    "undeclared_import",
    "unused_dependency",
    "blocking_call_in_async",
    "no_shutdown",
    "network_without_timeout",
)


@cache
def fixers() -> Mapping[str, Fixer]:
    """Return the fixes by the name of the rule they mend."""
    found = (import_module(f"theodore_plugin.fixes.{name}") for name in MODULES)
    return {module.RULE: module for module in found}
