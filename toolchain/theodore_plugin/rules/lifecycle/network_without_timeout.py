"""A request that may wait for ever."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.inference.model import ResolvedCall
from theodore_plugin.rules.context import RuleContext, report

_VERBS = ("get", "post", "put", "patch", "delete", "head", "options", "request")
NO_DEFAULT: Mapping[str, int | None] = {
    **{f"requests.{verb}": None for verb in _VERBS},
    **{f"requests.Session().{verb}": None for verb in _VERBS},
    "ftplib.FTP": 4,
    "http.client.HTTPConnection": 2,
    "http.client.HTTPSConnection": None,
    "imaplib.IMAP4": 2,
    "imaplib.IMAP4_SSL": None,
    "poplib.POP3": 2,
    "poplib.POP3_SSL": None,
    "smtplib.SMTP": 3,
    "smtplib.SMTP_SSL": None,
    "socket.create_connection": 1,
    "urllib.request.urlopen": 2,
}
"""Calls that wait for ever unless told otherwise, and the position of their timeout if it has one."""
WITH_DEFAULT = (
    "aiohttp.ClientSession",
    "aiohttp.ClientTimeout",
    "httpx.AsyncClient",
    "httpx.Client",
    "httpx.Timeout",
    *(f"httpx.{verb}" for verb in _VERBS),
    *(f"httpx.Client().{verb}" for verb in _VERBS),
    *(f"httpx.AsyncClient().{verb}" for verb in _VERBS),
)
"""Calls that have a limit of their own, which ``timeout=None`` takes away."""
FOLLOWS_DEFAULT = ("ftplib.", "http.client.", "imaplib.", "poplib.", "smtplib.", "socket.", "urllib.")
"""What ``socket.setdefaulttimeout`` holds for."""

RULE = Rule(
    name="network-without-timeout",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    silencer=Silencer.INLINE,
    summary="A request or connection has no timeout.",
    why="A server that accepts and never answers then holds the call, and a slot of the worker, for good.",
    remedy="Pass timeout= in seconds.",
    bad=(
        Example("import requests\n\n\ndef page(url):\n    return requests.get(url)\n", "requests has no default"),
        Example(
            "import httpx\n\n\ndef client():\n    return httpx.AsyncClient(timeout=None)\n", "the default taken away"
        ),
    ),
    good=(
        Example("import requests\n\n\ndef page(url):\n    return requests.get(url, timeout=10)\n", "ten seconds"),
        Example("import httpx\n\n\ndef client():\n    return httpx.AsyncClient()\n", "httpx waits five seconds"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at requests and connections, and at limits that are switched off."""
    has_default = any(True for _ in context.inference.calls_of("socket.setdefaulttimeout"))
    seen = set()
    for call, name in context.inference.calls_of(*NO_DEFAULT, *WITH_DEFAULT):
        if call.location in seen or (has_default and name.startswith(FOLLOWS_DEFAULT)):
            continue
        problem = _missing(call, name) if name in NO_DEFAULT else _switched_off(call)
        if problem:
            seen.add(call.location)
            yield report(RULE, call.location, f"{name} {problem}", subject=call.function)


def _missing(call: ResolvedCall, name: str) -> str | None:
    if any(argument.keyword in {"*", "**"} for argument in call.node.arguments):
        return None  # may be inside
    value = call.argument(NO_DEFAULT[name], "timeout")
    if value is None:
        return "has no timeout"
    return "has its timeout switched off" if _is_none(value) else None


def _switched_off(call: ResolvedCall) -> str | None:
    off = [argument for argument in call.node.arguments if argument.keyword in {"timeout", "total"}]
    return "has its timeout switched off" if any(_is_none(argument.value) for argument in off) else None


def _is_none(value: m.Expr) -> bool:
    return isinstance(value, m.Constant) and value.value is None
