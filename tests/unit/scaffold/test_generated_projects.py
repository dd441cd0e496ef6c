"""A generated project is finished work: typed, linted, tested, and honest about itself."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import theodore_sdk
from theodore_loader.config import prepare_config
from theodore_loader.manifest import Manifest, from_json, to_json
from theodore_loader.policy import grants, load_policy
from theodore_plugin.analysis import analyse
from theodore_plugin.project import PluginProject
from theodore_sdk import CATEGORY_BASES, PluginCategory

SDK_ROOT = Path(theodore_sdk.__file__).parents[1]
Projects = dict[PluginCategory, Path]

EXPECTED_FILES = {
    ".github/workflows/check.yml",
    ".gitignore",
    ".pre-commit-config.yaml",
    "LICENSE",
    "README.md",
    "pyproject.toml",
    "src/{package}/__init__.py",
    "src/{package}/plugin.py",
    "src/{package}/py.typed",
    "tests/test_plugin.py",
}


def run_tool(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def project_table(project: Path) -> dict[str, Any]:
    return tomllib.loads((project / "pyproject.toml").read_text())["project"]


def plugin_info(project: Path) -> dict[str, ast.expr]:
    """Return the arguments of the ``PluginInfo(...)`` call in a project's plugin module, unevaluated."""
    (module,) = (project / "src").glob("*/plugin.py")
    calls = (node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call))
    (call,) = (call for call in calls if ast.unparse(call.func) == "PluginInfo")
    assert not call.args
    return {str(keyword.arg): keyword.value for keyword in call.keywords}


def elements(node: ast.expr) -> list[ast.Call]:
    assert isinstance(node, ast.List)
    return [element for element in node.elts if isinstance(element, ast.Call)]


@pytest.mark.parametrize("category", PluginCategory)
def test_the_project_is_complete(projects: Projects, category: PluginCategory):
    project = projects[category]
    package = project.name.replace("-", "_")
    files = {path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()}
    assert files == {name.format(package=package) for name in EXPECTED_FILES}


@pytest.mark.parametrize("category", PluginCategory)
def test_the_project_s_own_tests_pass(projects: Projects, category: PluginCategory, tmp_path: Path):
    project = shutil.copytree(projects[category], tmp_path / "project")
    done = run_tool(
        *("pytest", "-q", "-p", "no:cacheprovider", "-W", "error"),
        cwd=project,
        PYTHONPATH=str(SDK_ROOT),
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
        PYTEST_ADDOPTS="",
        PYTEST_DEBUG_TEMPROOT=str(tmp_path),  # or it tidies up what other sessions left, which may take a minute
        PYTHONDONTWRITEBYTECODE="1",
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_projects_are_clean_under_strict_mypy(projects: Projects, tmp_path: Path):
    for category, project in projects.items():
        package = project.name.replace("-", "_")
        shutil.copytree(project / "src" / package, tmp_path / "src" / package)
        shutil.copy(project / "tests" / "test_plugin.py", tmp_path / "src" / f"test_{category.value}.py")
    done = run_tool(
        *("mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path / 'cache'}", "src"),
        cwd=tmp_path,
        MYPYPATH=f"src:{SDK_ROOT}",
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_projects_are_clean_under_ruff(projects: Projects):
    folder = next(iter(projects.values())).parent
    for arguments in (("check",), ("format", "--check")):
        done = run_tool("ruff", *arguments, "--no-cache", ".", cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("category", PluginCategory)
def test_metadata_is_literal_and_agrees_with_the_project_file(projects: Projects, category: PluginCategory):
    info, table = plugin_info(projects[category]), project_table(projects[category])
    for field in ("name", "version", "description", "license"):
        assert ast.literal_eval(info[field]) == table[field]
    author = {"name": ast.literal_eval(info["author"]), "email": ast.literal_eval(info["email"])}
    assert table["authors"] == [author]
    assert ast.unparse(info["category"]) == f"PluginCategory.{category.name}"
    assert ast.literal_eval(info["interfaces"]) == [CATEGORY_BASES[category].__name__]
    packages = [map(ast.literal_eval, package.args) for package in elements(info["required_packages"])]
    assert ["".join(package) for package in packages] == table["dependencies"]


@pytest.mark.parametrize("category", PluginCategory)
def test_nothing_is_left_for_the_author_to_fill_in(projects: Projects, category: PluginCategory):
    for path in projects[category].rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert not [word for word in ("TODO", "FIXME", "XXX", "{{", "{%", "NotImplemented") if word in text], path


@pytest.mark.parametrize("category", PluginCategory)
def test_static_analysis_finds_nothing_and_infers_exactly_what_is_declared(
    projects: Projects, category: PluginCategory
):
    policy = load_policy("default")
    analysis = analyse(PluginProject.open(projects[category]), policy)
    assert analysis.findings == ()
    info = analysis.metadata.info
    assert info is not None
    assert {permission.type for permission in info.permissions} == {
        inferred.permission for inferred in analysis.inference.permissions if not inferred.within
    }
    assert not analysis.inference.unknown
    assert not grants(info.permissions, policy).refused


@pytest.mark.parametrize("category", PluginCategory)
def test_the_manifest_can_be_compiled_and_the_default_settings_fit(projects: Projects, category: PluginCategory):
    reading = analyse(PluginProject.open(projects[category]), load_policy("default")).metadata
    assert reading.info is not None
    assert reading.plugin_class is not None
    manifest = Manifest(reading.info, reading.plugin_class)
    assert to_json(from_json(to_json(manifest))) == to_json(manifest)
    properties = reading.info.configuration_schema["properties"]
    assert prepare_config(reading.info.configuration_schema, {}) == {
        key: schema["default"] for key, schema in properties.items()
    }
