"""An inspection on one screen, or whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from theodore_plugin.inspection.bundles import BundleFacts, BundleUnreadable, read_bundle
from theodore_plugin.inspection.model import AuditFacts, Claim, Inspection, PluginFacts, SbomFacts, VerdictFacts

_SHORT = 3
"""How many of a list are named on one screen."""
Row = tuple[str, str]


def rows(found: Inspection, *, everything: bool) -> Iterator[Row]:
    """Yield label and value of every line; a label is empty where the line above goes on."""
    wheel = found.wheel
    yield "file", f"{wheel.filename}, {wheel.size:,} bytes"
    yield "sha256", wheel.sha256
    yield from _plugin(found.plugin, everything=everything)
    yield "signed", _claimed(found.signed)
    yield "statements", _statements(found.statements)
    yield from (("built from", origin) for origin in found.origins)
    yield from (("verdict", _verdict(verdict)) for verdict in found.verdicts)
    yield from (("audit", _audit(audit)) for audit in found.audits)
    yield "depends on", _dependencies(found, everything=everything)
    yield "SBOM", _sbom(found.sbom)
    yield "uses", _uses(found, everything=everything)
    yield "ships", _ships(found)
    yield from (("problem", problem) for problem in found.problems)
    if everything:
        yield from (("", f"{one.size:>10,}  {one.name}{' (native)' if one.native else ''}") for one in found.shipped)


def lines_of(data: bytes) -> Iterator[str]:
    """Yield every field of what should be a bundle."""
    try:
        yield from bundle_lines(read_bundle(data))
    except BundleUnreadable as problem:
        yield f"no bundle: {problem}"


def bundle_lines(facts: BundleFacts) -> Iterator[str]:
    """Yield every field of a bundle, and its statement."""
    yield facts.kind + (f"  sha256 {facts.sha256}" if facts.sha256 else "")
    yield from (f"  {label:<32} {value}" for label, value in (*facts.certificate, *facts.log))
    if facts.statement is not None:
        text = json.dumps(msgspec.to_builtins(facts.statement), indent=2, ensure_ascii=False)
        yield from (f"  {line}" for line in text.splitlines())


def _plugin(plugin: PluginFacts | None, *, everything: bool) -> Iterator[Row]:
    if plugin is None:
        yield "plugin", "none that can be read: a host would not load it"
        return
    yield "about", f"{plugin.description} ({plugin.category}, by {plugin.author}, {plugin.license})"
    yield "homepage", plugin.homepage
    until = f" to {plugin.max_python_version}" if plugin.max_python_version else " and later"
    yield "runs on", f"Theodore {plugin.compatible_versions}, Python {plugin.min_python_version}{until}"
    if everything:
        yield "loads", f"{plugin.entry_point} as {', '.join(plugin.interfaces)}"
    asked = [
        f"{one.permission}{'' if one.required else ' (optional)'}: {one.reason}" for one in plugin.permissions
    ] or ["none"]
    yield from _listed("permissions", asked, len(asked) if everything else 2 * _SHORT)


def _listed(label: str, values: Sequence[str], shown: int) -> Iterator[Row]:
    for number, value in enumerate(values[:shown]):
        yield ("" if number else label), value
    if len(values) > shown:
        yield "", f"and {len(values) - shown} more"


def _claimed(claim: Claim | None) -> str:
    return "no bundle" if claim is None else f"as claimed by {claim.identity}, on the word of {claim.issuer}"


def _statements(claims: Sequence[Claim]) -> str:
    if not claims:
        return "none"
    return ", ".join(f"{one.kind}{'' if one.about_this_wheel else ' (about another wheel)'}" for one in claims)


def _verdict(one: VerdictFacts) -> str:
    skipped = f"skipped {', '.join(one.skipped)}" if one.skipped else "none skipped"
    source = f", source {one.source}" if one.source else ""
    policy = one.policy.removeprefix("urn:theodore:policy:")
    return (
        f"{one.result} by {one.verifier} on {one.at:%Y-%m-%d %H:%M}Z, policy {policy} "
        f"({one.policy_digest[:12]}), {one.checks} checks, {skipped}, sandbox {one.sandbox}{source}"
    )


def _audit(one: AuditFacts) -> str:
    missing = f", not audited: {', '.join(one.not_audited)}" if one.not_audited else ""
    found = ", ".join(one.vulnerabilities) or "no vulnerability"
    return f"{one.packages} packages{missing}; {found}; data of {one.data_from or 'an unknown day'}"


def _dependencies(found: Inspection, *, everything: bool) -> str:
    if found.dependencies is None:
        return "unknown: no lock"
    return _counted([f"{one.name} {one.version}" for one in found.dependencies], everything=everything)


def _sbom(one: SbomFacts | None) -> str:
    if one is None:
        return "none"
    beside = {None: "no file beside the wheel", True: "the file beside it is the same", False: "ANOTHER ONE BESIDE IT"}
    return f"{len(one.components)} components; {beside[one.beside_is_same]}"


def _uses(found: Inspection, *, everything: bool) -> str:
    usage = found.api_usage
    if usage is None:
        return "not stated"
    if everything:
        return ", ".join((*usage.hooks, *usage.symbols)) or "nothing"
    return f"{len(usage.hooks)} hooks and {len(usage.symbols)} names of the SDK"


def _ships(found: Inspection) -> str:
    total = sum(one.size for one in found.shipped)
    native = sum(one.native for one in found.shipped)
    largest = max(found.shipped, key=lambda one: one.size)
    code = f", {native} of machine code" if native else ""
    return f"{len(found.shipped)} files, {total:,} bytes{code}; largest {largest.name} ({largest.size:,})"


def _counted(names: Iterable[str], *, everything: bool) -> str:
    listed = list(names)
    if not listed:
        return "nothing"
    shown = listed if everything else listed[:_SHORT]
    more = f" and {len(listed) - len(shown)} more" if len(listed) > len(shown) else ""
    return f"{len(listed)}: {', '.join(shown)}{more}"
