"""Machine code that nobody asked a permission for."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_loader.artifact.contents import is_machine_code
from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin
from theodore_sdk.info import PermissionType

_ELF = "# file: demo/logo.png\n\x7fELF\x02\x01\x01\n"
_NATIVE = plugin(permissions='[PluginPermission(PermissionType.NATIVE, "Decodes images", pattern="demo")]')

RULE = Rule(
    name="undeclared-native-binary",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="A file is machine code (ELF, PE, Mach-O), and no `native` permission is declared.",
    why="Machine code is outside everything the analysis can see. What a file is, its content says, not its name.",
    remedy="Declare PluginPermission(PermissionType.NATIVE, …) with the reason, or ship source only.",
    bad=(
        Example(_ELF, "an ELF file that is called an image"),
        Example("# file: demo/tool\n\x7fELF\x02\x01\x01\n", "a program"),
    ),
    good=(
        Example(_NATIVE + _ELF, "declared"),
        Example("# file: demo/notes.so\nnot machine code\n", "a text that is called a library"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at the first bytes of every shipped file."""
    if any(declared.type is PermissionType.NATIVE for declared in context.declared):
        return
    sources = {file.path: file.data for file in context.project.files}
    for member in context.project.members:
        if is_machine_code(sources.get(member, context.project.heads.get(member, b""))):
            message = f"{member} is machine code, and the metadata asks for no native permission"
            yield report(RULE, Location(member), message)
