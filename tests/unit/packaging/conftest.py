"""Small projects to package, and an index that needs no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

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
