"""``yaml.load`` reads with the safe loader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from theodore_plugin.finding import Finding
from theodore_plugin.fixes.callees import with_callee
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.model import Fix, NoFix

if TYPE_CHECKING:
    import libcst as cst

RULE = "unsafe-deserialisation"
SAFE = False
DOES = "Call `yaml.safe_load` instead of another loader of YAML. Documents that use tags of Python fail from then on."
SAFER = {
    "yaml.load": "yaml.safe_load",
    "yaml.load_all": "yaml.safe_load_all",
    "yaml.full_load": "yaml.safe_load",
    "yaml.full_load_all": "yaml.safe_load_all",
    "yaml.unsafe_load": "yaml.safe_load",
    "yaml.unsafe_load_all": "yaml.safe_load_all",
}


def fix(finding: Finding, context: FixContext) -> Fix:
    """Replace the function and drop its ``Loader``."""
    call, name = context.call(finding, *SAFER)
    if any(argument.keyword not in {None, "stream", "Loader"} for argument in call.node.arguments):
        raise NoFix("it is not visible which loader is passed")
    edits = with_callee(context, finding.location, SAFER[name], _only_the_stream)
    return Fix(RULE, SAFE, edits, f"call {SAFER[name]}")


def _only_the_stream(call: cst.Call) -> cst.Call:
    kept = [item for number, item in enumerate(call.args) if not _is_loader(number, item)]
    if len(kept) != 1 or kept[0].star:
        raise NoFix("it is not visible what is read")
    return call.with_changes(args=[kept[0].with_changes(comma=call.args[-1].comma)])


def _is_loader(number: int, argument: cst.Arg) -> bool:
    keyword = argument.keyword.value if argument.keyword else None
    return keyword == "Loader" or (keyword is None and number == 1)
