"""The right kind of permission is declared, but not for this host, path, program or variable."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.permissions.comparison import covered, describe, line_to_add, of_kind, readable

RULE = Rule(
    name="undeclared-target",
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.POLICY,
    summary="A constant in the code names a host, path, program or variable outside the declared patterns.",
    why="The declaration is what people read; this place is not in it, and would be denied at run time.",
    remedy="Declare the target too, or remove it.",
    bad=(
        Example(
            "import httpx\n\n\ndef fetch():\n    return httpx.get('https://other.example.org/x')\n", "another host"
        ),
        Example(
            "import httpx\n\nHOST = 'api.example.com'\n\n\ndef fetch():\n    return httpx.get(f'http://{HOST}/')\n",
            "another port",
        ),
    ),
    good=(
        Example(
            "import httpx\n\n\ndef fetch():\n    return httpx.get('https://api.example.com/x')\n", "the declared host"
        ),
        Example(
            "import httpx\n\n\ndef fetch(url):\n    return httpx.get(url)\n", "decided at run time, enforced there"
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Report every place whose known target no declaration covers."""
    declared = readable(context.declared)
    seen: set[tuple[object, ...]] = set()
    for item in context.inference.permissions:
        kind = of_kind(declared, item)
        key = (item.permission, item.access, item.target, item.location)
        if item.within or not kind or covered(declared, item) or key in seen:
            continue
        seen.add(key)
        patterns = ", ".join(permission.pattern for permission in kind)
        message = f"{describe(item)} is outside what is declared ({patterns})"
        yield report(RULE, item.location, message, f"add to permissions: {line_to_add(item)}", evidence=item.chain)
