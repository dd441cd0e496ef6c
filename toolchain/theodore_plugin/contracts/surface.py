"""What the SDK's source offers to plugins: exported names, data types with their members, exceptions.

Read with :mod:`ast`, never by importing, so that the surface of any copy of the SDK can be described.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

_Json = dict[str, Any]
ENUM_BASES = frozenset({"Enum", "StrEnum", "IntEnum"})


def module_surface(modules: Mapping[str, ast.Module]) -> _Json:
    """Return, per module, the names plugins may import from it and those they may not.

    A name is public where the package's ``__all__`` lists it and in the module that defines it; whatever else a
    module binds at its top level (imports, constants, underscored names) is internal.
    """
    package = next(iter(sorted(modules)))
    exported = _listed(modules[package])
    return {
        module: {
            "exports": sorted(_listed(tree) | (_bound(tree.body) & exported)),
            "internal": sorted(_bound([*tree.body, *_for_checkers(tree)]) - exported),
        }
        for module, tree in modules.items()
    }


def _listed(tree: ast.Module) -> set[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def _bound(body: list[ast.stmt]) -> set[str]:
    return {name for node in body for name in _names(node)} - {"__all__"}


def _for_checkers(tree: ast.Module) -> Iterator[ast.stmt]:
    """Iterate over what only type checkers see: there is nothing to import at run time."""
    for node in tree.body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from node.body


def _names(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (inner.id for target in targets for inner in ast.walk(target) if isinstance(inner, ast.Name))


def type_table(modules: Mapping[str, ast.Module], contracts: set[str]) -> tuple[_Json, _Json]:
    """Return the public exceptions and the public data types, both by ``module.Name``."""
    exceptions: _Json = {}
    types: _Json = {}
    raised: set[str] = {"Exception"}
    for module, tree in modules.items():
        for node in tree.body:
            if not isinstance(node, ast.ClassDef) or node.name.startswith("_") or node.name in contracts:
                continue
            bases = [ast.unparse(base) for base in node.bases]
            if raised & set(bases):
                raised.add(node.name)
                exceptions[f"{module}.{node.name}"] = _exception(module, node, bases)
            else:
                types[f"{module}.{node.name}"] = _type(node, bases)
    return exceptions, types


def _exception(module: str, node: ast.ClassDef, bases: list[str]) -> _Json:
    init = next((item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"), None)
    arguments = init.args if init else None
    names = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs][1:] if arguments else None
    return {
        "bases": [base if base == "Exception" else f"{module}.{base}" for base in bases],
        "parameters": None if names is None else [name.arg for name in names],
    }


def _type(node: ast.ClassDef, bases: list[str]) -> _Json:
    enum = bool(ENUM_BASES & {base.rpartition(".")[2] for base in bases})
    kind = (
        "enum" if enum else "dataclass" if any("dataclass" in ast.unparse(m) for m in node.decorator_list) else "class"
    )
    return {
        "kind": kind,
        "members": dict(_enum_members(node)) if enum else {},
        "fields": list(_fields(node)) if kind == "dataclass" else [],
        "methods": sorted({*_methods(node), *_instance_attributes(node)}),
    }


def _enum_members(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for item in node.body:
        if isinstance(item, ast.Assign):
            yield ast.unparse(item.targets[0]), ast.literal_eval(item.value)


def _fields(node: ast.ClassDef) -> Iterator[_Json]:
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            default = ast.unparse(item.value) if item.value and not _is_required(item.value) else None
            annotation = ast.unparse(item.annotation)
            yield {"name": item.target.id, "annotation": annotation, "default": default, "constraints": []}


def _is_required(value: ast.expr) -> bool:
    """Whether a field's value is a ``field(...)`` that gives no default."""
    if not (isinstance(value, ast.Call) and ast.unparse(value.func) == "field"):
        return False
    return not {keyword.arg for keyword in value.keywords} & {"default", "default_factory"}


def _methods(node: ast.ClassDef) -> Iterator[str]:
    for item in node.body:
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) and not item.name.startswith("_"):
            yield item.name


def _instance_attributes(node: ast.ClassDef) -> Iterator[str]:
    """Public attributes that ``__init__`` sets."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store) and not inner.attr.startswith("_"):
            yield inner.attr
