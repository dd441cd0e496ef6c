"""Our own small package and its dependency, as wheels and installed: no registry, no third-party code."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parent / "packages"


@pytest.fixture(scope="session")
def observed_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel("observed", tmp_path_factory.mktemp("wheels"), requires="lender")


@pytest.fixture(scope="session")
def observed_site(observed_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("site")
    for wheel in (observed_wheel, build_wheel("lender", observed_wheel.parent)):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    return site


@pytest.fixture(scope="session")
def drive() -> Path:
    return PACKAGES / "drive.py"


def build_wheel(name: str, out: Path, requires: str = "") -> Path:
    info = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    metadata += f"Requires-Dist: {requires}\n" if requires else ""
    members = {
        path.relative_to(PACKAGES / name).as_posix(): path.read_bytes()
        for path in sorted((PACKAGES / name).rglob("*.py"))
    }
    members[f"{info}/METADATA"] = metadata.encode()
    members[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    lines = [f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in members.items()]
    members[f"{info}/RECORD"] = "".join([*lines, f"{info}/RECORD,,\n"]).encode()
    wheel = out / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in members.items():
            archive.writestr(path, data)
    return wheel


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
