"""Something is declared that the code never does."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_loader.permissions import PatternError, Permission
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.inference.model import InferredPermission
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin
from theodore_plugin.rules.permissions.comparison import has_unmodelled, wanted, written
from theodore_sdk.info import PluginPermission

_NETWORK = 'PluginPermission(PermissionType.NETWORK, "Reads company pages", pattern="api.example.com:443")'
_EXTRA = "[" + _NETWORK + ', PluginPermission(PermissionType.{kind}, "For later", pattern="{pattern}")]'

RULE = Rule(
    name="unused-permission",
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.INLINE,
    summary="A declared permission is exercised nowhere in the plugin's code.",
    why="An unused permission is what an attacker uses after taking over the plugin.",
    remedy="Remove the declaration.",
    bad=(
        Example(plugin(permissions=_EXTRA.format(kind="SUBPROCESS", pattern="git")), "no program is run"),
        Example(
            plugin(permissions=_EXTRA.format(kind="NETWORK", pattern="other.example.org:443")), "a host never named"
        ),
    ),
    good=(
        Example(plugin(), "used"),
        Example("import os\n\nkey = os.environ.get('ACME_KEY')\n", "using more than declared is another rule's matter"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Report declarations without any evidence, unless unknown libraries could be what needs them."""
    if has_unmodelled(context):
        return
    for number, declared in enumerate(context.declared):
        if not any(_uses(item, declared) for item in context.inference.permissions):
            where = context.where(f"/permissions/{number}")
            message = f"{declared.type.value} {declared.pattern} is declared and used nowhere"
            yield report(RULE, where, message, f"remove {where.path}:{where.line}: {written(context, where)}")


def _uses(item: InferredPermission, declared: PluginPermission) -> bool:
    """Whether ``item`` could be an exercise of the declaration."""
    if item.permission is not declared.type:
        return False
    target = wanted(item)
    if target is None:
        return item.acts or item.confidence.value == "held"
    try:
        return Permission.parse(declared.type, declared.pattern).overlaps(target)
    except PatternError:
        return True
