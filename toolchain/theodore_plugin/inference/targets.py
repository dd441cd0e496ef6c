"""Turn what an argument may hold into a pattern of the permission's grammar, or admit that nothing is known.

``None`` always means "any": a target is only claimed when it follows from constants in the source.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping

from theodore_loader.permissions import PatternError, Permission
from theodore_plugin.inference.capabilities import Effect
from theodore_plugin.inference.values import HOLE

PORTS = {
    "http": 80,
    "https": 443,
    "ws": 80,
    "wss": 443,
    "ftp": 21,
    "redis": 6379,
    "rediss": 6379,
    "postgres": 5432,
    "postgresql": 5432,
    "mysql": 3306,
    "mongodb": 27017,
    "amqp": 5672,
    "amqps": 5671,
}
PACKAGE = "{package}"
"""The plugin's own folder inside the wheel, which it may always read."""
_ADDRESS = re.compile(r"(?P<host>\[[^\]]+\]|[^:]+)(?::(?P<port>\d+))?$")


def patterns(effect: Effect, texts: Iterable[str]) -> tuple[str | None, ...]:
    """Return one pattern per known string, ``(None,)`` when there is none."""
    found = {pattern(effect, text) for text in texts}
    if not found and effect.fallback:
        return (effect.fallback,)
    return tuple(sorted(found, key=lambda item: item or "")) or (None,)


def pattern(effect: Effect, text: str) -> str | None:
    """Return the pattern one string stands for, or ``None``."""
    reader = _READERS.get(effect.target or "")
    candidate = reader(text, effect) if reader else None
    if candidate is None:
        return None
    try:
        return Permission.parse(effect.permission, candidate).pattern
    except PatternError:
        return None


def _url(text: str, _effect: Effect) -> str | None:
    scheme, separator, rest = text.partition("://")
    if not separator or HOLE in scheme:
        return None
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    host, port = _split_port(authority)
    if host is None or port == HOLE:
        return None
    known = port or PORTS.get(scheme.split("+", 1)[0].lower())
    return _with_port(host, str(known) if known else None)


def _split_port(authority: str) -> tuple[str | None, str | None]:
    if authority.startswith("["):
        host, _, rest = authority.partition("]")
        return f"{host}]", rest.removeprefix(":") or None
    host, _, port = authority.partition(":")
    return host or None, port or None


def _with_port(host: str, port: str | None) -> str | None:
    """Put host and port together; a hole stands for whole leading labels, which the grammar writes ``*.parent``."""
    if HOLE in host:
        if not host.startswith(f"{HOLE}.") or HOLE in host[len(HOLE) :]:
            return None
        host = host.replace(HOLE, "*", 1)
    return f"{host}:{port}" if port else host


def _host(text: str, effect: Effect) -> str | None:
    if "://" in text:
        return _url(text, effect)
    match = _ADDRESS.fullmatch(text)
    return _with_port(match["host"], match["port"]) if match and "/" not in text else None


def _bind(text: str, _effect: Effect) -> str | None:
    port = text.rpartition(":")[2]
    return f"listen:{port}" if port.isdigit() and port != "0" else None


def _path(text: str, effect: Effect) -> str | None:
    literal, hole, _ = text.partition(HOLE)
    if not literal.startswith(("/", "{")):
        return None
    folder, _, rest = literal.partition("/")
    path = f"{folder}/{posixpath.normpath('/' + rest).lstrip('/')}"
    if hole:
        path = f"{path if literal.endswith('/') else posixpath.dirname(path)}".rstrip("/") + "/**"
    access = "r" if effect.access == "read" else "rw"
    return f"{access}:{path}"


def _program(text: str, _effect: Effect) -> str | None:
    return None if HOLE in text or not text.strip() else text.split()[0]


def _shell(_text: str, _effect: Effect) -> str | None:
    return "sh"


def _name(text: str, _effect: Effect) -> str | None:
    return text.replace(HOLE, "*")


def _library(text: str, _effect: Effect) -> str | None:
    return None if HOLE in text else text


def is_own_package(effect: Effect, text: str) -> bool:
    """Whether a path is inside the plugin's own package, which needs no permission to read."""
    return effect.target == "path" and effect.access == "read" and text.startswith(PACKAGE) and ".." not in text


_READERS: Mapping[str, Callable[[str, Effect], str | None]] = {
    "url": _url,
    "host": _host,
    "address": _host,
    "bind": _bind,
    "path": _path,
    "program": _program,
    "shell": _shell,
    "variable": _name,
    "service": _name,
    "library": _library,
    "module": _library,
}
