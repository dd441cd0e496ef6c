"""Strings that flow through formatting, joining and path arithmetic, so that a permission comes with its target."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from urllib.parse import urljoin

from theodore_plugin.facts import model as m
from theodore_plugin.inference.attributes import PATH, parents
from theodore_plugin.inference.containers import position_key
from theodore_plugin.inference.entering import hand_over
from theodore_plugin.inference.frame import Frame, Handler
from theodore_plugin.inference.values import HOLE, NOTHING, Container, Text, Values, joined, ordered, texts

MAX_JOINED = 16
_SAME = frozenset({"strip", "lstrip", "rstrip", "encode", "decode", "removesuffix", "removeprefix"})
_STEPS = frozenset({"joinpath", "with_name", "with_suffix", "resolve", "absolute", "expanduser"})


def method(frame: Frame, node: m.Call, name: str, receiver: Values, arguments: list[Values]) -> Values | None:
    """Return the result of a method on strings or path objects, or ``None`` when the receiver holds neither."""
    patterns = texts(receiver)
    if PATH in receiver:
        if name not in _STEPS:
            return None
        parts = [patterns, *(texts(argument) for argument in arguments)]
        return (joined(parts, "/") if name == "joinpath" else _texts(patterns)) | {PATH}
    return _of_text(frame, patterns, name, node, arguments) if patterns else None


def _texts(patterns: tuple[str, ...]) -> Values:
    return frozenset(Text(pattern) for pattern in patterns)


def _of_text(
    frame: Frame, patterns: tuple[str, ...], name: str, node: m.Call, arguments: list[Values]
) -> Values | None:
    if name in {"format", "format_map"}:
        hand_over(frame, arguments, node.span)  # a field may be {0.os.environ}
    if name == "format":
        return frozenset(Text(_format(pattern, node, arguments)) for pattern in patterns)
    if name == "join" and arguments:
        return frozenset().union(*(_joined_items(frame, pattern, arguments[0]) for pattern in patterns))
    if name in _SAME and not arguments:
        return _texts(patterns)
    if name in {"lower", "casefold", "upper"}:
        return frozenset(Text(pattern.upper() if name == "upper" else pattern.lower()) for pattern in patterns)
    return frozenset({Text(HOLE)}) if name == "replace" else None


def _joined_items(frame: Frame, separator: str, sequence: Values) -> Values:
    for value in ordered(sequence):
        if isinstance(value, Container):
            read = [frame.read(("item", value.key, position_key(index))) for index in range(MAX_JOINED)]
            parts = [texts(found) for found in read]
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


def percent(text: str) -> str:
    """Turn ``%``-formatting into holes."""
    out = []
    pieces = iter(text)
    for character in pieces:
        if character != "%":
            out.append(character)
        else:
            out.append("%" if next(pieces, "") == "%" else HOLE)
    return "".join(out)


def carried(path: str, returns: tuple[str, ...], arguments: list[Values]) -> Values:
    """Path objects carry the string they were made of."""
    if path in {"pathlib.Path", "pathlib.PurePath"} and PATH.key in returns:
        return joined([texts(argument) for argument in arguments], "/") if arguments else NOTHING
    return NOTHING


def _dirname(_frame: Frame, _node: m.Call, arguments: list[Values]) -> Values | None:
    return parents(arguments[0]) if arguments else None


def _join_path(_frame: Frame, _node: m.Call, arguments: list[Values]) -> Values | None:
    found = joined([texts(argument) for argument in arguments], "/")
    return frozenset(Text(posixpath.normpath(text)) for text in texts(found))


def _urljoin(_frame: Frame, _node: m.Call, arguments: list[Values]) -> Values | None:
    bases = texts(arguments[0]) if arguments else ()
    paths = texts(arguments[1]) if len(arguments) > 1 else ()
    return frozenset(Text(urljoin(base, path)) for base in bases for path in paths or (HOLE,))


def _string(_frame: Frame, _node: m.Call, arguments: list[Values]) -> Values | None:
    return _texts(texts(arguments[0])) if arguments else None


FUNCTIONS: Mapping[str, Handler] = {
    "builtins.str": _string,
    "os.fspath": _string,
    "os.path.dirname": _dirname,
    "os.path.join": _join_path,
    "urllib.parse.urljoin": _urljoin,
}
