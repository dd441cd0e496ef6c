"""Every crooked archive is refused by the rule that names its defect."""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import replace

import pytest

from theodore_loader.artifact.archive import read_archive
from theodore_loader.artifact.limits import PLUGIN, Limits
from theodore_loader.errors import InvalidWheel

CROOKED, UNSAFE, LARGE, NO_WHEEL = (
    "polyglot-or-trailing-data",
    "unsafe-archive-entry",
    "archive-too-large",
    "not-a-wheel",
)
ZIP64 = struct.pack("<2H2Q", 1, 16, 5, 5)


def refused(data: bytes, limits: Limits = PLUGIN) -> InvalidWheel:
    with pytest.raises(InvalidWheel) as caught:
        read_archive(data, limits)
    assert caught.value.help
    return caught.value


def test_reads_what_the_standard_library_writes():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b.py", "x = 1\n" * 100)
        archive.writestr("a/ü.txt", "umlaut")
        archive.mkdir("empty")
    assert read_archive(buffer.getvalue(), PLUGIN) == {"a/b.py": b"x = 1\n" * 100, "a/ü.txt": b"umlaut"}


def test_an_archive_without_entries_is_empty(raw_zip):
    assert read_archive(raw_zip([]), PLUGIN) == {}


@pytest.mark.parametrize("data", [b"", b"P", b"hello, I am no archive at all, not even nearly", b"\0" * 22])
def test_a_file_that_is_no_archive(data):
    assert refused(data).rule == NO_WHEEL


def test_every_truncation_of_an_archive_is_refused(raw_zip, raw_entry):
    data = raw_zip([raw_entry(b"a.py", b"x = 1\n"), raw_entry(b"b.py", b"y = 2\n")])
    assert {refused(data[:length]).rule for length in range(len(data))} <= {NO_WHEEL, CROOKED}
    assert "truncated" in refused(data[:40]).message


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"prefix": b"#!/bin/sh\n"}, "before the first"),
        ({"suffix": b"trailing"}, "follow the end"),
        ({"comment": b"PK\5\6 hidden"}, "follow the end"),
        ({"before_directory": b"gap"}, "between the last entry"),
        ({"before_end": b"gap"}, "not lie directly before"),
        ({"before_end": b"PK\6\7" + bytes(16)}, "not lie directly before"),
        ({"end": {"disk": 1}}, "several disks"),
        ({"end": {"here": 7}}, "several disks"),
        ({"end": {"here": 3, "count": 3}}, "breaks off"),
        ({"end": {"here": 1, "count": 1}}, "more than its entries"),
        ({"end": {"start": 0}}, "not lie directly before"),
    ],
)
def test_bytes_outside_the_entries(raw_zip, raw_entry, options, words):
    caught = refused(raw_zip([raw_entry(b"a", b"1"), raw_entry(b"b", b"2")], **options))
    assert (caught.rule, words in caught.message) == (CROOKED, True), caught.message


def test_a_prefix_with_adjusted_offsets_is_still_seen(raw_zip, raw_entry):
    entry = raw_entry(b"a", b"1", gap=b"MZ executable")
    assert "before the first entry" in refused(raw_zip([entry])).message


def test_two_names_for_the_same_stored_bytes(raw_zip, raw_entry):
    first = raw_entry(b"a", b"1")
    assert refused(raw_zip([first, raw_entry(b"b", b"1", central={"offset": 0})])).rule == CROOKED


@pytest.mark.parametrize(
    ("side", "override"),
    [
        ("local", {"name": b"x"}),
        ("local", {"size": 4}),
        ("local", {"stored": 4}),
        ("local", {"crc": 0}),
        ("local", {"method": 0}),
        ("local", {"flags": 2}),
        ("local", {"time": 9}),
        ("local", {"needed": 45}),
        ("central", {"name": b"x"}),
        ("central", {"size": 6}),
        ("central", {"crc": 1}),
        ("central", {"disk": 1}),
        ("central", {"offset": 3}),
        ("central", {"offset": 0xFFFFFFFF}),
        ("central", {"stored": 0xFFFFFFFF}),
    ],
)
def test_local_header_and_central_directory_disagree(raw_zip, raw_entry, side, override):
    assert refused(raw_zip([replace(raw_entry(b"a", b"12345"), **{side: override})])).rule == CROOKED


@pytest.mark.parametrize(
    "lie",
    [
        {"stored": b"\x03\x00" + b"x" * 20},
        {"stored": b"\xff\xff\xff"},
        {"local": {"size": 4}, "central": {"size": 4}},
        {"local": {"size": 6}, "central": {"size": 6}},
        {"local": {"crc": 7}, "central": {"crc": 7}},
        {"method": 0, "local": {"size": 9}, "central": {"size": 9}},
    ],
)
def test_content_that_is_not_what_both_headers_say(raw_zip, raw_entry, lie):
    assert refused(raw_zip([replace(raw_entry(b"a", b"12345"), **lie)])).rule == CROOKED


@pytest.mark.parametrize(
    "extras",
    [
        {"central_extra": ZIP64},
        {"local_extra": struct.pack("<2H2Q", 1, 16, 9, 9)},
        {"local_extra": struct.pack("<2H", 0x7075, 0)},
        {"central_extra": struct.pack("<2H", 0x9901, 0)},
        {"central_extra": b"\1"},
        {"local_extra": struct.pack("<2H", 0x5455, 900)},
        {"comment": b"psst"},
    ],
)
def test_extra_fields_that_change_the_meaning(raw_zip, raw_entry, extras):
    assert refused(raw_zip([replace(raw_entry(b"a", b"12345", method=0), **extras)])).rule == CROOKED


def test_a_zip64_field_that_restates_the_header_is_harmless(raw_zip, raw_entry):
    data = raw_zip([raw_entry(b"a", b"12345", method=0, local_extra=ZIP64)])
    assert read_archive(data, PLUGIN) == {"a": b"12345"}


@pytest.mark.parametrize("flags", [0x1, 0x8, 0x20, 0x40, 0x2000, 0x8000])
def test_encrypted_streamed_or_patched_entries(raw_zip, raw_entry, flags):
    assert refused(raw_zip([raw_entry(b"a", b"1", flags=flags)])).rule == UNSAFE


@pytest.mark.parametrize("method", [1, 6, 9, 12, 14, 93, 99])
def test_other_compression_methods(raw_zip, raw_entry, method):
    assert refused(raw_zip([raw_entry(b"a", b"1", method=method)])).rule == UNSAFE


@pytest.mark.parametrize(
    "kind",
    [
        {"mode": 0o120777},
        {"mode": 0o020666},
        {"mode": 0o060666},
        {"mode": 0o010666},
        {"mode": 0o140666},
        {"mode": 0o040755},
        {"mode": 0o104755},
        {"mode": 0o102755},
        {"dos": 0x10},
        {"name": b"a/", "mode": 0o100644},
    ],
)
def test_entries_that_are_no_regular_files(raw_zip, raw_entry, kind):
    assert refused(raw_zip([replace(raw_entry(b"a", b"1"), **kind)])).rule == UNSAFE


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd", "../up", "a/../../up", "a/./b", "a//b", "..", ".", "", "a\\b", "C:/x", "C:x", "a\0b", "a\nb",
        "a\u202eb", "a\u200bb", "a\u2028b", "dot.", "blank ", "a/dot./b", "nul", "a/CON.py", "lpt1.txt", "com\u00b2",
    ],
)  # fmt: skip
def test_names_that_are_not_plain_and_relative(raw_zip, raw_entry, name):
    caught = refused(raw_zip([raw_entry(name.encode(), b"1", flags=0x800)]))
    assert caught.rule == UNSAFE
    assert repr(name) in caught.message


@pytest.mark.parametrize(("name", "flags"), [(b"\xff\xfe", 0x800), (b"\xed\xa0\x80", 0x800), ("ü".encode(), 0)])
def test_names_in_no_stated_encoding(raw_zip, raw_entry, name, flags):
    assert refused(raw_zip([raw_entry(name, b"1", flags=flags)])).rule == UNSAFE


@pytest.mark.parametrize(
    "names",
    [
        ("a", "a"),
        ("pkg/mod.py", "pkg/mod.py"),
        ("pkg/Mod.py", "pkg/mod.py"),
        ("stra\u00dfe", "strasse"),
        ("\u00e9", "e\u0301"),
        ("a", "a/b"),
        ("A/b", "a"),
        ("a", "a/b/c/d"),
        ("a/b", "a/b/"),
    ],
)
def test_names_that_become_one_file(raw_zip, raw_entry, names):
    entries = [
        raw_entry(
            n.encode(), b"" if n.endswith("/") else b"1", flags=0x800, mode=0o040755 if n[-1] == "/" else 0o100644
        )
        for n in names
    ]
    assert refused(raw_zip(entries)).rule == UNSAFE
    assert refused(raw_zip(entries[::-1])).rule == UNSAFE


def test_a_bomb_is_refused_before_it_unfolds(raw_zip, raw_entry):
    bomb = raw_entry(b"bomb", bytes(65 * 1024 * 1024))
    assert refused(raw_zip([bomb])).rule == LARGE


def test_a_bomb_that_declares_itself_small_is_refused(raw_zip, raw_entry):
    lie = {"size": 10}
    bomb = raw_entry(b"bomb", bytes(50 * 1024 * 1024), local=lie, central=lie)
    assert refused(raw_zip([bomb])).rule == CROOKED


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(archive_bytes=10), "the archive has"),
        (Limits(entries=2), "entries"),
        (Limits(entry_bytes=5000), "'big'"),
        (Limits(total_bytes=9000), "inflates to"),
        (Limits(ratio=2, ratio_floor=0), "-fold"),
        (Limits(path_bytes=2), "deeper"),
        (Limits(depth=1), "deeper"),
    ],
)
def test_each_limit_is_held(raw_zip, raw_entry, limits, words):
    entries = [raw_entry(b"big", bytes(9000)), raw_entry(b"a/b", b"x"), raw_entry(b"c", b"y")]
    caught = refused(raw_zip(entries), limits)
    assert (caught.rule, words in caught.message) == (LARGE, True), caught.message


def test_a_path_of_a_thousand_folders(raw_zip, raw_entry):
    assert refused(raw_zip([raw_entry(b"a/" * 1000 + b"b", b"1")])).rule == LARGE
