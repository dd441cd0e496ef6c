"""Talking to anyone who claims to be the right server."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.inference.model import ResolvedCall
from theodore_plugin.rules.context import RuleContext, report

SWITCHES = frozenset({"verify", "ssl", "verify_ssl", "ssl_verify", "check_hostname"})
CERTIFICATES = frozenset({"cert_reqs", "ssl_cert_reqs"})
CONTEXTS = ("ssl._create_unverified_context", "ssl._create_default_https_context")

RULE = Rule(
    name="tls-verification-disabled",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="Certificate or host name verification is switched off.",
    why="Anyone between the plugin and the server can read and change everything.",
    remedy="Remove the switch; for a private authority, pass its certificate.",
    bad=(
        Example("import httpx\n\nclient = httpx.AsyncClient(verify=False)\n", "verify=False"),
        Example(
            "import ssl\n\ncontext = ssl.create_default_context()\ncontext.check_hostname = False\n", "on a context"
        ),
    ),
    good=(
        Example("import httpx\n\nclient = httpx.AsyncClient(verify='/etc/ssl/own-ca.pem')\n", "an own authority"),
        Example("def check(verify=False):\n    return verify\n\n\ncheck(verify=False)\n", "not a client"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at arguments of foreign calls, and at attributes of contexts."""
    for call in context.inference.calls:
        for argument in call.node.arguments:
            if _switches_off(argument) and _is_network(context, call):
                yield report(RULE, argument.span.at(call.path), f"{argument.keyword} switches verification off")
    for call, name in context.inference.calls_of(*CONTEXTS):
        yield report(RULE, call.location, f"{name} verifies nothing")
    for facts in context.facts.values():
        for node in m.walk(facts.body):
            if isinstance(node, m.Assign) and _weakens(node):
                yield report(RULE, node.span.at(facts.path), "the context no longer verifies the server")


def _switches_off(argument: m.Argument) -> bool:
    if argument.keyword in SWITCHES:
        return isinstance(argument.value, m.Constant) and argument.value.value is False
    return argument.keyword in CERTIFICATES and _is_none_constant(argument.value)


def _is_none_constant(value: m.Expr) -> bool:
    if isinstance(value, m.Constant):
        return value.value in {"CERT_NONE", "NONE"}
    return (m.dotted(value) or "").endswith("CERT_NONE")


def _is_network(context: RuleContext, call: ResolvedCall) -> bool:
    return any(
        effect.permission.value == "network" for name in call.callees for effect in context.capabilities.of_call(name)
    )


def _weakens(node: m.Assign) -> bool:
    for target in node.targets:
        if isinstance(target, m.Attribute) and target.attr == "check_hostname":
            return isinstance(node.value, m.Constant) and node.value.value is False
        if isinstance(target, m.Attribute) and target.attr == "verify_mode" and node.value is not None:
            return _is_none_constant(node.value)
        if isinstance(target, m.Attribute) and target.attr == "_create_default_https_context":
            return True
    return False
