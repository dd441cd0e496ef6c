"""The small project around a rule's example, so that documentation and smoke test are the same text.

An example is either a fragment, which becomes ``demo/example.py`` beside a flawless plugin that declares
``network api.example.com:443``, or files introduced by ``# file: path`` lines, which replace or join the rest.
Files below ``site-packages/`` are not the plugin's: each is a dependency that is installed where the check looks.
"""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from theodore_plugin.distributions.environment import Environment

SITE = "site-packages/"
_FILE = re.compile(r"^# file: (?P<path>\S+)\n", re.MULTILINE)

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "demo"
version = "1.0.0"
description = "Scrapes one site"
readme = "README.md"
license = "MIT"
requires-python = ">=3.11"
dependencies = ["httpx>=0.27"]
"""

README = "# demo\n\nReads the company pages of one site.\n"

ARGUMENTS: Mapping[str, str] = {
    "name": '"demo"',
    "version": '"1.0.0"',
    "description": '"Scrapes one site"',
    "author": '"Ada"',
    "email": '"ada@example.com"',
    "homepage": '"https://example.com"',
    "license": '"MIT"',
    "category": "PluginCategory.SCRAPER",
    "interfaces": '["ScraperPlugin"]',
    "dependencies": "[]",
    "compatible_versions": 'VersionRange(">=2.0.0,<3.0.0")',
    "min_python_version": '"3.11"',
    "max_python_version": "None",
    "required_packages": '[PackageDependency("httpx", ">=0.27")]',
    "optional_packages": "[]",
    "configuration_schema": '{"type": "object"}',
    "permissions": '[PluginPermission(PermissionType.NETWORK, "Reads company pages", pattern="api.example.com:443")]',
    "resource_limits": "PluginResourceLimits()",
    "tags": "[]",
}

IMPORTS = """\
from collections.abc import Mapping
from typing import Any

import httpx

from theodore_sdk import (
    HealthStatus,
    PackageDependency,
    PermissionType,
    PluginCategory,
    PluginConfig,
    PluginContext,
    PluginInfo,
    PluginPermission,
    PluginResourceLimits,
    ScraperPlugin,
    ScrapingRequest,
    ScrapingResult,
    ValidationResult,
    VersionRange,
)
"""

METHODS = """\
    async def initialize(self, container: PluginContext, config: PluginConfig) -> None:
        self.client = httpx.AsyncClient()

    async def validate_configuration(self, config: Mapping[str, Any]) -> ValidationResult:
        return ValidationResult.success()

    async def scrape_content(self, request: ScrapingRequest) -> ScrapingResult:
        response = await self.client.get("https://api.example.com/companies")
        return ScrapingResult(request.url, response.text, response.status_code, True)

    async def health_check(self) -> HealthStatus:
        return HealthStatus.healthy()

    async def cleanup(self) -> None:
        await self.client.aclose()
"""


def plugin(methods: str = METHODS, *, extra: str = "", base: str = "ScraperPlugin", **arguments: str | None) -> str:
    """Write the plugin module of an example; ``arguments`` replace those of ``PluginInfo``, ``None`` leaves one out."""
    chosen = {**ARGUMENTS, **arguments}
    lines = "".join(f"            {name}={value},\n" for name, value in chosen.items() if value is not None)
    info = f"    def get_plugin_info(self) -> PluginInfo:\n        return PluginInfo(\n{lines}        )\n"
    return f"# file: demo/plugin.py\n{IMPORTS}\n{extra}\nclass Demo({base}):\n{info}\n{methods}"


def plugin_with(method: str) -> str:
    """Write the plugin module of an example with one more method, indented as in the class."""
    return plugin(METHODS.replace("    async def cleanup", f"{method}\n    async def cleanup"))


def pyproject(old: str = "", new: str = "") -> str:
    """Write the example's ``pyproject.toml`` with one change."""
    return f"# file: pyproject.toml\n{PYPROJECT.replace(old, new)}"


def installed(files: dict[str, bytes], folder: Path) -> Environment | None:
    """Take the dependencies out of ``files`` and install them below ``folder``, as an installer would."""
    from theodore_plugin.distributions.environment import Environment

    taken = {path: files.pop(path) for path in list(files) if path.startswith(SITE)}
    for path, data in taken.items():
        name = path.removeprefix(SITE).removesuffix(".py")
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (folder / f"{name}.py").write_bytes(data)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
        digest = urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        (info / "RECORD").write_text(f"{name}.py,sha256={digest},{len(data)}\n", encoding="utf-8")
    return Environment(folder) if taken else None


def example_files(code: str) -> dict[str, bytes]:
    """Return the complete project of an example."""
    files = {"pyproject.toml": PYPROJECT, "README.md": README, "demo/__init__.py": "", **_split(plugin())}
    found = _split(code)
    files.update(found or {"demo/example.py": code})
    return {path: text.encode("utf-8") for path, text in files.items()}


def _split(code: str) -> dict[str, str]:
    pieces = _FILE.split(code)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))
