"""Every rule there is, by name: those of the static analysis, of the engine, and of the hosts that refuse wheels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache

from theodore_loader.data import policies_dir
from theodore_plugin import __version__
from theodore_plugin.finding import Rule
from theodore_plugin.rules.engine.reports import ENGINE_RULES, KNOWN_VULNERABILITY
from theodore_plugin.rules.packaging.refusals import ARTIFACT_RULES
from theodore_plugin.rules.trust.refusals import TRUST_RULES


@cache
def rule_book() -> Mapping[str, Rule]:
    """Return all rules by name, in report order."""
    from theodore_plugin.rules.catalogue import RULES  # every rule's file: the scanners are started before

    static = (module.RULE for module in RULES)
    return {rule.name: rule for rule in (*static, *ENGINE_RULES, *ARTIFACT_RULES, *TRUST_RULES)}


@cache
def rule_groups() -> Mapping[str, str]:
    """Return the group of each rule: the folder its file is in, and the heading it has in lists."""
    from theodore_plugin.rules.catalogue import RULES

    static = {module.RULE.name: module.__name__.split(".")[-2] for module in RULES}
    apart = {"engine": ENGINE_RULES, "packaging": ARTIFACT_RULES, "trust": TRUST_RULES}
    others = {rule.name: group for group, rules in apart.items() for rule in rules}
    return static | others | {KNOWN_VULNERABILITY.name: "dependencies"}


@cache
def rule_set_digest(capabilities: str | None = None) -> str:
    """Return the SHA-256 (hex) of what decides besides the policy: tool version, rules, and the data they read.

    ``capabilities`` is the digest of a capability map with a user's files over the shipped ones.
    """
    summary = {
        "tool": __version__,
        "rules": [
            [rule.name, rule.severity.value, rule.confidence.value, rule.silencer.value]
            for rule in rule_book().values()
        ],
        "data": {name: hashlib.sha256(content).hexdigest() for name, content in _data()},
    }
    if capabilities is not None:
        summary["capabilities"] = capabilities
    return hashlib.sha256(json.dumps(summary, sort_keys=True).encode()).hexdigest()


def _data() -> list[tuple[str, bytes]]:
    folder = policies_dir()
    paths = sorted([*folder.glob("capabilities/**/*"), *folder.glob("contracts/**/*")])
    return [(path.relative_to(folder).as_posix(), path.read_bytes()) for path in paths if path.is_file()]
