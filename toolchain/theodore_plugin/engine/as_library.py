"""What a check of a library makes of the scanners' findings: there is no contract for anything to break."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from theodore_plugin.finding import Confidence, Finding, Rule, Severity
from theodore_plugin.rules.library import ABOUT_PLUGINS

_ABOUT_CONTRACTS = "mypy"
"""Its errors are breaches of a class that is extended; in a library, that is one of the library's own."""


def about_any_package(rules: Mapping[str, Rule]) -> Mapping[str, Rule]:
    """Return the rules that lend their names to what scanners find in a library."""
    return {name: rule for name, rule in rules.items() if name not in ABOUT_PLUGINS}


def without_contract(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings of scanners, breaches of contracts as the warnings that other type errors are."""
    for finding in findings:
        if finding.source == _ABOUT_CONTRACTS and finding.severity is Severity.ERROR:
            yield replace(finding, severity=Severity.WARNING, confidence=Confidence.MEDIUM)
        else:
            yield finding
