"""Native code without the permission for it."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.permissions.comparison import declaration, line_to_add
from theodore_sdk.info import PermissionType

NATIVE_SUFFIXES = (".so", ".pyd", ".dylib", ".dll")

RULE = Rule(
    name="native-call",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="The plugin calls into native code (ctypes, cffi, a shared library) without declaring native.",
    why="Native code is outside everything Python can check; only the kernel's sandbox holds it.",
    remedy='Do without it, or declare PluginPermission(PermissionType.NATIVE, "why", pattern="library").',
    bad=(
        Example("import ctypes\n\nlibc = ctypes.CDLL(None)\n", "ctypes"),
        Example("from importlib import import_module\n\nlibc = import_module('ctypes').cdll\n", "imported by name"),
    ),
    good=(
        Example("import ctypes\n\nSIZE = ctypes.sizeof(ctypes.c_int)\n", "sizes and types only"),
        Example("import struct\n\nSIZE = struct.calcsize('i')\n", "pure Python"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Report native use and shipped libraries when nothing of the kind is declared."""
    if any(declared.type is PermissionType.NATIVE for declared in context.declared):
        return
    seen = set()
    for item in context.inference.permissions:
        if item.permission is PermissionType.NATIVE and not item.within and item.location not in seen:
            seen.add(item.location)
            help_text = f"do without it, or add to permissions: {line_to_add(item)}"
            yield report(RULE, item.location, f"{item.symbol} reaches native code", help_text, evidence=item.chain)
    for member in context.project.members:
        if member.endswith(NATIVE_SUFFIXES):
            line = declaration(PermissionType.NATIVE, _library(member))
            help_text = f"do without it, or add to permissions: {line}"
            yield report(RULE, Location(member), "a native library is shipped with the plugin", help_text)


def _library(member: str) -> str:
    """Name a shipped file as declarations do: an extension module by its import name, a library by its file's."""
    folder, _, name = member.rpartition("/")
    if name.startswith("lib") or name.endswith(".dll"):
        return name
    return ".".join([*folder.split("/"), name.split(".", 1)[0]] if folder else [name.split(".", 1)[0]])
