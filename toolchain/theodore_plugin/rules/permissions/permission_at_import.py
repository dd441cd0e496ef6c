"""Acting while being imported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.inference.model import InferredPermission, Phase
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.permissions.comparison import describe
from theodore_sdk.info import PermissionType

_ACTS = frozenset({PermissionType.NETWORK, PermissionType.FILE_SYSTEM, PermissionType.SUBPROCESS})

RULE = Rule(
    name="permission-at-import",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="Importing the plugin uses the network or the file system, or runs a program.",
    why="At import nothing is configured, no timeout or rate limit applies, and nobody asked for anything yet.",
    remedy="Move it into initialize().",
    bad=(
        Example("import httpx\n\nPAGE = httpx.get('https://api.example.com/').text\n", "in a module's body"),
        Example(
            "def load():\n    return open('/etc/hostname').read()\n\n\nclass Settings:\n    host = load()\n",
            "in a class body",
        ),
    ),
    good=(
        Example(
            "import httpx\n\n\ndef page():\n    return httpx.get('https://api.example.com/').text\n", "when called"
        ),
        Example("import httpx\n\nTIMEOUT = httpx.Timeout(10)\n", "a value"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Report acts whose chain starts at an import; those a decorator's library would have to run first are guesses."""
    seen = set()
    for item in sorted(context.inference.permissions, key=lambda item: item.handed):
        key = (item.location, item.permission)
        is_own = not item.within
        if is_own and item.phase is Phase.IMPORT and item.acts and item.permission in _ACTS and key not in seen:
            seen.add(key)
            yield _finding(item)


def _finding(item: InferredPermission) -> Finding:
    what = f"{item.symbol.removeprefix('builtins.')} ({describe(item)})"
    if not item.handed:
        return report(RULE, item.location, f"{what} runs while the plugin is imported", evidence=item.chain)
    message = f"{what} runs while the plugin is imported if the library behind the decorator calls what it decorates"
    guess = report(RULE, item.location, message, evidence=item.chain)
    return replace(guess, severity=Severity.WARNING, confidence=Confidence.LOW)
