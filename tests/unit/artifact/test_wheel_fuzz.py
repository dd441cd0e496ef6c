"""Damaged wheels: never a crash, never other content under the same digest."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from typing import Any

import pytest
from campaign import mutants
from hypothesis import given, settings
from hypothesis import strategies as st

from theodore_loader.artifact.archive import read_archive
from theodore_loader.artifact.limits import PLUGIN
from theodore_loader.artifact.wheel import Wheel, read_dependency_wheel
from theodore_loader.errors import InvalidWheel

MUTATIONS = mutants(1500)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Flip, overwrite, insert, delete, duplicate or cut, one to three times."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        if not changed:
            break
        at = rng.randrange(len(changed))
        kind = rng.randrange(6)
        if kind == 0:
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            changed[at : at + 4] = rng.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"PK\1\2", b"PK\5\6", b"../."])
        elif kind == 2:
            changed[at:at] = rng.randbytes(rng.randint(1, 8))
        elif kind == 3:
            del changed[at : at + rng.randint(1, 8)]
        elif kind == 4:
            changed[at:at] = changed[at : at + rng.randint(1, 64)]
        else:
            del changed[at + 1 :]
    return bytes(changed)


@pytest.mark.parametrize("reader", [Wheel.read, read_dependency_wheel])
def test_mutated_wheels_are_refused_or_unchanged_in_meaning(kit, reader):
    original = kit.bytes({"acme_hello/data.txt": b"some text, some more text\n" * 20})
    contents = dict(Wheel.read(original, kit.filename).entries)
    rng = random.Random(20_260_101)
    accepted = 0
    for _ in range(MUTATIONS):
        data = mutated(original, rng)
        try:
            wheel = reader(data, kit.filename)
        except InvalidWheel:
            continue
        accepted += 1
        assert wheel.sha256 == hashlib.sha256(data).hexdigest()
        # What RECORD covers cannot change; a mutation may only reach unsigned hints of the archive, or nothing.
        assert dict(wheel.entries) == contents
    assert accepted < MUTATIONS / 20


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_arbitrary_bytes_never_crash_the_reader(data):
    with pytest.raises(InvalidWheel):
        Wheel.read(data, "acme_hello-1.2.0-py3-none-any.whl")


@settings(deadline=None)
@given(st.text(max_size=80))
def test_arbitrary_names_never_crash_the_reader(filename):
    with pytest.raises(InvalidWheel):
        Wheel.read(b"", filename)


@settings(deadline=None)
@given(st.dictionaries(st.text("abcdef/", min_size=1, max_size=6), st.binary(max_size=50), max_size=6))
def test_an_accepted_archive_unpacks_to_what_was_put_in(raw_zip, raw_entry, files):
    entries = [raw_entry(name.encode(), content) for name, content in files.items()]
    try:
        read = read_archive(raw_zip(entries), PLUGIN)
    except InvalidWheel as refusal:
        assert refusal.rule == "unsafe-archive-entry"  # noqa: PT017 - acceptance is the other valid outcome
    else:
        assert read == files


def reforged(entries: list[Any], rng: random.Random) -> list[Any]:
    """Change one entry and keep the archive consistent: what somebody with a zip library would do."""
    changed = list(entries)
    at = rng.randrange(len(changed))
    entry = changed[at]
    cut = rng.randrange(len(entry.content) + 1)
    kinds: list[dict[str, Any]] = [
        {"content": entry.content[:cut] + rng.randbytes(1) + entry.content[cut:]},
        {"content": entry.content[:cut]},
        {"content": b""},
        {"name": entry.name + b"x"},
        {"name": entry.name.swapcase()},
        {"name": b"acme_hello/../" + entry.name},
        {"name": rng.choice(entries).name},
        {"mode": rng.randrange(1 << 16)},
        {"flags": 1 << rng.randrange(16)},
        {"method": rng.choice([0, 8, 12, 14])},
        {"content": rng.choice(entries).content},
    ]
    changed[at] = replace(entry, **rng.choice(kinds))
    if rng.random() < 0.2:
        changed.insert(rng.randrange(len(changed)), replace(entry, name=b"acme_hello/added.py"))
    if rng.random() < 0.2:
        rng.shuffle(changed)
    return changed


def meaning(wheel: Wheel) -> dict[str, object]:
    """Return what a wheel holds. RECORD lists every file but its own digest, so how it is written is its own affair."""
    record = f"{wheel.dist_info}/RECORD"
    return {**wheel.entries, record: sorted(wheel.entries[record].decode().splitlines())}


def test_reforged_wheels_are_refused_or_unchanged_in_meaning(kit, raw_zip):
    entries = kit.entries({"acme_hello/data.txt": b"some text, some more text\n" * 20})
    contents = meaning(Wheel.read(raw_zip(entries), kit.filename))
    rng = random.Random(20_260_102)
    accepted = 0
    for _ in range(MUTATIONS):
        data = raw_zip(reforged(entries, rng))
        try:
            wheel = Wheel.read(data, kit.filename)
        except InvalidWheel:
            continue
        accepted += 1
        assert meaning(wheel) == contents
    # Another mode, compression or order means the same; everything else must have been refused.
    assert 0 < accepted < MUTATIONS / 4
