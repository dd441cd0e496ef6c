"""What is imported is depended on."""

from __future__ import annotations

import re

from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.model import Fix, NoFix
from theodore_plugin.fixes.packages import depend, list_package, listed

RULE = "undeclared-import"
SAFE = False
DOES = (
    "Add the distribution to `dependencies` and `required_packages`, without a bound. Its name is taken from the "
    "capability map where that knows it, else it is that of the module, which is a guess: look before you install it. "
    "A lock has to be made again."
)
_ADD = re.compile(r'add "(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)" to dependencies')


def fix(finding: Finding, context: FixContext) -> Fix:
    """Add what the finding names to both lists."""
    suggested = _ADD.match(finding.help or "")
    if suggested is None:
        raise NoFix("the distribution is not known")
    name = suggested["name"]
    if listed(context, name) is not None:
        raise NoFix(f"{name} is required already")
    return Fix(RULE, SAFE, (depend(context, name), *list_package(context, name, "")), f"depend on {name}")
