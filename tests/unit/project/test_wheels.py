"""A wheel is a project like any other, read from its bytes."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest

from theodore_loader.policy import load_policy
from theodore_plugin.analysis import analyse
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.examples import example_files, plugin

METADATA = (
    "Metadata-Version: 2.4\nName: demo\nVersion: 1.0.0\nSummary: Scrapes one site\nLicense-Expression: MIT\n"
    "Requires-Python: >=3.11\nRequires-Dist: httpx>=0.27\nRequires-Dist: rich; extra == 'pretty'\n"
    "\n# demo\n\nReads the company pages of one site.\n"
)
SHA256 = "0" * 64
LOCK = f"""\
lock-version = "1.0"
created-by = "theodore-plugin"

[[packages]]
name = "httpx"
version = "0.28.1"
wheels = [
    {{ path = "httpx-0.28.1-py3-none-any.whl", upload-time = 2024-12-06T15:37:21, hashes = {{ sha256 = "{SHA256}" }} }},
]
"""
FILE = {"type": "distribution", "url": "httpx-0.28.1-py3-none-any.whl", "hashes": [{"content": SHA256}]}
HTTPX = {"name": "httpx", "version": "0.28.1", "externalReferences": [FILE]}
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build(folder: Path, code: dict[str, bytes], *, lock: str | None = LOCK, **more: str) -> Path:
    listed = {"metadata": {"component": {"name": "demo", "version": "1.0.0"}}, "components": [HTTPX] if lock else []}
    about = {"METADATA": METADATA, "WHEEL": WHEEL, "sboms/demo.cdx.json": json.dumps(listed)}
    about |= {**({"pylock.toml": lock} if lock else {}), **more}
    files = {**code, **{f"demo-1.0.0.dist-info/{name}": text.encode() for name, text in about.items()}}
    record = "".join(f"{name},sha256={digest(data)},{len(data)}\n" for name, data in files.items())
    files["demo-1.0.0.dist-info/RECORD"] = (record + "demo-1.0.0.dist-info/RECORD,,\n").encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    path = folder / "demo-1.0.0-py3-none-any.whl"
    path.write_bytes(buffer.getvalue())
    return path


def digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def sources(code: str = "") -> dict[str, bytes]:
    return {name: data for name, data in example_files(code or plugin()).items() if name.startswith("demo/")}


def found(path: Path) -> dict[str, str]:
    findings = analyse(PluginProject.open(path), load_policy("default")).findings
    return {item.rule: f"{item.location.path}:{item.location.line}" for item in findings}


def test_a_wheel_is_read_with_its_metadata(tmp_path: Path) -> None:
    path = build(tmp_path, sources())
    project = PluginProject.open(path)
    assert project.is_wheel
    assert (project.name, project.version, project.label) == ("demo", "1.0.0", path.name)
    assert project.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert project.table["dependencies"] == ["httpx>=0.27"]
    assert [file.module for file in project.files] == ["demo", "demo.plugin"]


def test_a_wheel_of_a_flawless_plugin_has_no_findings(tmp_path: Path) -> None:
    project = PluginProject.open(build(tmp_path, sources()))
    assert analyse(project, load_policy("default")).findings == ()


@pytest.mark.parametrize(
    ("name", "text", "rule", "says"),
    [
        ("sboms/demo.cdx.json", "{}", "sbom-missing-or-stale", "cannot be read"),
        ("sboms/other.cdx.json", "", "", ""),
        ("api-usage.json", '{"schema": 1, "symbols": [], "hooks": []}', "api-lock-stale", "which it does not list"),
    ],
)
def test_what_packaging_adds_to_a_wheel_is_compared_with_it(
    tmp_path: Path, name: str, text: str, rule: str, says: str
) -> None:
    findings = analyse(PluginProject.open(build(tmp_path, sources(), **{name: text})), load_policy("default")).findings
    assert [(finding.rule, says in finding.message) for finding in findings] == ([(rule, True)] if rule else [])


def test_a_wheel_without_a_bill_of_materials(tmp_path: Path) -> None:
    path = build(tmp_path, sources())
    with zipfile.ZipFile(path) as archive:
        kept = {item.filename: archive.read(item) for item in archive.infolist() if "sboms" not in item.filename}
    record = kept["demo-1.0.0.dist-info/RECORD"].decode().splitlines(keepends=True)
    kept["demo-1.0.0.dist-info/RECORD"] = "".join(line for line in record if "sboms" not in line).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for item, data in kept.items():
            archive.writestr(zipfile.ZipInfo(item), data)
    assert found(path) == {"sbom-missing-or-stale": "demo-1.0.0.dist-info/METADATA:1"}


def test_tests_inside_a_wheel_are_checked_too(tmp_path: Path) -> None:
    code = {**sources(), "demo/tests/test_x.py": b"import os\n\n\ndef f():\n    os.system('id')\n"}
    result = analyse(PluginProject.open(build(tmp_path, code)), load_policy("default"))
    assert {item.location.path for item in result.findings if item.rule == "undeclared-permission"} == {
        "demo/tests/test_x.py"
    }


def test_drift_points_into_the_wheels_metadata(tmp_path: Path) -> None:
    code = sources(plugin(required_packages="[]"))
    [finding] = analyse(PluginProject.open(build(tmp_path, code)), load_policy("default")).findings
    assert finding.rule == "metadata-drift"
    assert str(finding.location) == "demo-1.0.0.dist-info/METADATA:7:16"


def test_a_wheel_that_requires_something_carries_a_lock(tmp_path: Path) -> None:
    assert found(build(tmp_path, sources(), lock=None)) == {"unpinned-lock": "demo-1.0.0.dist-info/METADATA:1"}


def test_every_defect_of_a_wheels_lock_is_found_at_its_line(tmp_path: Path) -> None:
    damaged = LOCK.replace(SHA256, "").replace("0.28.1", "0.20.0")
    rules = found(build(tmp_path, sources(), lock=damaged))
    assert rules["unhashed-lock"] == "demo-1.0.0.dist-info/pylock.toml:8"
    assert rules["unpinned-lock"] == "demo-1.0.0.dist-info/METADATA:7"


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("[console_scripts]\nls = demo.plugin:Demo\n", {"foreign-entry-point"}),
        ("[pytest11]\ndemo = demo.plugin\n", {"foreign-entry-point"}),
        ("[console_scripts]\nls = demo.gone:main\n", {"foreign-entry-point", "entry-point-unresolvable"}),
        ("ls = demo.plugin:Demo\n", {"foreign-entry-point", "entry-point-unresolvable"}),
        ("", set()),
    ],
    ids=["command", "plugin of another program", "leads nowhere", "unreadable", "empty"],
)
def test_entry_points_of_a_wheel_are_judged_like_those_of_a_tree(tmp_path: Path, text: str, rules: set[str]) -> None:
    assert set(found(build(tmp_path, sources(), **{"entry_points.txt": text}))) == rules


def test_a_wheel_without_long_description_says_too_little(tmp_path: Path) -> None:
    short = METADATA.partition("\n\n")[0] + "\n"
    assert set(found(build(tmp_path, sources(), METADATA=short))) == {"description-or-readme-missing"}


def test_links_of_a_wheel_are_judged(tmp_path: Path) -> None:
    linked = METADATA.replace("\n\n", "\nProject-URL: Source, http://example.com/demo\n\n", 1)
    assert set(found(build(tmp_path, sources(), METADATA=linked))) == {"link-broken-or-insecure"}


def test_one_flipped_byte_is_a_defect_and_the_file_is_not_taken_for_looked_at(tmp_path: Path) -> None:
    path = build(tmp_path, sources())
    data = bytearray(path.read_bytes())
    data[data.index(b"class Demo")] ^= 1
    path.write_bytes(bytes(data))
    project = PluginProject.open(path)
    [defect] = project.defects
    assert (defect.rule, defect.entry) == ("polyglot-or-trailing-data", project.skipped[0].path)
    assert project.skipped[0].path not in {file.path for file in project.files}
