"""Wheels, source trees and sides to compare."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import plugin_infos
import pytest

from theodore_loader.manifest import Manifest, to_json
from theodore_plugin.difference.find import Where, find
from theodore_plugin.scaffold import NewProject, create_project
from theodore_sdk.info import PermissionType, PluginCategory, PluginInfo, PluginPermission

NAME = "acme-hello"
PLUGIN = b"""from theodore_sdk import ScraperPlugin

class Plugin(ScraperPlugin):
    pass
"""
API = PluginPermission(PermissionType.NETWORK, "reads the pages it is asked for", "api.example.com:443")


def plugin_info(**changes: Any) -> PluginInfo:
    return plugin_infos.plugin_info(**{"name": NAME, "permissions": (API,), **changes})


def lock(**versions: str) -> bytes:
    packages = "".join(
        f'[[packages]]\nname = "{name}"\nversion = "{version}"\n'
        f'wheels = [{{ url = "https://example.com/{name}-{version}-py3-none-any.whl", '
        f'hashes = {{ sha256 = "{"a" * 64}" }} }}]\n'
        for name, version in versions.items()
    )
    return f'lock-version = "1.0"\ncreated-by = "test"\n{packages}'.encode()


def archive(files: Mapping[str, bytes], dist_info: str) -> bytes:
    lines = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')},{len(data)}"
        for name, data in files.items()
    ]
    record = "\n".join([*lines, f"{dist_info}/RECORD,,", ""]).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, data in {**files, f"{dist_info}/RECORD": record}.items():
            target.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return buffer.getvalue()


@pytest.fixture
def wheel(tmp_path) -> Callable[..., Path]:
    """Return a function that writes a wheel: changes of its metadata by name, ``files`` besides, ``info_files``."""

    def make(
        files: Mapping[str, bytes] | None = None,
        info_files: Mapping[str, bytes] | None = None,
        tag: str = "py3-none-any",
        entry: str = "acme_hello.plugin:Plugin",
        **changes: Any,
    ) -> Path:
        info = plugin_info(**changes)
        package = info.name.replace("-", "_")
        dist_info = f"{package}-{info.version}.dist-info"
        content = {
            f"{package}/__init__.py": b"",
            f"{package}/plugin.py": PLUGIN,
            **(files or {}),
            f"{dist_info}/theodore-plugin.json": to_json(Manifest(info, entry)),
            f"{dist_info}/METADATA": f"Metadata-Version: 2.1\nName: {info.name}\nVersion: {info.version}\n".encode(),
            f"{dist_info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
            **{f"{dist_info}/{name}": data for name, data in (info_files or {}).items()},
        }
        data = archive(content, dist_info)
        folder = tmp_path / hashlib.sha256(data).hexdigest()[:8]
        folder.mkdir(exist_ok=True)
        path = folder / f"{package}-{info.version}-{tag}.whl"
        path.write_bytes(data)
        return path

    return make


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(folder))
    return folder


@pytest.fixture
def where(home) -> Where:
    from theodore_loader.policy import load_policy
    from theodore_loader.trust.trust_file import TrustFile

    return Where(home, TrustFile.of_home(home), load_policy("default"), code=False)


@pytest.fixture
def side(where) -> Callable[[Path], Any]:
    return lambda path: find(str(path), where)


@pytest.fixture(scope="session")
def tree(tmp_path_factory) -> Path:
    return create_project(NewProject("page-notes", PluginCategory.EXPORTER, tmp_path_factory.mktemp("generated")))


@pytest.fixture
def locked() -> Callable[..., bytes]:
    return lock
