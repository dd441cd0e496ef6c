"""A wheel with many things wrong: all of them are named, nothing unsafe is used, and what is sound is looked at."""

from __future__ import annotations

import json
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pytest

from theodore_loader.artifact.wheel import Wheel, read_dependency_wheel
from theodore_loader.errors import InvalidWheel
from theodore_plugin.analysis import analyse
from theodore_plugin.cli import main
from theodore_plugin.packaging.normalise import write_wheel
from theodore_plugin.project import PluginProject
from theodore_plugin.project.wheel_survey import MOST_DEFECTS, survey
from theodore_plugin.report.formats import FORMATS

EPOCH = 1_700_000_000
NAME = "demo-1.0.0-py3-none-any.whl"
INFO = "demo-1.0.0.dist-info"
FILES = {
    "demo/__init__.py": b"GREETING = 'hello'\n",
    f"{INFO}/METADATA": b"Metadata-Version: 2.4\nName: demo\nVersion: 1.0.0\nSummary: Says hello.\n\nMore.\n",
    f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
ELF = b"\x7fELF\x02\x01\x01" + bytes(57)


def wheel(files: Mapping[str, bytes] = FILES) -> bytes:
    return write_wheel(files, INFO, epoch=EPOCH)


def rules(data: bytes, name: str = NAME) -> set[tuple[str, str | None]]:
    return {(defect.rule, defect.entry) for defect in survey(data, name).as_plugin}


def test_a_sound_wheel_has_no_defects():
    found = survey(wheel(), NAME)
    assert (found.as_plugin, found.as_dependency, found.unread) == ((), (), ())
    assert found.wheel.entries == Wheel.read(wheel(), NAME).entries


def everything_at_once() -> bytes:
    files = {
        **FILES,
        "demo/.env": b"TOKEN=1",
        "demo/x.zip": b"PK",
        "demo/lib.so": ELF,
        "hook.pth": b"import x",
        "json/__init__.py": b"",
        "demo/AAAA.py": b"A = 1\n",
        "demo/BBBB.py": b"B = 1\n",
        "demo/CCCC.py": b"C = 1\n",
    }
    data = wheel(files)
    data = data.replace(b"demo/AAAA.py", b"../../AAA.py")  # climbs out
    data = data.replace(b"demo/BBBB.py", b"demo/bbbb.py", 1)  # local header and directory disagree
    data = data.replace(b"C = 1\n", b"C = 2\n")  # fails its checksum
    return b"#!/bin/sh\n" + data + b"tail"


EXPECTED = {
    ("polyglot-or-trailing-data", None),
    ("polyglot-or-trailing-data", "demo/BBBB.py"),
    ("polyglot-or-trailing-data", "demo/CCCC.py"),
    ("unsafe-archive-entry", "../../AAA.py"),
    ("startup-hook-in-wheel", "hook.pth"),
    ("unexpected-file", "demo/.env"),
    ("unexpected-file", "demo/x.zip"),
    ("top-level-pollution", None),
    ("top-level-pollution", "json/__init__.py"),
    ("undeclared-native-binary", "demo/lib.so"),
    ("platform-tag-wrong", "demo/lib.so"),
}


def test_every_defect_is_named_in_one_reading():
    data = everything_at_once()
    # RECORD was changed along with the names it lists, so what it says of them is no news.
    assert {item for item in rules(data) if item[0] != "record-mismatch"} - {
        ("polyglot-or-trailing-data", f"{INFO}/RECORD")
    } == EXPECTED
    found = survey(data, NAME)
    assert {"../../AAA.py", "demo/BBBB.py", "demo/CCCC.py"} <= set(found.unread)
    assert found.wheel.entries["demo/__init__.py"] == FILES["demo/__init__.py"]
    messages = [defect.message for defect in found.as_plugin]
    assert "10 bytes lie before the archive: to other programs the file is something else" in messages
    assert len(messages) == len(set(messages))
    with pytest.raises(InvalidWheel):
        Wheel.read(data, NAME)


def test_record_is_held_against_every_file():
    data = wheel().replace(b"GREETING = 'hello'", b"GREETING = 'hullo'")
    crc = struct.pack("<L", zlib.crc32(FILES["demo/__init__.py"]))
    new = struct.pack("<L", zlib.crc32(b"GREETING = 'hullo'\n"))
    assert rules(data.replace(crc, new)) == {("record-mismatch", "demo/__init__.py")}
    files = BytesIO()
    with zipfile.ZipFile(BytesIO(wheel())) as old, zipfile.ZipFile(files, "w") as out:
        for name in old.namelist():
            if not name.endswith("WHEEL"):
                out.writestr(name, old.read(name))
        out.writestr("demo/extra.py", b"import os\n")
    found = survey(files.getvalue(), NAME).as_plugin
    assert [defect.rule for defect in found] == ["not-a-wheel", "record-mismatch", "record-mismatch"]
    assert [defect.entry for defect in found[1:]] == ["demo/extra.py", f"{INFO}/WHEEL"]


@pytest.mark.parametrize(
    ("data", "name", "rule"),
    [
        (b"", NAME, "not-a-wheel"),
        (b"no wheel", NAME, "not-a-wheel"),
        (wheel()[:300], NAME, "not-a-wheel"),
        (wheel(), "renamed.whl", "not-a-wheel"),
        (wheel(), "other-1.0.0-py3-none-any.whl", "metadata-drift"),
        (wheel(), "demo-1.0.0-cp311-cp311-linux_x86_64.whl", "platform-tag-wrong"),
        (wheel({**FILES, "demo/z.bin": bytes(9 << 20)}), NAME, None),
    ],
    ids=["empty", "text", "truncated", "no-name", "another-name", "tags", "large"],
)
def test_one_thing_wrong_is_one_rule(data, name, rule):
    assert {found for found, _ in rules(data, name)} == ({rule} if rule else set())


def bomb(size: int) -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in FILES.items():
            archive.writestr(name, data)
        with archive.open("demo/zeros.py", "w", force_zip64=False) as file:
            for _ in range(size >> 20):
                file.write(bytes(1 << 20))
    return content.getvalue()


def test_a_bomb_is_not_unfolded():
    found = survey(bomb(20 << 20), NAME)
    assert "archive-too-large" in {defect.rule for defect in found.as_plugin}
    assert found.wheel.entries == {}
    assert set(found.unread) >= {"demo/zeros.py", "demo/__init__.py"}


def test_an_archive_full_of_defects_is_counted_and_not_listed():
    files = {**FILES, **{f"demo/.d/{number}.py": b"" for number in range(MOST_DEFECTS + 200)}}
    found = survey(wheel(files), NAME).as_plugin
    assert len(found) == MOST_DEFECTS + 1
    assert found[-1].message.startswith("200 more defects like this: ")


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_done_to_a_wheel_it_is_surveyed_and_never_better_than_a_host_says(seed):
    """A survey without defects means that a host accepts the wheel, and the other way round."""
    chance = random.Random(seed)
    for _ in range(250):
        data = bytearray(everything_at_once() if chance.random() < 0.2 else wheel())
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(data))
            change = chance.random()
            if change < 0.6:
                data[at] = chance.randrange(256)
            elif change < 0.8:
                del data[at : at + chance.randint(1, 40)]
            else:
                data[at:at] = chance.randbytes(chance.randint(1, 40))
        found = survey(bytes(data), NAME)
        assert bool(found.as_plugin) == refused(Wheel.read, bytes(data))
        assert bool(found.as_dependency) == refused(read_dependency_wheel, bytes(data))


def refused(reader, data: bytes) -> bool:
    try:
        reader(data, NAME)
    except InvalidWheel:
        return True
    return False


# --- as a check


@pytest.fixture
def crooked(tmp_path, monkeypatch) -> Path:
    path = tmp_path / NAME
    path.write_bytes(everything_at_once())
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(tmp_path / "home"))
    return path


def test_the_check_reports_them_in_every_form_and_ends_with_one(crooked, tmp_path, capsys):
    options = ["--policy", "development", "--advisories", "off", "--no-cache", "--select", "packaging"]
    forms = [form for form in FORMATS if form != "full"]
    options += [part for form in forms for part in ("--output", f"{form}={tmp_path / form}")]
    code = main(["check", str(crooked), *options])
    captured = capsys.readouterr()
    assert (code, "Traceback" in captured.out + captured.err) == (1, False)
    shown = {"full": captured.out} | {form: (tmp_path / form).read_text(encoding="utf-8") for form in forms}
    missing = {form: {rule for rule, _ in EXPECTED if rule not in text} for form, text in shown.items()}
    assert {form: rules for form, rules in missing.items() if rules} == {}
    assert not [path for path in tmp_path.rglob("AAA.py") if path.is_file()]


def test_a_finding_has_the_entry_for_its_place_and_a_remedy(crooked):
    from theodore_loader.policy import load_policy

    found = analyse(PluginProject.open(crooked), load_policy("default")).findings
    native = [item for item in found if item.rule in {"undeclared-native-binary", "startup-hook-in-wheel"}]
    assert sorted((item.rule, item.location.path) for item in native) == [
        ("startup-hook-in-wheel", "hook.pth"),
        ("undeclared-native-binary", "demo/lib.so"),
    ]
    assert all(item.help for item in found)


def test_a_library_is_judged_as_a_dependency_is(tmp_path, capsys):
    files = {**FILES, "second/__init__.py": b"", "demo-1.0.0.data/scripts/demo": b"#!python\n", "demo/lib.so": ELF}
    files[f"{INFO}/WHEEL"] = FILES[f"{INFO}/WHEEL"].replace(b"none-any", b"none-linux_x86_64")
    path = tmp_path / "demo-1.0.0-py3-none-linux_x86_64.whl"
    path.write_bytes(wheel(files))
    project = PluginProject.open(path)
    assert project.library_defects == ()
    assert {defect.rule for defect in project.defects} == {
        "startup-hook-in-wheel", "top-level-pollution", "undeclared-native-binary",
    }  # fmt: skip


def test_a_wheel_without_python_is_checked_all_the_same(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(tmp_path / "home"))
    files = {name: content for name, content in FILES.items() if not name.endswith(".py")}
    path = tmp_path / NAME
    path.write_bytes(wheel({**files, "demo/py.typed": b"", "demo/a.pyi": b"A: int\n"}))
    options = [
        "--as-library",
        "--policy",
        "development",
        "--advisories",
        "off",
        "--no-cache",
        "--output-format",
        "json",
    ]
    code = main(["check", str(path), *options])
    document = json.loads(capsys.readouterr().out)
    packaging = re.compile("archive|record|wheel|polyglot|platform")
    assert code == 0
    assert not [item for item in document["findings"] if packaging.search(item["rule"])]
