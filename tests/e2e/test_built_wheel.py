"""The built wheel in a fresh environment: the base alone, then with the toolchain, then the demonstration."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.registry]
REPOSITORY = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command far from the checkout, so that nothing is imported from it by accident."""
    return subprocess.run(
        list(map(str, command)), cwd=cwd or "/", capture_output=True, text=True, timeout=600, check=False
    )


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    built = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, REPOSITORY)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def constraints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The versions the development environment was tested with."""
    lines = (REPOSITORY / "requirements/dev.txt").read_text().splitlines()
    pins = [line.split(" \\")[0] for line in lines if "==" in line and not line.startswith((" ", "#"))]
    path = tmp_path_factory.mktemp("constraints") / "constraints.txt"
    path.write_text("\n".join(pins))
    return path


@pytest.fixture(scope="session")
def base(wheel: Path, constraints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel and its base dependencies; returns its interpreter."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder)  # without pip: the wheel asks for one itself
    python = folder / "bin/python"
    into = (sys.executable, "-m", "pip", "--python", python)
    installed = run(*into, "install", "--quiet", "--constraint", constraints, wheel)
    assert installed.returncode == 0, installed.stderr
    return python


@pytest.fixture(scope="session")
def full(base: Path, wheel: Path, constraints: Path) -> Path:
    """The same environment with the toolchain; everything that wants the base alone must come before."""
    installed = run(base, "-m", "pip", "install", "--quiet", "--constraint", constraints, f"{wheel}[toolchain]")
    assert installed.returncode == 0, installed.stderr
    return base


def test_the_wheel_carries_its_data_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "theodore_sdk",
        "theodore_loader",
        "theodore_plugin",
        "theodore_plugin-0.1.0.dist-info",
    }
    assert "theodore_loader/_data/policies/default.yaml" in names
    assert any(name.startswith("theodore_plugin/_data/templates/plugin/") for name in names)


def test_a_base_install_asked_to_check_names_the_remedy(base: Path) -> None:
    refused = run(base, "-m", "theodore_plugin", "check", "/")
    assert refused.returncode == 2
    assert 'pip install "theodore-plugin[toolchain]"' in refused.stderr


def test_a_base_install_is_a_host(base: Path) -> None:
    works = run(base, "-c", "from theodore_loader.host import PluginHost; import theodore_sdk; PluginHost()")
    assert works.returncode == 0, works.stderr
    shown = run(base.parent / "theodore-plugin", "policy", "show", "strict")
    assert shown.returncode == 0, shown.stderr


def test_a_new_project_passes_from_the_installed_command(full: Path, tmp_path: Path) -> None:
    made = run(full, "-m", "theodore_plugin", "new", "acme-notes", "--category", "exporter", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    checked = run(full, "-m", "theodore_plugin", "check", tmp_path / "acme-notes")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_demonstration_holds_every_promise(full: Path, tmp_path: Path) -> None:
    told = run(full, REPOSITORY / "docs/examples/demo.py", tmp_path / "demo")
    assert told.returncode == 0, told.stdout[-4000:] + told.stderr[-2000:]
    assert "Every promise held." in told.stdout
