"""The plugin's metadata and its distribution's metadata disagree."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from theodore_loader.errors import Refused
from theodore_loader.manifest import from_json
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin, pyproject
from theodore_sdk.info import PackageDependency

OWN_DISTRIBUTION = "theodore-plugin"
"""The SDK comes from the host, so naming it among the dependencies is allowed and means nothing."""

RULE = Rule(
    name="metadata-drift",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="get_plugin_info() and [project] (or the wheel's METADATA or manifest) say different things.",
    why="A host decides by the manifest, installers act by the distribution's metadata: they must be the same plugin.",
    remedy="Make both say the same.",
    bad=(
        Example(plugin(version='"1.0.1"'), "versions differ"),
        Example(pyproject('"httpx>=0.27"', '"httpx>=0.27", "requests"'), "a dependency the metadata does not list"),
    ),
    good=(
        Example(plugin(), "the same everywhere"),
        Example(pyproject('version = "1.0.0"', 'version = "1.0"'), "equal versions, written differently"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Compare what could be read on both sides."""
    if context.metadata.plugin is None:
        return
    if not context.project.table:
        yield report(RULE, context.where(""), "there is no pyproject.toml with a [project] table to compare with")
        return
    yield from _name_and_version(context)
    yield from _texts(context)
    yield from _dependencies(context)
    yield from _manifest(context)


def _name_and_version(context: RuleContext) -> Iterator[Finding]:
    name, wanted = context.metadata.values.get("name"), context.project.name
    if name and wanted and canonicalize_name(name) != canonicalize_name(wanted):
        yield _differs(context, "name", name, wanted)
    version, project_version = context.metadata.values.get("version"), context.project.version
    if version and project_version and not _same_version(version, project_version):
        yield _differs(context, "version", version, project_version)


def _texts(context: RuleContext) -> Iterator[Finding]:
    licence = context.project.table.get("license")
    expected = {
        "description": context.project.table.get("description"),
        "license": licence.get("text") if isinstance(licence, Mapping) else licence,
    }
    for field, wanted in expected.items():
        value = context.metadata.values.get(field)
        if value is not None and isinstance(wanted, str) and value != wanted:
            yield _differs(context, field, value, wanted)


def _dependencies(context: RuleContext) -> Iterator[Finding]:
    required = context.metadata.values.get("required_packages")
    if required is None:
        return
    optional = context.metadata.values.get("optional_packages", ())
    known = {canonicalize_name(item.name) for item in (*required, *optional)}
    declared = _requirements(context.project.table.get("dependencies", ()))
    for number, item in enumerate(required):
        yield from _dependency(context, f"/required_packages/{number}", item, declared)
    for name, requirement in declared.items():
        if name not in known and name != OWN_DISTRIBUTION:
            where = context.project.locate(f'"{requirement.name}', requirement.name)
            message = f"{requirement.name} is a dependency in [project], but not in required_packages"
            line = f'PackageDependency("{requirement.name}", "{requirement.specifier}")'
            yield report(RULE, where, message, f"add {line} to required_packages")


def _dependency(
    context: RuleContext, pointer: str, item: PackageDependency, declared: Mapping[str, Requirement]
) -> Iterator[Finding]:
    found = declared.get(canonicalize_name(item.name))
    if found is None:
        message = f"required_packages names {item.name}, [project] dependencies do not"
        line = f'"{item.name}{item.version_requirement}"'
        yield report(
            RULE, context.where(pointer), message, f"add {line} to dependencies in {context.project.project_file}"
        )
        return
    try:
        same = SpecifierSet(item.version_requirement) == found.specifier
    except InvalidSpecifier:
        message = f"{item.version_requirement!r} is no version specifier (PEP 440)"
        yield report(RULE, context.where(f"{pointer}/version_requirement"), message)
        return
    if not same:
        message = f"{item.name} is {item.version_requirement!r} here and '{found.specifier}' in [project]"
        yield report(RULE, context.where(pointer), message)


def _manifest(context: RuleContext) -> Iterator[Finding]:
    """Compare the compiled manifest of a packaged wheel with the code."""
    info = context.metadata.info
    if context.project.manifest is None or info is None:
        return
    try:
        manifest = from_json(context.project.manifest)
    except Refused as problem:
        yield report(RULE, context.where(""), f"the wheel's manifest cannot be read: {problem.message}", problem.help)
        return
    if manifest.entry_point != context.metadata.plugin_class:
        message = f"the manifest's entry point is {manifest.entry_point}, the code has {context.metadata.plugin_class}"
        yield report(RULE, context.where(""), message, "package the plugin again")
    if _comparable(manifest.info) != _comparable(info):
        yield report(RULE, context.where(""), "the compiled manifest differs from the code", "package the plugin again")


def _comparable(value: object) -> object:
    """Compare lists and tuples alike: JSON knows only one of them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _comparable(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _comparable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_comparable(item) for item in value]
    return getattr(value, "range_spec", value)


def _differs(context: RuleContext, field: str, value: str, wanted: str) -> Finding:
    source = context.project.project_file
    message = f"{field} is {value!r} in get_plugin_info() and {wanted!r} in {source}"
    return report(RULE, context.where(f"/{field}"), message, f"make {field} the same in both")


def _same_version(left: str, right: str) -> bool:
    try:
        return Version(left) == Version(right)
    except InvalidVersion:
        return left == right


def _requirements(lines: object) -> dict[str, Requirement]:
    found: dict[str, Requirement] = {}
    for line in lines if isinstance(lines, Sequence) and not isinstance(lines, str) else ():
        try:
            requirement = Requirement(str(line))
        except InvalidRequirement:
            continue  # installers refuse it; direct-url-dependency and the lock speak about it
        found[canonicalize_name(requirement.name)] = requirement
    return found
