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
_SUPPLIED = frozenset({*sys.stdlib_module_names, *HOST_PACKAGES, "theodore_sdk"})


def foreign_imports(context: RuleContext, facts: m.ModuleFacts) -> Iterator[tuple[m.Span, str]]:
    """Iterate over imports of what neither the plugin, nor Python, nor the host brings; by statement or by name."""
    for span, target in sorted({*_statements(context, facts), *_by_name(context, facts)}):
        if target.split(".", 1)[0] not in _SUPPLIED:
            yield span, target


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
