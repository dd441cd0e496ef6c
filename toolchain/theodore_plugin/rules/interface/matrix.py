"""Ask the rules about the host's interface once for every host version in range."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from theodore_plugin.contracts.matrix import HostAnswer, HostMatrix
from theodore_plugin.finding import Finding
from theodore_plugin.rules.context import RuleContext, RuleModule
from theodore_plugin.rules.interface import (
    async_mismatch,
    deprecated_api_use,
    experimental_api_use,
    interface_version_unsupported,
    internal_api_use,
    missing_method,
    removed_api_use,
    return_type_mismatch,
    signature_mismatch,
    unknown_hook,
    unprovable_interface,
)
from theodore_sdk.versions import VersionRange

RULES: tuple[RuleModule, ...] = (
    missing_method,
    signature_mismatch,
    async_mismatch,
    return_type_mismatch,
    unknown_hook,
    unprovable_interface,
    removed_api_use,
    internal_api_use,
    deprecated_api_use,
    experimental_api_use,
    interface_version_unsupported,
)
"""Rules whose answer depends on the host version."""
NAMES = frozenset(rule.RULE.name for rule in RULES)


Runner = Callable[[RuleContext, Sequence[RuleModule]], Iterable[Finding]]


def host_matrix(context: RuleContext, findings: Iterable[Finding], run: Runner) -> HostMatrix:
    """Answer for every known host in range.

    ``findings`` are those of all rules over the whole range; ``run`` runs rules and turns a crash into a finding.
    """
    known = tuple(host.version for host in context.catalogue.hosts)
    wanted = context.metadata.values.get("compatible_versions")
    if not isinstance(wanted, VersionRange):
        return HostMatrix(None, known)
    versions = [host.version for host in context.catalogue.within(wanted)]
    if len(versions) == 1:
        same = sorted((item for item in findings if {item.rule, item.subject} & NAMES), key=lambda item: item.sort_key)
        return HostMatrix(wanted.range_spec, known, (HostAnswer(versions[0], tuple(same)),))
    return HostMatrix(wanted.range_spec, known, tuple(_answer(context, version, run) for version in versions))


def _answer(context: RuleContext, version: str, run: Runner) -> HostAnswer:
    catalogue = context.catalogue.only(version)
    alone = replace(context, catalogue=catalogue, contracts=catalogue.newest)
    return HostAnswer(version, tuple(sorted(run(alone, RULES), key=lambda finding: finding.sort_key)))
