"""An entry point names what is there."""

from __future__ import annotations

import re
from typing import Any

from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.model import Fix, NoFix
from theodore_plugin.fixes.toml import edit, replace_string
from theodore_plugin.rules.packaging.foreign_entry_point import entry_points

RULE = "entry-point-unresolvable"
SAFE = False
DOES = "Write the nearest name there is. It is a guess at what was meant."
_MEANT = re.compile(r"did you mean (?P<name>[\w.]+)\?")
_SCRIPTS = {"console_scripts": "scripts", "gui_scripts": "gui-scripts"}


def fix(finding: Finding, context: FixContext) -> Fix:
    """Replace the module or the object, whichever was not found."""
    meant = _MEANT.fullmatch(finding.help or "")
    for group, name, target in entry_points(context.rules.project):
        if meant and finding.subject == f"{group}:{name}":
            new = _corrected(target, finding.message, meant["name"])
            _require(context, new)
            return Fix(RULE, SAFE, (edit(context, _written(group, name, new)),), f"write {new}")
    raise NoFix("what was meant is not known")


def _require(context: FixContext, target: str) -> None:
    """Raise NoFix if what is written then is not there either."""
    module, _, rest = target.partition(":")
    name = rest.strip().partition(".")[0].partition("[")[0].strip()
    if module.strip() not in context.rules.names.modules:
        raise NoFix(f"{module} is a package of which nothing is known")
    if name and name not in context.rules.names.bound_names(module.strip()):
        raise NoFix(f"{module} has no {name}")


def _corrected(target: str, message: str, meant: str) -> str:
    module, colon, rest = target.partition(":")
    if "there is no module" in message:
        return f"{meant}{colon}{rest}"
    return f"{module}:{meant}{rest[len(re.match(r'[^.]*', rest.strip())[0]) :]}"  # type: ignore[index]  # always matches


def _written(group: str, name: str, new: str) -> Any:
    def changed(document: Any) -> None:
        table = document["project"]
        scripts = _SCRIPTS.get(group)
        replace_string(table[scripts] if scripts in table else table["entry-points"][group], name, new)

    return changed
