"""Small projects to package, and an index that needs no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.parser import HeaderParser
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from theodore_plugin.packaging.normalise import write_wheel

EPOCH = 1_700_000_000
PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "acme-hello"
version = "1.2.0"
description = "Says hello."
requires-python = ">=3.11"
dependencies = []
"""


@pytest.fixture
def project_dir(tmp_path) -> Callable[..., Path]:
    """Write a project folder: its pyproject (edited by replacements) and extra files."""

    def make(
        edits: Mapping[str, str] | None = None, files: Mapping[str, str] | None = None, name: str = "project"
    ) -> Path:
        root = tmp_path / name
        text = PYPROJECT
        for old, new in (edits or {}).items():
            assert old in text
            text = text.replace(old, new)
        contents = {"pyproject.toml": text, "src/acme_hello/__init__.py": "GREETING = 'hello'\n"} | dict(files or {})
        for path, content in contents.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(content, encoding="utf-8")
        return root

    return make


@pytest.fixture
def make_wheel() -> Callable[..., tuple[str, bytes]]:
    """Return file name and bytes of a wheel of ``name`` with ``requires``."""

    def make(name: str, version: str = "1.0", *requires: str, tag: str = "py3-none-any") -> tuple[str, bytes]:
        dist_info = f"{name}-{version}.dist-info"
        metadata = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n"
        metadata += "".join(f"Requires-Dist: {line}\n" for line in requires)
        entries = {
            f"{name}/__init__.py": b"",
            f"{dist_info}/METADATA": metadata.encode(),
            f"{dist_info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
        }
        return f"{name}-{version}-{tag}.whl", write_wheel(entries, dist_info, epoch=EPOCH)

    return make


@pytest.fixture
def publish(tmp_path, monkeypatch, make_wheel) -> Callable[..., Path]:
    """Put a wheel into a folder that is all pip knows; return the folder."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")

    def put(name: str, version: str = "1.0", *requires: str, mirror: str = "index", tag: str = "py3-none-any") -> Path:
        folder = tmp_path / mirror
        folder.mkdir(exist_ok=True)
        filename, data = make_wheel(name, version, *requires, tag=tag)
        (folder / filename).write_bytes(data)
        monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
        return folder

    return put


@pytest.fixture(scope="session")
def backend_wheels(tmp_path_factory) -> Path:
    """A folder with wheels of the build backends installed here, and of what they need: an index without a network."""
    folder = tmp_path_factory.mktemp("backends")
    waiting = ["hatchling", "flit_core", "setuptools", "uv_build"]
    done: set[str] = set()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in done:
            continue
        done.add(name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        filename, data = _wheel_of(distribution)
        (folder / filename).write_bytes(data)
        needs = (Requirement(line) for line in distribution.requires or ())
        waiting += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return folder


@pytest.fixture
def offline(backend_wheels, monkeypatch) -> Path:
    """Let pip know nothing but the installed backends."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", str(backend_wheels))
    return backend_wheels


def _wheel_of(distribution: metadata.Distribution) -> tuple[str, bytes]:
    """Make the wheel again that an installed distribution came from."""
    name, version = str(distribution.metadata["Name"]).replace("-", "_"), distribution.version
    dist_info = f"{name}-{version}.dist-info"
    entries: dict[str, bytes] = {}
    for path in distribution.files or ():
        place = path.as_posix()
        content = Path(str(path.locate())).read_bytes() if Path(str(path.locate())).is_file() else None
        if content is None or "__pycache__" in place or place.endswith(("/RECORD", "/INSTALLER", "/REQUESTED")):
            continue
        if place.startswith("../"):
            place = f"{name}-{version}.data/scripts/{path.name}"
            if content.startswith(b"#!"):
                continue  # made at installation
        elif place.partition("/")[0].endswith(".dist-info"):  # others are vendored ones
            place = f"{dist_info}/{place.partition('/')[2]}"
        entries[place] = content
    tag = HeaderParser().parsestr(entries[f"{dist_info}/WHEEL"].decode())["Tag"]
    return f"{name}-{version}-{tag}.whl", write_wheel(entries, dist_info, epoch=EPOCH)
