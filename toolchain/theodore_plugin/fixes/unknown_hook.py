"""A hook is called as the host calls it."""

from __future__ import annotations

import re

from theodore_plugin.contracts.signature import signature_problem
from theodore_plugin.facts import model as m
from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.contracts import function_at
from theodore_plugin.fixes.model import Fix, NoFix

RULE = "unknown-hook"
SAFE = False
DOES = "Rename the method to the hook it resembles. The host calls it from then on, which it never did."
_MEANT = re.compile(r"did you mean (?P<name>\w+)\?")


def fix(finding: Finding, context: FixContext) -> Fix:
    """Rename the definition, if nothing else uses the name."""
    meant = _MEANT.fullmatch(finding.help or "")
    function = function_at(context, finding)
    if meant is None or _is_mentioned(function.name, context):
        raise NoFix("the name is used elsewhere, too")
    if not _fits(function, meant["name"], context):
        raise NoFix("the method cannot be called as the hook is")
    source = context.source(finding.location.path)
    edit = source.replace(*source.extent(finding.location), meant["name"])
    return Fix(RULE, SAFE, (edit,), f"call it {meant['name']}")


def _fits(function: m.Function, name: str, context: FixContext) -> bool:
    """Whether the host could call the method as it calls the hook."""
    for host in context.rules.hosts:
        for cls, contract in context.rules.claims(host):
            wanted = contract.methods.get(name)
            if wanted is None or function not in cls.node.body:
                continue
            unlike = function.is_async is (wanted.kind == "sync") or function.decorators
            if unlike or signature_problem(function.parameters[1:], wanted.parameters):
                return False
    return True


def _is_mentioned(name: str, context: FixContext) -> bool:
    for facts in context.rules.facts.values():
        for node in m.walk(facts.body):
            written = node.attr if isinstance(node, m.Attribute) else node.id if isinstance(node, m.Name) else None
            if name in (written, node.value if isinstance(node, m.Constant) else None):
                return True
    return False
