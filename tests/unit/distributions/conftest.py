from __future__ import annotations

import hashlib
import io
import zipfile
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}"
WHEEL = b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def record_row(path: str, data: bytes) -> str:
    digest = urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}"


def members(name: str, version: str, files: dict[str, bytes], requires: tuple[str, ...] = ()) -> dict[str, bytes]:
    """What a wheel of these files holds, RECORD last."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    lines = "".join(f"Requires-Dist: {line}\n" for line in requires)
    inside = {
        **files,
        f"{info}/METADATA": METADATA.format(name=name, version=version, requires=lines).encode(),
        f"{info}/WHEEL": WHEEL,
    }
    rows = [record_row(path, data) for path, data in inside.items()]
    return {**inside, f"{info}/RECORD": "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()}


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "lib" / "python3.11" / "site-packages"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def install(site):
    """Put a distribution into ``site`` the way an installer would, and return its .dist-info folder."""

    def put(name: str, version: str, files: dict[str, bytes], requires: tuple[str, ...] = ()) -> Path:
        for path, data in members(name, version, files, requires).items():
            (site / path).parent.mkdir(parents=True, exist_ok=True)
            (site / path).write_bytes(data)
        return site / f"{name.replace('-', '_')}-{version}.dist-info"

    return put


@pytest.fixture
def wheel(tmp_path):
    """Write a wheel and return its path."""

    def write(name: str, version: str, files: dict[str, bytes], requires: tuple[str, ...] = ()) -> Path:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for path, data in members(name, version, files, requires).items():
                archive.writestr(path, data)
        target = tmp_path / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        target.write_bytes(buffer.getvalue())
        return target

    return write
