from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from theodore_loader.manifest import Manifest, ManifestInvalid, from_json, to_json
from theodore_sdk.info import (
    PackageDependency,
    PermissionType,
    PluginCategory,
    PluginInfo,
    PluginPermission,
    PluginResourceLimits,
)
from theodore_sdk.versions import VersionRange

Edit = Callable[[dict[str, Any]], Any]


@pytest.fixture
def manifest() -> Manifest:
    info = PluginInfo(
        name="acme-hello",
        version="1.2.0",
        description="Greets.",
        author="Acme",
        email="plugins@acme.example",
        homepage="https://acme.example",
        license="MIT",
        category=PluginCategory.SCRAPER,
        interfaces=("ScraperPlugin",),
        dependencies=(),
        compatible_versions=VersionRange(">=2.0.0,<3.0.0"),
        min_python_version="3.11",
        max_python_version=None,
        required_packages=(PackageDependency("httpx", ">=0.27"),),
        optional_packages=(),
        configuration_schema={"type": "object", "properties": {"timeout": {"type": "integer", "default": 30}}},
        permissions=(PluginPermission(PermissionType.NETWORK, "the service", "api.acme.example:443"),),
        resource_limits=PluginResourceLimits(),
        tags=("greeting",),
        provides={"WebScraper": "acme_hello.scraper:Scraper"},
    )
    return Manifest(info, "acme_hello.plugin:HelloPlugin")


def invalid(data: bytes) -> list[tuple[str, str]]:
    with pytest.raises(ManifestInvalid) as caught:
        from_json(data)
    assert caught.value.rule == "manifest-invalid"
    assert caught.value.help
    return list(caught.value.problems)


def test_writing_is_canonical(manifest: Manifest) -> None:
    data = to_json(manifest)
    text = data.decode("utf-8")
    assert text.endswith("}\n")
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    assert from_json(data) == manifest


def test_other_spellings_of_the_same_document_mean_the_same(manifest: Manifest) -> None:
    document = json.loads(to_json(manifest))
    document["plugin"]["resource_limits"]["max_cpu_percent"] = 50
    del document["plugin"]["documentation_url"]
    assert from_json(json.dumps(document).encode()) == manifest


def test_an_invalid_manifest_is_never_written(manifest: Manifest) -> None:
    with pytest.raises(ManifestInvalid):
        to_json(Manifest(manifest.info, "no entry point"))


EDITS: list[tuple[str, Edit, str, str]] = [
    (
        "misspelt",
        lambda d: d["plugin"].update(permisions=d["plugin"].pop("permissions")),
        "/plugin/permisions",
        "did you mean permissions?",
    ),
    ("missing", lambda d: d["plugin"].pop("license"), "/plugin/license", "missing"),
    ("unknown", lambda d: d.update(extra=1), "/extra", "unknown field"),
    ("newer", lambda d: d.update(schema=2), "/schema", "reads schema 1, not 2"),
    ("list", lambda d: d.update(plugin=[]), "/plugin", "an object is wanted, not a list"),
    ("category", lambda d: d["plugin"].update(category="scrapper"), "/plugin/category", "did you mean scraper?"),
    ("category type", lambda d: d["plugin"].update(category=5), "/plugin/category", "text is wanted, not a number"),
    ("name", lambda d: d["plugin"].update(name="Acme_Hello"), "/plugin/name", "lower-case"),
    ("short name", lambda d: d["plugin"].update(name="ab"), "/plugin/name", "3 to 64"),
    ("newline in name", lambda d: d["plugin"].update(name="acme-hello\n"), "/plugin/name", "3 to 64"),
    ("version", lambda d: d["plugin"].update(version="one"), "/plugin/version", "PEP 440"),
    (
        "range",
        lambda d: d["plugin"].update(compatible_versions="2.x"),
        "/plugin/compatible_versions",
        "version specifier",
    ),
    ("python", lambda d: d["plugin"].update(min_python_version="2.7"), "/plugin/min_python_version", "3.11"),
    ("entry point", lambda d: d.update(entry_point="os.system"), "/entry_point", "module:Class"),
    ("entry point code", lambda d: d.update(entry_point="a:b()"), "/entry_point", "module:Class"),
    ("provides", lambda d: d["plugin"]["provides"].update({"a/b": "x"}), "/plugin/provides/a~1b", "module:Class"),
    (
        "number as text",
        lambda d: d["plugin"]["resource_limits"].update(max_memory_mb="512"),
        "/plugin/resource_limits/max_memory_mb",
        "a whole number is wanted, not text",
    ),
    (
        "float",
        lambda d: d["plugin"]["resource_limits"].update(max_memory_mb=1.5),
        "/plugin/resource_limits/max_memory_mb",
        "a whole number is wanted",
    ),
    (
        "boolean number",
        lambda d: d["plugin"]["resource_limits"].update(max_memory_mb=True),
        "/plugin/resource_limits/max_memory_mb",
        "a whole number is wanted, not true or false",
    ),
    (
        "no memory",
        lambda d: d["plugin"]["resource_limits"].update(max_memory_mb=0),
        "/plugin/resource_limits/max_memory_mb",
        "between 1",
    ),
    (
        "negative",
        lambda d: d["plugin"]["resource_limits"].update(max_subprocess_count=-1),
        "/plugin/resource_limits/max_subprocess_count",
        "between 0",
    ),
    (
        "pattern",
        lambda d: d["plugin"]["permissions"][0].update(pattern="https://x"),
        "/plugin/permissions/0/pattern",
        "a URL, not a host",
    ),
    (
        "permission type",
        lambda d: d["plugin"]["permissions"][0].update(type="net"),
        "/plugin/permissions/0/type",
        "network",
    ),
    (
        "required",
        lambda d: d["plugin"]["permissions"][0].update(required="yes"),
        "/plugin/permissions/0/required",
        "true or false is wanted",
    ),
    (
        "requirement",
        lambda d: d["plugin"]["required_packages"][0].update(version_requirement="new"),
        "/plugin/required_packages/0/version_requirement",
        "version specifier",
    ),
    ("tag", lambda d: d["plugin"].update(tags=["a", None]), "/plugin/tags/1", "text is wanted, not null"),
    ("text as list", lambda d: d["plugin"].update(tags="abc"), "/plugin/tags", "a list is wanted, not text"),
    ("escape sequence", lambda d: d["plugin"].update(author="\x1b[2J"), "/plugin/author", "control characters"),
    ("long text", lambda d: d["plugin"].update(description="x" * 40_000), "/plugin/description", "32,768 characters"),
    ("many", lambda d: d["plugin"].update(tags=["x"] * 300), "/plugin/tags", "300 entries"),
    (
        "null schema",
        lambda d: d["plugin"].update(configuration_schema=None),
        "/plugin/configuration_schema",
        "an object is wanted, not null",
    ),
]


@pytest.mark.parametrize(("edit", "pointer", "message"), [edit[1:] for edit in EDITS], ids=[edit[0] for edit in EDITS])
def test_a_defect_is_named_by_its_json_pointer(manifest: Manifest, edit: Edit, pointer: str, message: str) -> None:
    document = json.loads(to_json(manifest))
    edit(document)
    problems = dict(invalid(json.dumps(document).encode()))
    assert message in problems[pointer]


def test_all_defects_are_listed(manifest: Manifest) -> None:
    document = json.loads(to_json(manifest))
    document["plugin"].update(category="x", tags=5)
    document["plugin"].pop("email")
    assert {pointer for pointer, _message in invalid(json.dumps(document).encode())} == {
        "/plugin/category",
        "/plugin/tags",
        "/plugin/email",
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not JSON"),
        (b"null", "an object is wanted, not null"),
        (b"[]", "an object is wanted, not a list"),
        (b"{", "line 1, column 2"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'{"schema": 1, "schema": 1}', "duplicate key 'schema'"),
        (b'{"schema": NaN}', "NaN is not JSON"),
        (b'{"schema": -Infinity}', "-Infinity is not JSON"),
        (b'{"schema": 1e999}', "out of range"),
        (b'{"schema": ' + b"9" * 5000 + b"}", "not acceptable JSON"),
        (b'{"a": "\\ud800"}', "half a surrogate pair"),
        (b'{"\\ud800": 1}', "half a surrogate pair"),
        (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", "deeper than 64"),
        (b"[" * 100_000, "not acceptable JSON"),
        (b" " * 300_000, "more than the limit of 262,144"),
    ],
)
def test_what_is_not_one_unambiguous_document_is_refused(data: bytes, message: str) -> None:
    assert message in invalid(data)[0][1]


def test_a_truncated_manifest_is_refused_at_every_length(manifest: Manifest) -> None:
    data = to_json(manifest).rstrip()
    for length in range(0, len(data), 7):
        assert invalid(data[:length])


def test_a_hostile_key_does_not_flood_the_message() -> None:
    problems = invalid(
        json.dumps({"\x1b[31m" + "k" * 10_000: 1, "schema": 1, "entry_point": "a:b", "plugin": {}}).encode()
    )
    assert all(len(pointer) < 400 and pointer.isprintable() for pointer, _message in problems)
