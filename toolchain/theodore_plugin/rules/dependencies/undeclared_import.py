"""Importing a distribution the plugin does not depend on."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import module_level
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.inference.infer import imported_roots
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.interface.host_internals_import import HOST_PACKAGES

RULE = Rule(
    name="undeclared-import",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.INLINE,
    summary="An import is covered neither by the standard library, nor by the plugin, nor by its dependencies.",
    why="The worker's environment holds the locked dependencies and nothing else; the import fails there.",
    remedy="Add the distribution to dependencies and to required_packages.",
    bad=(
        Example("import requests\n", "a distribution of the same name"),
        Example(
            "def parse(text):\n    from bs4 import BeautifulSoup\n\n    return BeautifulSoup(text)\n", "of another name"
        ),
    ),
    good=(
        Example("import httpx\nimport json\n", "declared, and the standard library"),
        Example(
            "try:\n    import orjson as json\nexcept ImportError:\n    import json\n", "optional, with a fall-back"
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at every import that is not guarded by ``except``."""
    declared = _declared(context)
    for facts in context.facts.values():
        optional = _guarded(facts.body)
        seen: set[str] = set()
        for node in m.walk(facts.body):
            for target in imported_roots(context.names, facts, node):
                root = target.split(".", 1)[0]
                if root in seen or id(node) in optional or _is_known(context, target, declared):
                    continue
                seen.add(root)
                name = _distribution(context, target)
                message = f"imports {root}, but {name} is not among the dependencies"
                yield report(
                    RULE, node.span.at(facts.path), message, f'add "{name}" to dependencies and required_packages'
                )


def _declared(context: RuleContext) -> frozenset[str]:
    lines = list(context.project.table.get("dependencies", ()))
    for extra in (context.project.table.get("optional-dependencies") or {}).values():
        lines.extend(extra)
    names = [item.name for item in context.metadata.values.get("required_packages", ())]
    names += [item.name for item in context.metadata.values.get("optional_packages", ())]
    for line in lines:
        try:
            names.append(Requirement(line).name)
        except InvalidRequirement:
            continue
    return frozenset(canonicalize_name(name) for name in names)


def _is_known(context: RuleContext, target: str, declared: frozenset[str]) -> bool:
    root = target.split(".", 1)[0]
    if root in sys.stdlib_module_names or root in HOST_PACKAGES or root == "theodore_sdk":
        return True
    if canonicalize_name(_distribution(context, target)) in declared:
        return True
    # Without a map entry the import name is all there is: python-foo and foo-python are taken to bring foo.
    bare = canonicalize_name(root)
    return any(bare in name.split("-") or name.replace("-", "") == bare.replace("-", "") for name in declared)


def _distribution(context: RuleContext, target: str) -> str:
    library = context.capabilities.library(target)
    return library.distribution if library and library.distribution else target.split(".", 1)[0]


def _guarded(body: m.Block) -> set[int]:
    """Find imports that may be missing at run time: in a ``try`` with handlers, or behind ``TYPE_CHECKING``."""
    found: set[int] = set()
    for statement in (node for node in m.walk(body) if isinstance(node, (m.Try, m.If))):
        checking = isinstance(statement, m.If) and (m.dotted(statement.test) or "").endswith("TYPE_CHECKING")
        if checking or (isinstance(statement, m.Try) and statement.handlers):
            found.update(id(inner) for inner in module_level(statement.body))
    return found
