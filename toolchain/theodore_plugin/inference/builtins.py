"""Builtins and helpers whose *result* matters for resolution: strings, paths, getattr, imports, partial."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from urllib.parse import urljoin

from theodore_plugin.facts import model as m
from theodore_plugin.inference.solver import Frame
from theodore_plugin.inference.values import (
    HOLE,
    NOTHING,
    Container,
    Foreign,
    Instance,
    OwnModule,
    Parent,
    Text,
    Values,
    joined,
    texts,
)

PATH = Foreign("pathlib.Path()")


def function_call(frame: Frame, path: str, node: m.Call, arguments: list[Values]) -> Values | None:
    """Return the result of an understood function, or ``None`` for the general treatment."""
    if path in {"sys.modules.get", "sys.modules.pop", "sys.modules.__getitem__"} and arguments:
        return module_items(frame, arguments[0])
    if path.endswith((".__dict__.get", ".__dict__.__getitem__", ".__dict__.pop", "builtins.get")) and arguments:
        return _namespace_item(frame, Foreign(path.rpartition(".")[0]), arguments[0], node.span)
    handler = _FUNCTIONS.get(path)
    return handler(frame, node, arguments) if handler else None


def method_call(frame: Frame, node: m.Call, receiver: Values, arguments: list[Values]) -> Values | None:
    """Return the result of a method on strings or containers, or ``None`` when the receiver holds neither."""
    if not isinstance(node.callee, m.Attribute):
        return None
    name = node.callee.attr
    containers = [value for value in receiver if isinstance(value, Container)]
    if containers:
        return _container_method(frame, containers, name, arguments, node.span)
    if texts(receiver) and PATH not in receiver:
        return _text_method(frame, texts(receiver), name, node, arguments)
    if PATH in receiver and name in {"joinpath", "with_name", "with_suffix", "resolve", "absolute", "expanduser"}:
        parts = [texts(receiver), *(texts(argument) for argument in arguments)]
        return (joined(parts, "/") if name == "joinpath" else frozenset(_texts(texts(receiver)))) | {PATH}
    return None


def _texts(patterns: tuple[str, ...]) -> Values:
    return frozenset(Text(pattern) for pattern in patterns)


def _container_method(
    frame: Frame, containers: list[Container], name: str, arguments: list[Values], span: m.Span
) -> Values:
    from theodore_plugin.inference.expressions import items, store

    found: Values = NOTHING
    for container in containers:
        if name in {"append", "add", "insert", "setdefault", "appendleft"} and arguments:
            store(frame, container.site, "*", arguments[-1])
        elif name in {"extend", "update"}:
            for value in frozenset().union(*arguments):
                inside = frame.read(("all", value.site)) if isinstance(value, Container) else frozenset({value})
                store(frame, container.site, "*", inside)
        elif name == "send":
            frame.let_go(frozenset().union(*arguments), span)
        if name == "get" and arguments:
            found |= items(frame, container, arguments[0]) | (arguments[1] if len(arguments) > 1 else NOTHING)
        elif name in {"pop", "popitem", "setdefault", "__getitem__"}:
            found |= frame.read(("all", container.site))
        elif name in {"values", "items", "copy", "keys"}:
            found |= {container}
    return found


def _text_method(
    frame: Frame, patterns: tuple[str, ...], name: str, node: m.Call, arguments: list[Values]
) -> Values | None:
    from theodore_plugin.inference.calls import hand_over

    if name in {"format", "format_map"}:
        hand_over(frame, arguments, node.span)  # a field may be {0.os.environ}
    if name == "format":
        return frozenset(Text(_format(pattern, node, arguments)) for pattern in patterns)
    if name == "join" and arguments:
        parts = [_joined_items(frame, pattern, arguments[0]) for pattern in patterns]
        return frozenset().union(*parts)
    if name in {"strip", "lstrip", "rstrip", "encode", "decode", "removesuffix", "removeprefix"} and not arguments:
        return _texts(patterns)
    if name in {"lower", "casefold", "upper"}:
        return frozenset(Text(pattern.upper() if name == "upper" else pattern.lower()) for pattern in patterns)
    if name == "replace":
        return frozenset({Text(HOLE)})
    return None


def _joined_items(frame: Frame, separator: str, sequence: Values) -> Values:
    for value in sequence:
        if isinstance(value, Container):
            parts = [texts(frame.read(("item", value.site, str(index)))) for index in range(16)]
            while parts and not parts[-1]:
                parts.pop()
            if parts:
                return joined(parts, separator)
    return frozenset({Text(HOLE)})


def _format(pattern: str, node: m.Call, arguments: list[Values]) -> str:
    """Fill ``{}``, ``{0}`` and ``{name}`` fields with single known strings, others with holes."""
    named = {argument.keyword: texts(values) for argument, values in zip(node.arguments, arguments, strict=True)}
    positional = [
        texts(values) for argument, values in zip(node.arguments, arguments, strict=True) if not argument.keyword
    ]
    out: list[str] = []
    automatic = 0
    rest = pattern.replace("{{", "\0").replace("}}", "\1")
    while "{" in rest:
        before, _, after = rest.partition("{")
        name, _, rest = after.partition("}")
        key = name.split(":", 1)[0].split("!", 1)[0]
        if not key:
            key, automatic = str(automatic), automatic + 1
        known = positional[int(key)] if key.isdigit() and int(key) < len(positional) else named.get(key, ())
        out += [before, known[0] if len(known) == 1 else HOLE]
    return "".join([*out, rest]).replace("\0", "{").replace("\1", "}")


def carried_text(path: str, returns: tuple[str, ...], arguments: list[Values]) -> Values:
    """Path objects carry the string they were made of."""
    if path in {"pathlib.Path", "pathlib.PurePath"} and PATH.path in returns:
        return joined([texts(argument) for argument in arguments], "/") if arguments else NOTHING
    return NOTHING


def _getattr(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    from theodore_plugin.inference.expressions import read_attribute

    names = texts(arguments[1]) if len(arguments) > 1 else ()
    found: Values = arguments[2] if len(arguments) > 2 else NOTHING
    for base in arguments[0] if arguments else ():
        for name in names:
            if HOLE not in name:
                found |= read_attribute(frame, base, name, node.span)
        if not names or any(HOLE in name for name in names):
            frame.choose_at_run_time(base, node.span)
    for value in found:
        if isinstance(value, Foreign):
            frame.refer(value.path, node.span)
    return found if names else None


def module_items(frame: Frame, index: Values) -> Values:
    """Return the modules that ``sys.modules`` holds under constant names."""
    return frozenset(Foreign(frame.solver.map.canonical(name)) for name in texts(index))


def _namespace_item(frame: Frame, namespace: Foreign, index: Values, span: m.Span) -> Values:
    from theodore_plugin.inference.expressions import namespace_item

    return namespace_item(frame, namespace, index, span)


def _getter(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    """Treat calling an ``operator.attrgetter`` or ``methodcaller`` as choosing an attribute at run time."""
    for base in arguments[0] if arguments else ():
        frame.choose_at_run_time(base, node.span)
    return None


def _vars(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    if not arguments:
        return _globals(frame, node, arguments)
    return frozenset(Foreign(f"{base.path}.__dict__") for base in arguments[0] if isinstance(base, Foreign))


def _dirname(_frame: Frame, _node: m.Call, arguments: list[Values]) -> Values | None:
    return parents(arguments[0]) if arguments else None


def parents(paths: Values) -> Values:
    """Return the folders of path texts; above the plugin's package nothing is known."""
    return frozenset(Text(posixpath.dirname(text) or HOLE) for text in texts(paths))


def _setattr(frame: Frame, _node: m.Call, arguments: list[Values]) -> Values | None:
    if len(arguments) == 3:
        for base in arguments[0]:
            for name in texts(arguments[1]):
                if isinstance(base, Instance):
                    frame.write(("attribute", base.key, name), arguments[2])
    return None


def _import(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    names = [name for name in (texts(arguments[0]) if arguments else ()) if HOLE not in name]
    if not names:
        return None
    whole = isinstance(node.callee, m.Attribute) or (m.dotted(node.callee) or "") != "__import__"
    found: Values = NOTHING
    for name in names:
        target = name if whole else name.split(".", 1)[0]
        found |= {
            OwnModule(target) if frame.solver.names.is_own(target) else Foreign(frame.solver.map.canonical(target))
        }
    return found


def _partial(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    from theodore_plugin.inference.calls import hand_over

    hand_over(frame, arguments[1:], node.span)
    return arguments[0] if arguments else None


def _super(frame: Frame, _node: m.Call, _arguments: list[Values]) -> Values | None:
    owner = frame.unit.owner
    return frozenset({Parent(owner)}) if owner else None


def _join_path(_frame: Frame, _node: m.Call, arguments: list[Values]) -> Values | None:
    found = joined([texts(argument) for argument in arguments], "/")
    return frozenset(Text(posixpath.normpath(text)) for text in texts(found))


def _urljoin(_frame: Frame, _node: m.Call, arguments: list[Values]) -> Values | None:
    bases = texts(arguments[0]) if arguments else ()
    paths = texts(arguments[1]) if len(arguments) > 1 else ()
    return frozenset(Text(urljoin(base, path)) for base in bases for path in paths or (HOLE,))


def _same(_frame: Frame, _node: m.Call, arguments: list[Values]) -> Values | None:
    return arguments[0] if arguments else None


def _string(_frame: Frame, _node: m.Call, arguments: list[Values]) -> Values | None:
    return frozenset(Text(text) for text in texts(arguments[0])) if arguments else None


def _globals(frame: Frame, _node: m.Call, _arguments: list[Values]) -> Values | None:
    """``globals()``, ``vars()`` and ``locals()`` give a container of the module's names, read by constant key."""
    from theodore_plugin.inference.expressions import store

    place = f"globals:{frame.scope.outermost.key}"
    for name in sorted(frame.scope.outermost.bound):
        store(frame, place, name, frame.read((frame.scope.outermost.key, name)))
    return frozenset({Container(place)})


_FUNCTIONS: Mapping[str, Callable[[Frame, m.Call, list[Values]], Values | None]] = {
    "builtins.getattr": _getattr,
    "builtins.setattr": _setattr,
    "builtins.__import__": _import,
    "builtins.super": _super,
    "builtins.str": _string,
    "builtins.globals": _globals,
    "builtins.locals": _globals,
    "builtins.vars": _vars,
    "operator.attrgetter()": _getter,
    "operator.methodcaller()": _getter,
    "os.path.dirname": _dirname,
    "builtins.iter": _same,
    "builtins.aiter": _same,
    "builtins.list": _same,
    "builtins.tuple": _same,
    "builtins.sorted": _same,
    "builtins.reversed": _same,
    "functools.partial": _partial,
    "functools.partialmethod": _partial,
    "importlib.import_module": _import,
    "os.fspath": _string,
    "os.path.join": _join_path,
    "posixpath.join": _join_path,
    "urllib.parse.urljoin": _urljoin,
}
