"""What a module imports from elsewhere, and which distribution that may come from."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from packaging.utils import canonicalize_name

from theodore_plugin.facts import model as m
from theodore_plugin.rules.context import RuleContext
from theodore_plugin.rules.interface.host_internals_import import HOST_PACKAGES

_IMPORTERS = ("importlib.import_module", "builtins.__import__", "importlib.__import__")
_MODULE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_NEWER_PYTHONS = frozenset({"_interpchannels", "_interpqueues", "_interpreters", "annotationlib", "compression"})
"""Modules that CPython 3.12 to 3.14 added; a check may run on an older one than the plugin."""
_SUPPLIED = frozenset({*sys.stdlib_module_names, *_NEWER_PYTHONS, *HOST_PACKAGES, "theodore_sdk"})


def foreign_imports(context: RuleContext, facts: m.ModuleFacts) -> Iterator[tuple[m.Span, str]]:
    """Iterate over imports of what neither the plugin, nor Python, nor the host brings; by statement or by name.

    What lies under the plugin's own top-level packages is its own, whether it is Python or a compiled module.
    """
    own = {root.removeprefix("src/").removesuffix(".py") for root in context.project.package_roots}
    for span, target in sorted({*_statements(context, facts), *_by_name(context, facts)}):
        root = target.split(".", 1)[0]
        if root not in _SUPPLIED and root not in own:
            yield span, target


def loaded_modules(context: RuleContext) -> frozenset[str]:
    """Return the modules that importing the plugin class runs in any case (of no plugin: importing its packages)."""
    plugin = context.metadata.plugin
    roots = (root.removeprefix("src/").removesuffix(".py") for root in context.project.package_roots)
    pending = [str(plugin.module.module)] if plugin else list(roots)
    loaded: set[str] = set()
    while pending:
        name = pending.pop()
        facts = context.names.modules.get(name)
        if facts is None or name in loaded:
            continue
        loaded.add(name)
        pending += [name.rpartition(".")[0], *_own_imports(context, facts)]
    return frozenset(loaded)


def unconditional(body: m.Block) -> Iterator[m.Statement]:
    """Iterate over the simple statements that run whenever the module is imported: in no branch, no function."""
    for statement in body:
        if isinstance(statement, m.Class | m.With):
            yield from unconditional(statement.body)
        elif isinstance(statement, m.Try):
            yield from unconditional((*statement.body, *statement.orelse, *statement.final))
        elif not isinstance(statement, m.Function | m.If | m.For | m.While | m.Match):
            yield statement


def distribution(context: RuleContext, target: str) -> str:
    """Return which distribution brings a module, as far as the capability map knows; else the module's own name."""
    library = context.capabilities.library(target)
    return library.distribution if library and library.distribution else target.split(".", 1)[0]


def may_bring(name: str, target: str) -> bool:
    """Whether a distribution, by its normalised name, may bring a module of which nothing is known.

    Without a map entry the import name is all there is: python-foo and foo-python are taken to bring foo.
    """
    bare = canonicalize_name(target.split(".", 1)[0])
    return bare in name.split("-") or name.replace("-", "") == bare.replace("-", "")


def _own_imports(context: RuleContext, facts: m.ModuleFacts) -> Iterator[str]:
    for node in unconditional(facts.body):
        if isinstance(node, m.Import):
            yield node.target
        elif isinstance(node, m.ImportFrom):
            source = context.names.absolute(facts, node)
            yield from (source, f"{source}.{node.attribute}")


def _statements(context: RuleContext, facts: m.ModuleFacts) -> Iterator[tuple[m.Span, str]]:
    for node in m.walk(facts.body):
        for target in context.names.foreign_imports(facts, node):
            yield node.span, target


def _by_name(context: RuleContext, facts: m.ModuleFacts) -> Iterator[tuple[m.Span, str]]:
    """Find imports by a constant name; one that is computed is dynamic-import's matter."""
    for call, _ in context.inference.calls_of(*_IMPORTERS):
        if call.path != facts.path or not call.texts:
            continue
        for name in call.texts[0]:
            if _MODULE.fullmatch(name) and not context.names.is_own(name):
                yield call.node.span, name
