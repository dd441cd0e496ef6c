"""Unpacking an archive wherever its author wants."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.inference.model import ResolvedCall
from theodore_plugin.rules.context import RuleContext, report

UNPACKERS = (
    "tarfile.TarFile().extract",
    "tarfile.TarFile().extractall",
    "tarfile.open().extract",
    "tarfile.open().extractall",
    "shutil.unpack_archive",
)
SAFE_FILTERS = frozenset({"data", "tar"})
SAFE_FUNCTIONS = ("tarfile.data_filter", "tarfile.tar_filter")
SAFE_FORMATS = frozenset({"zip"})
"""``zipfile`` makes names relative and drops ``..`` by itself."""

RULE = Rule(
    name="path-traversal",
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.INLINE,
    summary="A tar archive is unpacked without a filter.",
    why="A member called ../../name, an absolute one, or a link is written outside the folder (CVE-2007-4559).",
    remedy='Pass filter="data".',
    bad=(
        Example(
            "import tarfile\n\n\ndef unpack(path, folder):\n    with tarfile.open(path) as archive:\n"
            "        archive.extractall(folder)\n",
            "no filter",
        ),
        Example(
            "import shutil\n\n\ndef unpack(path, folder):\n    shutil.unpack_archive(path, folder)\n", "through shutil"
        ),
    ),
    good=(
        Example(
            "import tarfile\n\n\ndef unpack(path, folder):\n    with tarfile.open(path) as archive:\n"
            "        archive.extractall(folder, filter='data')\n",
            "the data filter",
        ),
        Example(
            "import zipfile\n\n\ndef unpack(path, folder):\n    zipfile.ZipFile(path).extractall(folder)\n",
            "zipfile cleans names itself",
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at every call that unpacks."""
    seen = set()
    for call, name in context.inference.calls_of(*UNPACKERS):
        if call.location not in seen and not _is_filtered(call) and not _is_zip(call, name):
            seen.add(call.location)
            yield report(RULE, call.location, f"{name} writes wherever the archive says", subject=call.function)


def _is_filtered(call: ResolvedCall) -> bool:
    """Whether a filter is passed; one that is computed is taken to be one."""
    index = call.argument_index(None, "filter")
    if index is None:
        return any(argument.keyword == "**" for argument in call.node.arguments)
    if call.texts[index]:
        return set(call.texts[index]) <= SAFE_FILTERS
    return not isinstance(call.node.arguments[index].value, m.Constant)


def _is_zip(call: ResolvedCall, name: str) -> bool:
    """Whether ``unpack_archive`` is told, or sees by its name, that this is a zip."""
    if name != "shutil.unpack_archive":
        return False
    chosen = call.argument_index(2, "format")
    if chosen is not None:
        return bool(call.texts[chosen]) and set(call.texts[chosen]) <= SAFE_FORMATS
    names = call.texts[0] if call.texts else ()
    return bool(names) and all(text.endswith((".zip", ".whl")) for text in names)
