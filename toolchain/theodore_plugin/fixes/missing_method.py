"""What a contract demands is there, to be filled in."""

from __future__ import annotations

from theodore_plugin.contracts.model import Contract, ContractMethod
from theodore_plugin.facts.names import OwnClass
from theodore_plugin.finding import Finding
from theodore_plugin.fixes.classes import end_of_class, indentation
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.contracts import Annotations, demanded, parameters
from theodore_plugin.fixes.model import Fix, NoFix

RULE = "missing-method"
SAFE = False
DOES = (
    "Add the method with the contract's signature; it raises `NotImplementedError` until you write it. The check is "
    "then silent about a method that does nothing yet."
)


def fix(finding: Finding, context: FixContext) -> Fix:
    """Write a stub at the end of the class."""
    cls, contract, method = demanded(finding, context)
    if f"does not implement {method.name}()" not in finding.message or _is_misspelt(method.name, context):
        raise NoFix("it is there under another name, or in another class")
    annotations = Annotations(context, cls.module)
    stub = _stub(cls, contract, method, annotations, context)
    source = context.source(cls.module.path)
    offset, before = end_of_class(source, cls.node)
    edit = source.replace(offset, offset, before + stub, joins=True)
    return Fix(RULE, SAFE, (edit, *annotations.imports), f"add {method.name}()")


def _is_misspelt(name: str, context: FixContext) -> bool:
    """Whether a method of nearly that name is there: then that one is the one to change."""
    return any(item.rule == "unknown-hook" and f" {name}?" in item.help for item in context.rules.mismatches)


def _stub(
    cls: OwnClass, contract: Contract, method: ContractMethod, annotations: Annotations, context: FixContext
) -> str:
    inside, deeper = indentation(context.source(cls.module.path), cls.node)
    prefix = "def" if method.kind == "sync" else "async def"
    listed = ", ".join(["self", *parameters(method, contract, annotations)])
    result = f" -> {annotations.spelt(method.returns)}" if method.returns is not None else ""
    lines = [f"{inside}{prefix} {method.name}({listed}){result}:", f"{deeper}raise NotImplementedError"]
    if method.kind == "asyncgen":
        lines.append(f"{deeper}yield  # makes it a generator")
    return "\n".join(["", *lines, ""])
