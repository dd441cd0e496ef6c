"""The rules under which wheels and locks are refused (``theodore_loader.artifact``), for ``explain`` and the pages.

A host and ``package`` raise them; none can be silenced in the source, because by then there is none.
"""

from __future__ import annotations

from theodore_plugin.finding import Confidence, Rule, Severity, Silencer

_REBUILD = "Build it again with `theodore-plugin package`; do not edit or rename wheels."


def _rule(name: str, summary: str, why: str, remedy: str, silencer: Silencer = Silencer.NOBODY) -> Rule:
    return Rule(name, Severity.ERROR, Confidence.HIGH, silencer, summary, why, remedy)


ARTIFACT_RULES: tuple[Rule, ...] = (
    _rule(
        "not-a-wheel",
        "The file is no zip archive, is truncated, or lacks what makes an archive a wheel.",
        "A half-downloaded or misnamed file would otherwise fail later, and less clearly.",
        "Give a file ending in .whl as the build named it; download it again if it is truncated.",
    ),
    _rule(
        "polyglot-or-trailing-data",
        "Bytes lie before, between or after the entries, or local headers and central directory disagree.",
        "Tolerant readers disagree about what such an archive contains: one sees the harmless file, another the rest.",
        _REBUILD,
    ),
    _rule(
        "unsafe-archive-entry",
        "An entry is absolute, climbs out, is a link or device, is there twice, or collides with another name.",
        "Unpacked, it would write somewhere else, or mean something else on another file system.",
        _REBUILD,
    ),
    _rule(
        "archive-too-large",
        "The archive exceeds a bound: bytes, inflated bytes, entries, compression ratio, path length or depth.",
        "A small file that unfolds to gigabytes takes the host down before anything is verified.",
        "Ship less; fetch large data at run time.",
        Silencer.POLICY,
    ),
    _rule(
        "record-mismatch",
        "RECORD misses a file, lists one that is not there, or states a wrong hash or size.",
        "Installers do not check it, so a file added after the build goes unnoticed. In the store, it means that "
        "somebody changed files after they were verified.",
        "Build the wheel again. If a host reports it: remove the folder it names, and find out who wrote there.",
    ),
    _rule(
        "platform-tag-wrong",
        "File name and WHEEL disagree about tags, or machine code lies in a wheel for any platform.",
        "An installer would choose it where it cannot run.",
        _REBUILD,
    ),
    _rule(
        "source-artifact-mismatch",
        "A file of the wheel is not what the sources make: not in them, different, or left out.",
        "Review happens on the sources. What the build generated, or somebody put into the wheel, nobody looked at.",
        "Keep generated code in the source tree, and do not edit files while packaging. Of somebody else's wheel: name "
        "the commit it was built from, or do not use it.",
        Silencer.POLICY,
    ),
    _rule(
        "build-not-reproducible",
        "Two builds of the same sources for the same time, in different circumstances, are not the same wheel.",
        "Nobody else can make the digest again, so nobody can tell whether the wheel is what its sources make.",
        "The message names the first entry that differs. Keep the time, the folder, random numbers, and the order of "
        "sets and directories out of what the build writes.",
        Silencer.POLICY,
    ),
    _rule(
        "unclean-dependency-wheel",
        "A dependency hides a module of the standard library or the host, or overlaps with another dependency.",
        "Which file is imported would depend on chance, or on whoever wrote that dependency.",
        "Choose another version, or do without it.",
        Silencer.POLICY,
    ),
    _rule(
        "native-not-granted",
        "A locked dependency contains machine code, and the plugin was not granted `native`.",
        "Machine code in a dependency can do what machine code in the plugin could.",
        "The plugin declares a `native` permission and the host's policy allows it, or the dependency is replaced.",
    ),
)
