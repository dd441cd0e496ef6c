"""Reproducing a build: the same wheel in other circumstances, and a first difference where it is not."""

from __future__ import annotations

import pytest

from theodore_loader.errors import Refused
from theodore_plugin.packaging.build import build_wheel
from theodore_plugin.packaging.circumstances import OTHER, USUAL
from theodore_plugin.packaging.difference import archive_difference, entry_differences, wheel_difference
from theodore_plugin.packaging.normalise import normalise, write_wheel
from theodore_plugin.packaging.reproduce import Reproduction, verify_reproducible
from theodore_plugin.packaging.wheelhouse import BackendFailed, Wheelhouse
from theodore_plugin.project import PluginProject

EPOCH = 1_700_000_000
HATCHLING = 'requires = ["hatchling"]\nbuild-backend = "hatchling.build"'
THOROUGH = pytest.mark.thorough
BACKENDS = {
    "hatchling": {},
    "setuptools": {HATCHLING: 'requires = ["setuptools>=77"]\nbuild-backend = "setuptools.build_meta"'},
    "flit": {HATCHLING: 'requires = ["flit-core>=3.9"]\nbuild-backend = "flit_core.buildapi"'},
    "uv_build": {HATCHLING: 'requires = ["uv-build"]\nbuild-backend = "uv_build"'},
}
FILES = {f"src/acme_hello/{name}.py": f"NAME = {name!r}\n" for name in ("zeta", "alpha", "Mid")} | {
    "src/acme_hello/data/words.txt": "hello\n",
    "LICENSE": "free\n",
}


@pytest.mark.parametrize(
    "backend", ["setuptools", *(pytest.param(one, marks=THOROUGH) for one in BACKENDS if one != "setuptools")]
)
def test_builds_in_other_circumstances_are_one_wheel(project_dir, offline, backend):
    project = PluginProject.open(project_dir(BACKENDS[backend], FILES))
    found = verify_reproducible(project, EPOCH)
    assert (found.first_difference, found.reproducible) == (None, True)
    assert set(found.variants) == {
        "directory", "umask", "time zone", "hash seed", "locale", "file times", "file order",
    }  # fmt: skip


LEAKS = """
import os, time
umask = os.umask(0)
os.umask(umask)
def leak(name, text):
    with open("src/acme_hello/" + name, "w") as file:
        file.write(text)
leak("hash_seed.py", "A = 1\\nB = %r\\n" % hash("x"))
leak("folder.py", os.getcwd())
leak("zone.txt", time.tzname[0])
leak("mask.bin", "\\0" * 9 + oct(umask))
leak("written.txt", str(os.stat("v.py").st_mtime))
leak("order.txt", " ".join(os.listdir("src/acme_hello")))
if umask == 0o77:
    leak("sometimes.py", "")
__version__ = "1.2.0"
"""


def test_what_leaks_into_the_wheel_is_named_with_its_place(project_dir, offline, tmp_path):
    """hatchling's `code` version source runs code of the project: a build that looks around."""
    edits = {
        'version = "1.2.0"': 'dynamic = ["version"]',
        "[project]": '[tool.hatch.version]\nsource = "code"\npath = "v.py"\n[project]',
    }
    project = PluginProject.open(project_dir(edits, {"v.py": LEAKS}))
    house = Wheelhouse(tmp_path)
    first, second = (
        normalise(built.data, built.filename, {}, epoch=EPOCH)
        for built in (
            build_wheel(project, epoch=EPOCH, wheelhouse=house, circumstances=each) for each in (USUAL, OTHER)
        )
    )
    found = Reproduction(first.sha256, (), wheel_difference(first, second, ("the first build", "the second")))
    assert (found.first_difference.place, found.reproducible) == ("acme_hello/folder.py:1", False)
    with pytest.raises(Refused, match=r"first in acme_hello/folder\.py:1") as caught:
        found.refuse()
    assert caught.value.rule == "build-not-reproducible"
    places = {item.place: item.reason for item in entry_differences(first.entries, second.entries, ("one", "two"))}
    assert {place: reason for place, reason in places.items() if "RECORD" not in place} == {
        "acme_hello/folder.py:1": "content",
        "acme_hello/hash_seed.py:2": "content",
        "acme_hello/mask.bin (byte 11)": "content",
        "acme_hello/sometimes.py": "missing",
        "acme_hello/written.txt:1": "content",
        "acme_hello/zone.txt:1": "content",
    } | {
        place: "content" for place in places if "order.txt" in place
    }  # some file systems list in an order of their own


def test_archives_of_the_same_files_tell_order_mode_and_time_apart():
    files = {"a.py": b"a", "x-1.0.dist-info/METADATA": b"m"}
    first = write_wheel(files, "x-1.0.dist-info", epoch=EPOCH)
    later = write_wheel(files, "x-1.0.dist-info", epoch=EPOCH + 2)
    assert archive_difference(first, first) is None
    assert archive_difference(first, later).message == "a.py: time 2023-11-14 22:13:20 and 2023-11-14 22:13:22"
    other_mode = first.replace((0o100644 << 16).to_bytes(4, "little"), (0o100600 << 16).to_bytes(4, "little"), 1)
    assert archive_difference(first, other_mode).message == "a.py: mode 0644 and 0600"
    more = write_wheel(files | {"Z.py": b""}, "x-1.0.dist-info", epoch=EPOCH)
    assert archive_difference(first, more).reason == "order"


def test_a_difference_of_contents_names_byte_and_line():
    pairs = {"t.py": (b"a\nb\nc\n", b"a\nb\nd\n"), "b.bin": (b"\0\1", b"\0\1\2"), "n.py": (b"", None)}
    first = {name: one for name, (one, _) in pairs.items()}
    second = {name: other for name, (_, other) in pairs.items() if other is not None}
    found = {item.entry: item for item in entry_differences(first, second, ("here", "there"))}
    assert found["t.py"].message == "t.py:3: other content in here than in there, from byte 4 on"
    assert found["b.bin"].message == "b.bin (byte 2): other content: 2 bytes in here, 3 in there, from byte 2 on"
    assert found["n.py"].message == "n.py: only in here"


def test_recorded_requirements_are_held_to_their_hashes(offline, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    [flit] = Wheelhouse(tmp_path / "one").fetch(["flit-core"])
    assert flit.filename in {path.name for path in offline.iterdir()}
    again = Wheelhouse(tmp_path / "two", [flit])
    assert again.fetch(["flit-core>=3.9"]) == (flit,)
    (tmp_path / "three").mkdir()
    other = Wheelhouse(tmp_path / "three", [type(flit)(flit.name, flit.version, "0" * 64, flit.filename)])
    with pytest.raises(BackendFailed, match="recorded build requirements"):
        other.fetch(["flit-core>=3.9"])


def test_nothing_the_second_build_is_made_in_stays_the_same():
    assert len(USUAL.differences(OTHER)) == len(USUAL.__dataclass_fields__)
