"""Annotations: the objects they promise, and the code they are."""

from __future__ import annotations

import ast

from theodore_plugin.facts import model as m
from theodore_plugin.inference.containers import ANY, site, store
from theodore_plugin.inference.frame import Frame
from theodore_plugin.inference.values import NOTHING, Container, Foreign, OwnClass, Values

_WRAPPERS = frozenset({"Optional", "Union", "Annotated", "Final", "ClassVar", "Awaitable", "Coroutine"})
_COLLECTIONS = frozenset(
    (
        "list",
        "List",
        "set",
        "Set",
        "frozenset",
        "tuple",
        "Tuple",
        "dict",
        "Dict",
        "Sequence",
        "Iterable",
        "Iterator",
        "Collection",
        "Mapping",
        "MutableMapping",
        "Generator",
        "defaultdict",
        "deque",
        "AsyncIterator",
        "AsyncIterable",
        "AsyncGenerator",
    )
)
_CLASSES = frozenset({"type", "Type"})


def from_annotation(frame: Frame, annotation: m.Expr) -> Values:
    """Objects an annotation promises: of own classes (and theirs that descend from them), or of foreign ones."""
    run_annotation(frame, annotation)
    return _promised(frame, annotation)


def _promised(frame: Frame, annotation: m.Expr) -> Values:
    if isinstance(annotation, m.Subscript):
        return _generic(frame, annotation)
    if isinstance(annotation, m.Binary) and annotation.operator == "BitOr":
        return _promised(frame, annotation.left) | _promised(frame, annotation.right)
    found: Values = NOTHING
    for name in _annotated_names(annotation):
        found |= _objects(frame, name)
    return found


def _generic(frame: Frame, annotation: m.Subscript) -> Values:
    """Promise of ``Wrapper[X]``, ``Collection[X]`` and ``type[X]``."""
    origin = (m.dotted(annotation.value) or "").rpartition(".")[2]
    index = annotation.index
    items = index.items if isinstance(index, m.Sequence) else (index,)
    if origin in _CLASSES:
        return frozenset().union(*(frame.evaluate(item, called=True) for item in items if _is_name(item)))
    if origin in _WRAPPERS:
        return frozenset().union(*(_promised(frame, item) for item in items))
    if origin not in _COLLECTIONS:
        return _objects(frame, annotation.value) if _is_name(annotation.value) else NOTHING
    inside: Values = frozenset().union(*(_promised(frame, item) for item in items))
    if not inside:
        return NOTHING
    place = site(frame, annotation)
    store(frame, place, ANY, inside)
    return frozenset({Container(place)})


def _is_name(expression: m.Expr) -> bool:
    return isinstance(expression, (m.Name, m.Attribute))


def _objects(frame: Frame, name: m.Expr) -> Values:
    found: Values = NOTHING
    for value in frame.evaluate(name, called=True):
        if isinstance(value, OwnClass):
            found |= frame.read(("objects", value.key))
        elif isinstance(value, Foreign) and frame.solver.map.leads_on(f"{value.key}()"):
            found |= {Foreign(f"{value.key}()")}
    return found


def run_annotation(frame: Frame, annotation: m.Expr) -> None:
    """Evaluate what an annotation does beyond naming types: it is code that runs where it stands.

    Names of types are not evaluated, since saying what something is does not hold it.
    """
    if isinstance(annotation, m.Attribute):
        run_annotation(frame, annotation.value)
    elif isinstance(annotation, m.Binary):
        run_annotation(frame, annotation.left)
        run_annotation(frame, annotation.right)
    elif isinstance(annotation, m.Subscript):
        run_annotation(frame, annotation.value)
        run_annotation(frame, annotation.index)
    elif isinstance(annotation, m.Sequence):
        for item in annotation.items:
            run_annotation(frame, item)
    elif isinstance(annotation, m.Constant):
        _run_text(frame, annotation)
    elif not isinstance(annotation, m.Name):
        frame.evaluate(annotation)


def _run_text(frame: Frame, annotation: m.Constant) -> None:
    """Treat a call in a quoted annotation as an ``eval``: the standard library evaluates such texts in many places."""
    if not isinstance(annotation.value, str) or "(" not in annotation.value:
        return
    try:
        tree = ast.parse(annotation.value.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _does_something(frame, ast.unparse(node.func), annotation.span):
            frame.refer("builtins.eval", annotation.span)


def _does_something(frame: Frame, callee: str, span: m.Span) -> bool:
    """Whether a callee in a quoted annotation is more than a plain name without effects."""
    names = _from_text(callee, span)
    values = [value for name in names for value in frame.evaluate(name, called=True)]
    return not names or any(isinstance(value, Foreign) and frame.solver.map.of_call(value.key) for value in values)


def _annotated_names(annotation: m.Expr) -> list[m.Name | m.Attribute]:
    if isinstance(annotation, (m.Name, m.Attribute)):
        return [annotation]
    if isinstance(annotation, m.Constant) and isinstance(annotation.value, str):
        return _from_text(annotation.value, annotation.span)
    return []


def _from_text(text: str, span: m.Span) -> list[m.Name | m.Attribute]:
    """Names in a quoted annotation such as ``"httpx.AsyncClient | None"``."""
    found: list[m.Name | m.Attribute] = []
    for option in text.split("|"):
        parts = option.strip().split(".")
        if not all(part.isidentifier() for part in parts):
            continue
        expression: m.Name | m.Attribute = m.Name(parts[0], span)
        for part in parts[1:]:
            expression = m.Attribute(expression, part, span)
        found.append(expression)
    return found
