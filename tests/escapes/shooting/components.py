"""The part of the product that must refuse what no sandbox sees: archives, sources, addresses, results."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

from shooting import catalogue, wheels
from shooting.range import Range
from shooting.techniques import Technique
from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import InvalidWheel

_PLUGIN = '''
from theodore_sdk import HealthStatus, ScraperPlugin, ScrapingResult, ValidationResult

class Canary(ScraperPlugin):
    """Tries to get out."""

    async def initialize(self, container, config) -> None:
        """Start."""

    async def validate_configuration(self, config) -> ValidationResult:
        """Accept."""
        return ValidationResult.success()

    async def health_check(self) -> HealthStatus:
        """Answer."""
        return HealthStatus.healthy()

    async def cleanup(self) -> None:
        """Stop."""

    async def scrape_content(self, request) -> ScrapingResult:
        """Answer."""
        return ScrapingResult(request.url, "", 200, True)
'''


def module_of(case: Technique) -> ModuleType:
    """Import a case of the catalogue here: it only writes an archive or a text."""
    spec = importlib.util.spec_from_file_location(f"theodore_catalogue_{case.name}", case.module)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def archive_of(at: Range, case: Technique) -> Path:
    """Return the wheel that the case builds."""
    path = at.folder / wheels.FILENAME
    with wheels.helper_of_the_catalogue(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # theirs: files left for the collector to close
        module_of(case).attempt({**at.canary, "artifact": str(path)})
    return path


def fools_an_installer(at: Range, case: Technique, wheel: Path) -> bool:
    """Say whether the wheel does its trick where nobody checks it."""
    site = at.folder / "site"
    wheels.install_naively(wheel, site)
    return wheels.EVIDENCE[catalogue.name_of(case)](site, at.token)


def refusal_of_the_reader(wheel: Path) -> str:
    """Return the rule by which the loader refuses the wheel, or nothing."""
    try:
        Wheel.read(wheel.read_bytes(), wheel.name)
    except InvalidWheel as refusal:
        return refusal.rule
    return ""


def findings_of_the_check(wheel: Path) -> set[str]:
    """Return the rules that ``theodore-plugin check WHEEL`` names."""
    command = [sys.executable, "-m", "theodore_plugin", "check", str(wheel), "--output-format", "json"]
    done = subprocess.run([*command, "--advisories", "off"], check=False, capture_output=True, text=True)
    refused = re.findall(r"error\[([a-z-]+)\]", done.stderr)
    return {*refused, *(_rules(json.loads(done.stdout)) if done.stdout.strip() else ())}


def _rules(report: Any) -> list[str]:
    """Return every rule named anywhere in a report."""
    if isinstance(report, dict):
        own = [report["rule"]] if isinstance(report.get("rule"), str) else []
        return own + [rule for value in report.values() for rule in _rules(value)]
    return [rule for value in report for rule in _rules(value)] if isinstance(report, list) else []


def wheel_of_source(beside: Path, payload: bytes, name: str) -> Path:
    """Return a plugin's wheel with this text as one of its modules, in a folder of its own."""
    folder = beside / name
    folder.mkdir()
    members = [("canary_plugin/__init__.py", _PLUGIN.encode()), ("canary_plugin/helpers.py", payload)]
    wheels.write(folder / wheels.FILENAME, members, "canary_plugin:Canary")
    return folder / wheels.FILENAME


def own_case(at: Range, goal: str) -> Technique:
    """Return the module that was written into the plugin's folder as a case of its own."""
    return Technique("written", "", goal, "", at.folder / "plugin" / "case.py", None, seconds=60.0)
