"""Connections are verified again."""

from __future__ import annotations

from functools import partial

import libcst as cst

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Finding
from theodore_plugin.fixes.callees import with_callee
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.model import Edit, Fix, NoFix
from theodore_plugin.fixes.syntax import argument_number, edit, rewrite, without_argument
from theodore_plugin.rules.code.tls_verification_disabled import CONTEXTS

RULE = "tls-verification-disabled"
SAFE = True
DOES = "Remove the argument that switches verification off, or switch it on again on the context."


def fix(finding: Finding, context: FixContext) -> Fix:
    """Deal with an argument, an assignment, or a call that makes a context, whichever it is."""
    for attempt in (_argument, _assignment, _made):
        edits = attempt(finding, context)
        if edits:
            return Fix(RULE, SAFE, edits, "verify the server")
    raise NoFix("verification is switched off in a way that has no counterpart")


def _argument(finding: Finding, context: FixContext) -> tuple[Edit, ...]:
    for call in context.around(finding.location, m.Call):
        places = [argument.span.at(finding.location.path) for argument in call.arguments]
        if finding.location in places:
            where = call.span.at(finding.location.path)
            number = argument_number(call, finding.location)
            source = context.source(where.path)
            return (edit(source, where, cst.Call, partial(without_argument, number=number)),)
    return ()


def _assignment(finding: Finding, context: FixContext) -> tuple[Edit, ...]:
    for node in context.around(finding.location, m.Assign):
        if node.span.at(finding.location.path) == finding.location and node.value is not None:
            return _switched_on(finding, context, node, node.value)
    return ()


def _switched_on(finding: Finding, context: FixContext, node: m.Assign, written: m.Expr) -> tuple[Edit, ...]:
    names = {target.attr for target in node.targets if isinstance(target, m.Attribute)}
    where = written.span.at(finding.location.path)
    source = context.source(where.path)
    if names == {"check_hostname"}:
        return (rewrite(source, where, "True"),)
    name = m.dotted(written) or ""
    if names == {"verify_mode"} and name.endswith("CERT_NONE"):
        return (rewrite(source, where, f"{name.removesuffix('NONE')}REQUIRED"),)
    return ()


def _made(finding: Finding, context: FixContext) -> tuple[Edit, ...]:
    call, _ = context.call(finding, *CONTEXTS)
    if call.node.arguments:
        raise NoFix("the arguments of the context have no counterpart")
    return with_callee(context, finding.location, "ssl.create_default_context")
