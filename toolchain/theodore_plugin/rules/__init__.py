"""The rules, in report order of their groups. A rule that is not in this tuple does not exist."""

from __future__ import annotations

from theodore_plugin.rules.code import (
    dynamic_code_execution,
    dynamic_import,
    encoded_code_execution,
    hardcoded_secret,
    host_monkeypatch,
    interpreter_persistence,
    invisible_or_bidi_characters,
    native_call,
    sandbox_tampering,
    shell_injection,
    tls_verification_disabled,
    unsafe_deserialisation,
)
from theodore_plugin.rules.context import RuleModule
from theodore_plugin.rules.dependencies import direct_url_dependency, forbidden_dependency, undeclared_import
from theodore_plugin.rules.engine import file_not_analysed
from theodore_plugin.rules.interface import (
    async_mismatch,
    host_internals_import,
    inconsistent_mro,
    interface_not_implemented,
    kind_mismatch,
    missing_method,
    signature_mismatch,
    unknown_hook,
    unprovable_interface,
)
from theodore_plugin.rules.lifecycle import blocking_call_in_async
from theodore_plugin.rules.manifest import (
    host_range_missing,
    invalid_plugin_id,
    manifest_ambiguous,
    manifest_invalid,
    manifest_missing,
    metadata_drift,
    metadata_not_literal,
    unknown_manifest_field,
    version_not_pep440,
)
from theodore_plugin.rules.packaging import startup_hook_in_wheel
from theodore_plugin.rules.permissions import (
    permission_at_import,
    permission_overbroad,
    permission_reason_missing,
    policy_denied,
    unanalyzable_capability,
    undeclared_permission,
    undeclared_target,
    unused_permission,
)

RULES: tuple[RuleModule, ...] = (
    manifest_missing,
    manifest_ambiguous,
    manifest_invalid,
    unknown_manifest_field,
    metadata_not_literal,
    metadata_drift,
    invalid_plugin_id,
    version_not_pep440,
    host_range_missing,
    missing_method,
    signature_mismatch,
    async_mismatch,
    unknown_hook,
    kind_mismatch,
    interface_not_implemented,
    inconsistent_mro,
    unprovable_interface,
    host_internals_import,
    undeclared_permission,
    undeclared_target,
    unused_permission,
    permission_overbroad,
    permission_reason_missing,
    permission_at_import,
    policy_denied,
    unanalyzable_capability,
    dynamic_code_execution,
    dynamic_import,
    encoded_code_execution,
    unsafe_deserialisation,
    native_call,
    shell_injection,
    sandbox_tampering,
    host_monkeypatch,
    interpreter_persistence,
    hardcoded_secret,
    tls_verification_disabled,
    invisible_or_bidi_characters,
    direct_url_dependency,
    forbidden_dependency,
    undeclared_import,
    startup_hook_in_wheel,
    blocking_call_in_async,
    file_not_analysed,
)
