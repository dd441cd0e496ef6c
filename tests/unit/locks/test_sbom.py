"""The bill of materials: valid CycloneDX, the same bytes every time, about what is locked."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from theodore_loader.artifact.lock import read_lock
from theodore_loader.manifest import Manifest
from theodore_loader.policy import load_policy
from theodore_plugin.analysis import analyse
from theodore_plugin.packaging.sbom import differences, read_listed, sbom
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.examples import example_files, plugin

EPOCH = 1_700_000_000
A, B, C = "a" * 64, "b" * 64, "c" * 64
LOCK = f"""\
lock-version = "1.0"
created-by = "theodore-plugin"

[[packages]]
name = "httpx"
version = "0.28.1"
dependencies = [{{ name = "h11", version = "0.16.0" }}]
wheels = [{{ path = "httpx-0.28.1-py3-none-any.whl", hashes = {{ sha256 = "{A}" }} }}]

[[packages]]
name = "h11"
version = "0.16.0"
marker = "python_version >= '3.12'"
dependencies = []
wheels = [
    {{ path = "h11-0.16.0-cp312-cp312-manylinux_2_17_x86_64.whl", hashes = {{ sha256 = "{B}" }} }},
    {{ path = "h11-0.16.0-py3-none-any.whl", hashes = {{ sha256 = "{C}" }} }},
]

[[packages]]
name = "h11"
version = "0.14.0"
marker = "python_version < '3.12'"
wheels = [{{ path = "h11-0.14.0-py3-none-any.whl", hashes = {{ sha256 = "{C}" }} }}]
"""


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    reading = analyse(PluginProject.from_files(example_files(plugin())), load_policy("default"), ()).metadata
    assert reading.info is not None
    assert reading.plugin_class is not None
    return Manifest(reading.info, reading.plugin_class)


def test_it_is_valid_and_says_what_is_in_the_plugin(manifest):
    data = sbom(manifest, read_lock(LOCK.encode()), epoch=EPOCH)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(data.decode()) is None
    document = json.loads(data)
    component = document["metadata"]["component"]
    assert (component["name"], component["version"], component["purl"]) == ("demo", "1.0.0", "pkg:pypi/demo@1.0.0")
    assert component["licenses"] == [{"expression": "MIT"}]
    assert {"name": "theodore:permission", "value": "network api.example.com:443"} in component["properties"]
    assert document["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"
    depends = {entry["ref"]: entry.get("dependsOn", []) for entry in document["dependencies"]}
    # 0.14.0 of h11 is what nothing leads to, so the plugin itself does
    assert depends["pkg:pypi/demo@1.0.0"] == ["pkg:pypi/h11@0.14.0", "pkg:pypi/httpx@0.28.1"]
    assert depends["pkg:pypi/httpx@0.28.1"] == ["pkg:pypi/h11@0.16.0"]
    by_ref = {entry["bom-ref"]: entry for entry in document["components"]}
    assert by_ref["pkg:pypi/httpx@0.28.1"]["hashes"] == [{"alg": "SHA-256", "content": A}]
    two = by_ref["pkg:pypi/h11@0.16.0"]
    assert "hashes" not in two, "two files: each has its own"
    assert {entry["url"]: entry["hashes"][0]["content"] for entry in two["externalReferences"]} == {
        "h11-0.16.0-cp312-cp312-manylinux_2_17_x86_64.whl": B,
        "h11-0.16.0-py3-none-any.whl": C,
    }


def test_same_input_same_bytes_and_any_other_input_another_number(manifest):
    lock = read_lock(LOCK.encode())
    one = sbom(manifest, lock, epoch=EPOCH)
    assert sbom(manifest, lock, epoch=EPOCH) == one
    other = sbom(replace(manifest, info=replace(manifest.info, version="1.0.1")), lock, epoch=EPOCH)
    assert json.loads(one)["serialNumber"] != json.loads(other)["serialNumber"]
    assert str(Path.home()) not in one.decode()


@pytest.mark.parametrize("licence", ["", "Our own terms", "MIT OR Apache-2.0", "\u2603"])
def test_any_licence_gives_a_valid_document(manifest, licence):
    changed = replace(manifest, info=replace(manifest.info, license=licence or "x", email=""))
    data = sbom(changed, read_lock(LOCK.encode()), epoch=EPOCH)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(data.decode()) is None


def test_it_agrees_with_the_lock_it_was_made_from_and_with_no_other(manifest):
    lock = read_lock(LOCK.encode())
    listed = read_listed(sbom(manifest, lock, epoch=EPOCH))
    assert list(differences(listed, ("demo", "1.0.0"), lock)) == []
    other = read_lock(LOCK.replace(A, "d" * 64).encode())
    assert list(differences(listed, ("demo", "1.0.0"), other)) == ["its files of httpx 0.28.1 are not the locked ones"]
    assert len(list(differences(listed, ("demo", "2.0.0"), None))) == 4


def test_an_empty_lock_gives_an_empty_list(manifest):
    lock = read_lock(b'lock-version = "1.0"\ncreated-by = "x"\npackages = []\n')
    data = sbom(manifest, lock, epoch=EPOCH)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(data.decode()) is None
    assert read_listed(data).files == {}
    assert tomllib.loads(LOCK)["packages"], "the other tests have something to list"
