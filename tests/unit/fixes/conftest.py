"""Checks of small projects, with the fixes their findings are offered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from theodore_loader.policy import Policy, load_policy
from theodore_plugin.analysis import StaticAnalysis, analyse, build_context
from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.model import Fix
from theodore_plugin.fixes.planning import fix_for
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.examples import example_files


@dataclass(frozen=True)
class Workbench:
    """Mends the code of one example."""

    policy: Policy

    def context(self, files: Mapping[str, bytes]) -> FixContext:
        return FixContext(build_context(PluginProject.from_files(files), self.policy))

    def analyse(self, files: Mapping[str, bytes]) -> StaticAnalysis:
        return analyse(PluginProject.from_files(files), self.policy)

    def fixes(self, rule: str, files: Mapping[str, bytes]) -> list[tuple[Finding, Fix | None]]:
        """Every finding of a rule with its fix."""
        context = self.context(files)
        return [
            (finding, fix_for(finding, context)) for finding in self.analyse(files).findings if finding.rule == rule
        ]

    def mended(self, rule: str, code: str | Mapping[str, bytes]) -> dict[str, str]:
        """The files that the first fix of a rule changes, afterwards. Fails if there is no fix."""
        from theodore_plugin.fixes.combine import apply

        files = example_files(code) if isinstance(code, str) else dict(code)
        found = [fix for _, fix in self.fixes(rule, files) if fix is not None]
        assert found, f"{rule} offers no fix"
        return {path: data.decode("utf-8", "surrogateescape") for path, data in apply(files, found[:1]).items()}


@pytest.fixture(scope="session")
def bench() -> Workbench:
    return Workbench(load_policy("default"))


@pytest.fixture
def project_folder(tmp_path: Path) -> Callable[[str], Path]:
    """Writes an example into a folder of its own."""

    def write(code: str) -> Path:
        folder = tmp_path / "demo-project"
        for path, data in example_files(code).items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        return folder

    return write
