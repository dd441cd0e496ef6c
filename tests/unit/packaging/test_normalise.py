"""The bytes of a wheel follow from its contents alone."""

from __future__ import annotations

import io
import subprocess
import sys
import time
import zipfile

import pytest

from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import InvalidWheel
from theodore_plugin.packaging.normalise import normalise, write_wheel

EPOCH = 1_700_000_000
FILENAME = "acme_hello-1.2.0-py3-none-any.whl"
DIST_INFO = "acme_hello-1.2.0.dist-info"
CONTENT = {
    "acme_hello/__init__.py": b"GREETING = 'hello'\n",
    "acme_hello/data/names, odd.txt": b"a,b\n",
    "acme_hello/z.py": b"",
    f"{DIST_INFO}/METADATA": b"Metadata-Version: 2.4\nName: acme-hello\nVersion: 1.2.0\n",
    f"{DIST_INFO}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    f"{DIST_INFO}/licenses/LICENSE": b"do what you like\n",
}


def as_a_backend_might(
    names: list[str], *, moment, mode: int, level: int, system: int = 3, method=zipfile.ZIP_DEFLATED
) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method, compresslevel=level) as archive:
        for name in [*names, f"{DIST_INFO}/RECORD"]:
            header = zipfile.ZipInfo(name, moment)
            header.external_attr = mode << 16
            header.create_system = system
            header.compress_type = method
            archive.writestr(header, CONTENT.get(name, b"whatever the backend wrote"))
    return buffer.getvalue()


VARIANTS = [
    as_a_backend_might(list(CONTENT), moment=(1980, 1, 1, 0, 0, 0), mode=0o100644, level=9),
    as_a_backend_might(list(CONTENT)[::-1], moment=(2026, 5, 4, 3, 2, 1), mode=0o100600, level=1),
    as_a_backend_might(sorted(CONTENT), moment=(2001, 1, 1, 1, 1, 2), mode=0o100777, level=6, system=0),
    as_a_backend_might(sorted(CONTENT), moment=(2001, 1, 1, 1, 1, 2), mode=0, level=6, method=zipfile.ZIP_STORED),
]


def test_every_variant_becomes_the_same_bytes():
    digests = {normalise(data, FILENAME, {"pylock.toml": b"lock"}, epoch=EPOCH).sha256 for data in VARIANTS}
    assert len(set(VARIANTS)) == len(VARIANTS)
    assert len(digests) == 1


def test_time_zone_and_umask_do_not_matter(monkeypatch):
    before = normalise(VARIANTS[0], FILENAME, {}, epoch=EPOCH).sha256
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        assert normalise(VARIANTS[0], FILENAME, {}, epoch=EPOCH).sha256 == before
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_digest_is_known():
    """A change here changes the digest of every plugin ever packaged: it must be meant."""
    data = write_wheel(CONTENT, DIST_INFO, epoch=EPOCH)
    expected = "49c44767ff7439bcf25699b1558c1fddcd4f090ca362ab9d060ce247cfd7f817"
    assert Wheel.read(data, FILENAME).sha256 == expected


def test_order_and_attributes():
    wheel = normalise(VARIANTS[1], FILENAME, {"pylock.toml": b"lock"}, epoch=EPOCH)
    with zipfile.ZipFile(io.BytesIO(wheel.data)) as archive:
        infos = archive.infolist()
        assert archive.testzip() is None
    names = [info.filename for info in infos]
    assert names == [
        "acme_hello/__init__.py",
        "acme_hello/data/names, odd.txt",
        "acme_hello/z.py",
        f"{DIST_INFO}/METADATA",
        f"{DIST_INFO}/WHEEL",
        f"{DIST_INFO}/licenses/LICENSE",
        f"{DIST_INFO}/pylock.toml",
        f"{DIST_INFO}/RECORD",
    ]
    assert {(i.date_time, i.external_attr >> 16, i.create_system, i.compress_type) for i in infos} == {
        ((2023, 11, 14, 22, 13, 20), 0o100644, 3, zipfile.ZIP_STORED)
    }


def test_contents_are_kept_and_additions_are_recorded():
    wheel = normalise(VARIANTS[2], FILENAME, {"theodore-plugin.json": b"{}"}, epoch=EPOCH)
    assert {name: wheel.entries[name] for name in CONTENT} == CONTENT
    assert b"theodore-plugin.json,sha256=" in wheel.entries[f"{DIST_INFO}/RECORD"]
    assert b'"acme_hello/data/names, odd.txt",sha256=' in wheel.entries[f"{DIST_INFO}/RECORD"]


def test_normalising_again_changes_nothing():
    once = normalise(VARIANTS[0], FILENAME, {}, epoch=EPOCH)
    assert normalise(once.data, FILENAME, {}, epoch=EPOCH).data == once.data


@pytest.mark.parametrize("name", ["theodore-plugin.json", "pylock.toml"])
def test_the_build_may_not_plant_what_packaging_writes(name):
    planted = write_wheel(CONTENT | {f"{DIST_INFO}/{name}": b"{}"}, DIST_INFO, epoch=EPOCH)
    with pytest.raises(InvalidWheel, match="only packaging may do"):
        normalise(planted, FILENAME, {name: b"{}"}, epoch=EPOCH)


@pytest.mark.parametrize(
    ("extra", "rule"),
    [
        ("evil.pth", "startup-hook-in-wheel"),
        ("tests/test_x.py", "top-level-pollution"),
        ("acme_hello/.env", "unexpected-file"),
        ("acme_hello-1.2.0.data/scripts/x", "startup-hook-in-wheel"),
    ],
)
def test_what_a_host_would_refuse_is_not_written(extra, rule):
    with pytest.raises(InvalidWheel) as caught:
        normalise(write_wheel(CONTENT | {extra: b"x"}, DIST_INFO, epoch=EPOCH), FILENAME, {}, epoch=EPOCH)
    assert caught.value.rule == rule


@pytest.mark.parametrize("data", [b"", b"no zip", VARIANTS[0][:200]])
def test_a_backend_that_made_no_wheel(data):
    with pytest.raises(InvalidWheel):
        normalise(data, FILENAME, {}, epoch=EPOCH)


def test_pip_still_installs_it(tmp_path):
    wheel = normalise(VARIANTS[0], FILENAME, {"pylock.toml": b"lock"}, epoch=EPOCH)
    path = tmp_path / wheel.filename
    path.write_bytes(wheel.data)
    argv = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-index",
        "--no-deps",
        "--quiet",
        "--target",
        tmp_path / "site",
        path,
    ]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "acme_hello" / "__init__.py").read_bytes() == CONTENT["acme_hello/__init__.py"]
