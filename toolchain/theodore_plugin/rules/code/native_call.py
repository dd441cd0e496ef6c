"""Native code without the permission for it."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
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
        if item.permission is PermissionType.NATIVE and item.location not in seen:
            seen.add(item.location)
            yield report(RULE, item.location, f"{item.symbol} reaches native code", evidence=item.chain)
    for member in context.project.members:
        if member.endswith(NATIVE_SUFFIXES):
            yield report(RULE, Location(member), "a native library is shipped with the plugin")
