"""Importing a distribution the plugin does not depend on."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from dataclasses import replace

from packaging.utils import canonicalize_name

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.dependencies.imports import (
    distribution,
    foreign_imports,
    loaded_modules,
    may_bring,
    unconditional,
)
from theodore_plugin.rules.dependencies.locked import parsed, read_locked

_OTHER_FAILURES = frozenset(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, Exception) and not issubclass(ImportError, value)
) - {"ModuleNotFoundError"}
"""Built-in exceptions whose handler does not see a failed import."""

RULE = Rule(
    name="undeclared-import",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.INLINE,
    summary="An import is covered neither by the standard library, nor by the plugin, nor by its dependencies.",
    why="The worker's environment holds the locked dependencies and nothing else; the import fails there. What only "
    "some branch, function or module that the plugin does not import needs is a warning.",
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
    """Look at every import that nothing around it expects to fail, once per module and library."""
    if not _are_stated(context):
        return
    declared, loaded = _declared(context), loaded_modules(context)
    for facts in context.facts.values():
        certain = _always_run(facts) if facts.module in loaded else frozenset[m.Span]()
        expected, seen = _guarded(facts.body), set[str]()
        for span, target in sorted(foreign_imports(context, facts), key=lambda item: (item[0] not in certain, item)):
            root = target.split(".", 1)[0]
            if root not in seen and span not in expected and not _is_known(context, target, declared):
                seen.add(root)
                yield _finding(span.at(facts.path), root, distribution(context, target), certain=span in certain)


def _are_stated(context: RuleContext) -> bool:
    """Whether the project says what it depends on; a build script that is run for it (PEP 621 ``dynamic``) may."""
    table = context.project.table
    return "name" in table and "dependencies" not in table.get("dynamic", ())


def _always_run(facts: m.ModuleFacts) -> frozenset[m.Span]:
    return frozenset(node.span for statement in unconditional(facts.body) for node in m.walk(statement))


def _finding(location: Location, root: str, name: str, *, certain: bool) -> Finding:
    message = f"imports {root}, but {name} is not among the dependencies"
    help_text = f'add "{name}" to dependencies and required_packages'
    if certain:
        return report(RULE, location, message, help_text)
    found = report(RULE, location, f"{message} (needed only where this line is reached)", help_text)
    return replace(found, severity=Severity.WARNING, confidence=Confidence.MEDIUM)


def _declared(context: RuleContext) -> frozenset[str]:
    lines = list(context.project.table.get("dependencies", ()))
    for extra in (context.project.table.get("optional-dependencies") or {}).values():
        lines.extend(extra)
    names = [item.name for item in context.metadata.values.get("required_packages", ())]
    names += [item.name for item in context.metadata.values.get("optional_packages", ())]
    names += [need.name for need in parsed(lines)]
    locked = read_locked(context.project)
    names += [str(package.get("name")) for package in locked.packages] if locked else []
    return frozenset(canonicalize_name(name) for name in names)


def _is_known(context: RuleContext, target: str, declared: frozenset[str]) -> bool:
    brought_by = canonicalize_name(distribution(context, target))
    return brought_by in declared or any(may_bring(name, target) for name in declared)


def _guarded(body: m.Block) -> frozenset[m.Span]:
    """Find what may be missing at run time, because the code around it says so, and what replaces it then."""
    found: set[m.Span] = set()
    for statement in m.walk(body):
        if isinstance(statement, m.If | m.Try | m.With) and _expects_failure(statement):
            blocks = [statement.body]
            if isinstance(statement, m.Try):
                blocks += [statement.orelse, *(handler.body for handler in statement.handlers)]
            found.update(inner.span for block in blocks for inner in m.walk(block))
    return frozenset(found)


def _expects_failure(statement: m.If | m.Try | m.With) -> bool:
    """Whether a handler, ``suppress``, a look for the module, or ``TYPE_CHECKING`` surrounds the body."""
    if isinstance(statement, m.Try):
        return any(_catches_import_errors(handler.caught) for handler in statement.handlers)
    if isinstance(statement, m.If):
        asked = [m.dotted(node.callee) for node in m.walk(statement.test) if isinstance(node, m.Call)]
        return (m.dotted(statement.test) or "").endswith("TYPE_CHECKING") or any(
            (name or "").endswith("find_spec") for name in asked
        )
    return any(
        isinstance(manager, m.Call)
        and (m.dotted(manager.callee) or "").endswith("suppress")
        and any(_catches_import_errors(argument.value) for argument in manager.arguments)
        for manager, _ in statement.items
    )


def _catches_import_errors(caught: m.Expr | None) -> bool:
    if isinstance(caught, m.Sequence):
        return any(_catches_import_errors(item) for item in caught.items)
    # a class kept in a variable may be any of them
    return caught is None or (m.dotted(caught) or "?").rpartition(".")[2] not in _OTHER_FAILURES
