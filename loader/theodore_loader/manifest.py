"""``theodore-plugin.json``: the compiled manifest inside a wheel's ``.dist-info``, all a host reads before deciding.

``package`` compiles it from the literal in ``get_plugin_info()``. Reading is strict: one schema version, every
required field, no unknown one, every permission inside its grammar; all problems at once, each with its JSON pointer
(RFC 6901). The published schema is ``policies/schemas/manifest.schema.json``; a test holds both to the same answers.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from theodore_loader import strict_json
from theodore_loader.errors import Refused
from theodore_loader.permissions import PatternError, Permission
from theodore_loader.typed_json import Reader, escape
from theodore_sdk.info import PluginInfo, PluginPermission, PluginResourceLimits
from theodore_sdk.versions import VersionRange

MANIFEST_NAME = "theodore-plugin.json"
SCHEMA = 1
MAX_BYTES = 256 * 1024
_HELP = "rebuild the wheel with `theodore-plugin package`"

_NAME = re.compile(r"[a-z][a-z0-9-]{2,63}", re.ASCII)
_SYMBOL = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
_PYTHON = re.compile(r"3(\.\d{1,3}){1,2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a wheel says about its plugin: its metadata and the class to load, as ``module:Class``."""

    info: PluginInfo
    entry_point: str
    schema: int = SCHEMA


class ManifestInvalid(Refused):
    """The manifest is not acceptable; ``problems`` are (JSON pointer, message) pairs."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        listed = "\n".join(f"  {pointer or '/'}: {message}" for pointer, message in self.problems)
        super().__init__("manifest-invalid", f"{MANIFEST_NAME} is not a valid manifest:\n{listed}", help=_HELP)


def to_json(manifest: Manifest) -> bytes:
    """Write the one spelling of a manifest; raises :class:`ManifestInvalid` for what :func:`from_json` would refuse."""
    document = {"schema": manifest.schema, "entry_point": manifest.entry_point, "plugin": _plain(manifest.info)}
    try:
        strict_json.check_plain(document)
    except strict_json.JsonError as problem:
        raise ManifestInvalid([("", str(problem))]) from None
    data = (json.dumps(document, sort_keys=True, ensure_ascii=False, indent=2) + "\n").encode("utf-8")
    from_json(data)
    return data


def from_json(data: bytes) -> Manifest:
    """Read a manifest from untrusted bytes; raises :class:`ManifestInvalid` with every problem."""
    try:
        document = strict_json.loads(data, max_bytes=MAX_BYTES)
    except strict_json.JsonError as problem:
        raise ManifestInvalid([("", str(problem))]) from None
    if isinstance(document, dict) and document.get("schema", SCHEMA) != SCHEMA:
        raise ManifestInvalid([("/schema", f"this version reads schema {SCHEMA}, not {document['schema']!r}")])
    reader = Reader()
    envelope = reader.read(_Envelope, document, "")
    if reader.problems:
        raise ManifestInvalid(reader.problems)
    problems = list(_meaning(envelope))
    if problems:
        raise ManifestInvalid(problems)
    return Manifest(envelope.plugin, envelope.entry_point, envelope.schema)


@dataclass(frozen=True, slots=True)
class _Envelope:
    schema: int
    entry_point: str
    plugin: PluginInfo


def _plain(value: Any) -> Any:
    """Lower dataclasses, enumerations and version ranges to JSON values."""
    if isinstance(value, VersionRange):
        return value.range_spec
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _meaning(envelope: _Envelope) -> Iterator[tuple[str, str]]:
    """Problems beyond shape: names, versions, symbols, permissions, limits."""
    info = envelope.plugin
    if not _SYMBOL.fullmatch(envelope.entry_point):
        yield "/entry_point", "not module:Class"
    if not _NAME.fullmatch(info.name):
        yield "/plugin/name", "not 3 to 64 lower-case letters, digits and hyphens, beginning with a letter"
    try:
        VersionRange("").matches(info.version)
    except ValueError as error:
        yield "/plugin/version", str(error)
    for key, python in (("min", info.min_python_version), ("max", info.max_python_version)):
        if python is not None and not _PYTHON.fullmatch(python):
            yield f"/plugin/{key}_python_version", "not a Python version such as 3.11"
    for port, symbol in info.provides.items():
        if not _SYMBOL.fullmatch(symbol):
            yield f"/plugin/provides/{escape(port)}", "not module:Class"
    yield from _requirements(info)
    yield from _permissions(info.permissions)
    yield from _limits(info.resource_limits)


def _requirements(info: PluginInfo) -> Iterator[tuple[str, str]]:
    for field in ("dependencies", "required_packages", "optional_packages"):
        for index, dependency in enumerate(getattr(info, field)):
            try:
                VersionRange(dependency.version_requirement)
            except ValueError as error:
                yield f"/plugin/{field}/{index}/version_requirement", str(error)


def _permissions(permissions: Sequence[PluginPermission]) -> Iterator[tuple[str, str]]:
    for index, permission in enumerate(permissions):
        try:
            Permission(permission.type, permission.pattern)
        except PatternError as error:
            yield f"/plugin/permissions/{index}/pattern", str(error)


def _limits(limits: PluginResourceLimits) -> Iterator[tuple[str, str]]:
    for field in dataclasses.fields(limits):
        value = getattr(limits, field.name)
        # no requests and no subprocesses are sensible; no memory or time at all are not
        lowest = 0 if field.name in ("max_network_requests_per_minute", "max_subprocess_count") else 1
        if not lowest <= value <= 2**31:
            yield f"/plugin/resource_limits/{field.name}", f"not between {lowest} and {2**31}"
