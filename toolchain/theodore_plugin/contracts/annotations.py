"""Types as far as annotations name builtins and what contracts call by name; everything else is not known.

``fits`` answers yes, no, or ``None`` for "cannot be said": a class whose bases are not known may be anything, so
only types that are certainly different (``str`` for ``bool``) are ever called different.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from theodore_plugin.facts import model as m

_CANONICAL: Mapping[str, str] = {
    "List": "list",
    "Dict": "dict",
    "Tuple": "tuple",
    "Set": "set",
    "FrozenSet": "frozenset",
    "AbstractSet": "Set",
}
_PLAIN = frozenset({"str", "int", "float", "bool", "bytes", "None", "complex"})
_BUILTIN = _PLAIN | {"list", "dict", "tuple", "set", "frozenset"}
_PROMOTED: Mapping[str, frozenset[str]] = {
    "bool": frozenset({"int", "float", "complex"}),
    "int": frozenset({"float", "complex"}),
    "float": frozenset({"complex"}),
}
"""PEP 484, "The numeric tower"."""
_ASYNC = frozenset({"AsyncIterator", "AsyncIterable", "AsyncGenerator"})
_AWAITABLE = frozenset({"Awaitable", "Coroutine"})


@dataclass(frozen=True, slots=True)
class Type:
    """One alternative of a union; ``arguments`` are those of a generic, ``None`` where not given or not known."""

    name: str
    arguments: tuple[Union, ...] | None = None

    def __str__(self) -> str:
        inner = ", ".join("…" if item is None else spell(item) for item in self.arguments or ())
        return f"{self.name}[{inner}]" if inner else self.name


Union = frozenset[Type] | None
"""Alternatives; ``None`` when some are not known."""
Resolver = Callable[[str], str | None]
"""From a name as written to the name a contract would use, ``None`` for what is not known."""


def spell(union: frozenset[Type]) -> str:
    """Spell a union as an annotation would."""
    return " | ".join(sorted(map(str, union), key=lambda text: (text == "None", text)))


def of_contract(annotation: str | None, known: frozenset[str]) -> Union:
    """Read a contract's annotation; ``known`` are names that mean the same on both sides."""
    if annotation is None:
        return None
    return _read(ast.parse(annotation, mode="eval").body, lambda name: name if name in known else None)


def of_facts(expression: m.Expr | None, resolve: Resolver) -> Union:
    """Read an annotation from the plugin's source; string annotations are read, too."""
    if isinstance(expression, m.Constant) and isinstance(expression.value, str):
        text = expression.value
    else:
        text = _spelt(expression) or ""
    try:
        return _read(ast.parse(text, mode="eval").body, resolve)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _spelt(expression: m.Expr | None) -> str | None:
    """Write an annotation back as text; ``None`` for what no annotation consists of."""
    if isinstance(expression, m.Name | m.Attribute):
        return m.dotted(expression)
    if isinstance(expression, m.Constant):
        return repr(expression.value) if isinstance(expression.value, str) or expression.value is None else None
    if isinstance(expression, m.Subscript):
        value, index = _spelt(expression.value), _spelt(expression.index)
        return f"{value}[{index}]" if value is not None and index is not None else None
    if isinstance(expression, m.Binary):
        parts = (_spelt(expression.left), _spelt(expression.right))
        return None if None in parts else " | ".join(part for part in parts if part is not None)
    if isinstance(expression, m.Sequence):
        items = [_spelt(item) for item in expression.items]
        return None if None in items else ", ".join(item for item in items if item is not None)
    return None


def _read(node: ast.expr, resolve: Resolver) -> Union:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            return _read(ast.parse(node.value, mode="eval").body, resolve)
        return frozenset({Type("None")}) if node.value is None else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _either(_read(node.left, resolve), _read(node.right, resolve))
    if isinstance(node, ast.Subscript):
        return _generic(node, resolve)
    return _named(ast.unparse(node), resolve)


def _either(one: Union, other: Union) -> Union:
    return None if one is None or other is None else one | other


def _named(written: str, resolve: Resolver) -> Union:
    bare = written.rpartition(".")[2]
    name = _CANONICAL.get(bare, bare)
    if name in _BUILTIN or name in _ASYNC or name in _AWAITABLE:
        return frozenset({Type(name)})
    found = resolve(written)
    return frozenset({Type(found)}) if found is not None else None


def _generic(node: ast.Subscript, resolve: Resolver) -> Union:
    items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    name = ast.unparse(node.value).rpartition(".")[2]
    inner = tuple(_read(item, resolve) for item in items)
    if name == "Optional":
        return _either(inner[0], frozenset({Type("None")}))
    if name == "Union":
        found: Union = frozenset()
        for item in inner:
            found = _either(found, item)
        return found
    base = _named(ast.unparse(node.value), resolve)
    if base is None or len(base) != 1:
        return None
    return frozenset({Type(next(iter(base)).name, inner)})


def awaited(union: Union) -> Union:
    """Return what awaiting gives, where the annotation of a plain function says ``Awaitable[X]``."""
    if union is None or len(union) != 1:
        return union
    (only,) = union
    if only.name not in _AWAITABLE:
        return union
    return only.arguments[-1] if only.arguments else None


def fits(own: Union, wanted: Union) -> bool | None:
    """Whether every value of ``own`` is one of ``wanted``; ``None`` where that cannot be said."""
    if own is None or wanted is None:
        return None
    answers = [_one_fits(item, wanted) for item in own]
    if False in answers:
        return False
    return None if None in answers else True


def _one_fits(own: Type, wanted: frozenset[Type]) -> bool | None:
    answers = [_matches(own, item) for item in wanted]
    if True in answers:
        return True
    return None if None in answers else False


def _matches(own: Type, wanted: Type) -> bool | None:
    if own.name != wanted.name:
        if {own.name, wanted.name} <= _ASYNC:
            return None
        return wanted.name in _PROMOTED.get(own.name, frozenset())
    if not own.arguments or not wanted.arguments:
        return None if own.arguments != wanted.arguments else True
    if own.name == "tuple" or len(own.arguments) != len(wanted.arguments):
        return None
    inner = [fits(mine, theirs) for mine, theirs in zip(own.arguments, wanted.arguments, strict=True)]
    if False in inner:
        return False
    return None if None in inner else True
