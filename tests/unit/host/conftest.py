"""Real wheels, accepted by a real trust file through their exact digest."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from plugin_infos import plugin_info

from theodore_loader.manifest import Manifest, to_json
from theodore_loader.sandbox.tier import Tier, available
from theodore_loader.trust.trust_file import TrustFile
from theodore_sdk import (
    PermissionType,
    PluginInfo,
    PluginPermission,
    PluginResourceLimits,
)

MODULE = """
from __future__ import annotations
import os
from theodore_sdk import HealthStatus, RateLimit, ScraperPlugin, ScrapingResult, ValidationResult

class Demo(ScraperPlugin):
    def get_plugin_info(self):
        raise NotImplementedError
    async def initialize(self, container, config):
        self.container, self.config = container, config
    async def validate_configuration(self, config):
        return ValidationResult.success()
    async def health_check(self):
        sick = (self.container.data_dir / "sick").exists()
        return HealthStatus.unhealthy("sick") if sick else HealthStatus.healthy("fine")
    async def cleanup(self):
        (self.container.data_dir / "cleaned").write_text("yes")
    async def get_rate_limits(self):
        return RateLimit(2.5, 7)
    async def scrape_content(self, request):
        if request.url == "crash":
            os._exit(3)
        if request.url == "peek":
            open("/etc/passwd").read()
        print("scraping", request.url)
        content = self.config.get("greeting", "") + " " + str(request.timeout_seconds)
        return ScrapingResult(request.url, content, 200, True)
"""

SCRAPING = 'print("scraping", request.url)'
"""The statement of ``MODULE`` that a test may replace."""

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"greeting": {"type": "string", "default": "hello"}, "retries": {"type": "integer"}},
}


@dataclass(frozen=True)
class Built:
    """A wheel on disk and its digest."""

    path: Path
    sha256: str


def info(name: str, **changes: object) -> PluginInfo:
    fields: dict[str, object] = {
        "configuration_schema": SCHEMA,
        "permissions": (PluginPermission(PermissionType.FILE_SYSTEM, "keeps its state", "rw:{data}/**"),),
        "resource_limits": PluginResourceLimits(max_execution_time_seconds=20.0, max_subprocess_count=0),
    }
    return plugin_info(name, **{**fields, **changes})


def wheel_bytes(manifest: Manifest, modules: Mapping[str, str]) -> bytes:
    """Write a wheel as ``package`` does: sorted, RECORD last."""
    stem = manifest.info.name.replace("-", "_")
    folder = f"{stem}-{manifest.info.version}.dist-info"
    files = {f"{stem}/{name}": text.encode() for name, text in modules.items()}
    files[f"{folder}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {manifest.info.name}\nVersion: {manifest.info.version}\n"
    ).encode()
    files[f"{folder}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{folder}/theodore-plugin.json"] = to_json(manifest)
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in files.items())
    files[f"{folder}/RECORD"] = f"{record}{folder}/RECORD,,\n".encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            archive.writestr(entry, data)
    return buffer.getvalue()


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Built]:
    """Return a function that writes a plugin's wheel."""

    def make(name: str = "demo-plugin", scraping: str = SCRAPING, **changes: object) -> Built:
        module = MODULE.replace(SCRAPING, scraping)
        stem = name.replace("-", "_")
        manifest = Manifest(info(name, **changes), f"{stem}.plugin:Demo")
        data = wheel_bytes(manifest, {"__init__.py": "", "plugin.py": module})
        path = tmp_path / f"{stem}-{manifest.info.version}-py3-none-any.whl"
        path.write_bytes(data)
        return Built(path, hashlib.sha256(data).hexdigest())

    return make


@pytest.fixture
def trusting(tmp_path: Path) -> Callable[..., TrustFile]:
    """Return a function that makes a trust file which accepts wheels by their digest."""

    def make(*wheels: Built) -> TrustFile:
        expires = date.today() + timedelta(days=1)
        entries = ", ".join(
            f'{{ sha256 = "{wheel.sha256}", reason = "built by this test", expires = {expires} }}' for wheel in wheels
        )
        folder = tmp_path / "trust"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / "trust.toml"
        path.write_text(f"schema = 1\n[loader]\nallow_unsigned_sha256 = [{entries}]\n")
        path.chmod(0o600)
        return TrustFile.load(path)

    return make


@pytest.fixture
def tier() -> Tier:
    """The tier this machine offers."""
    return available().tier
