from pathlib import Path

import pytest

from theodore_loader.policy import Policy
from theodore_loader.policy.model import Advisories
from theodore_plugin.advisories.source import AdvisorySource
from theodore_plugin.project import PluginProject
from theodore_plugin.scanners.hermetic import clean_tree
from theodore_plugin.scanners.scanner import ScanContext
from theodore_plugin.settings import Settings

ADVISORIES = Path(__file__).parents[2] / "data" / "advisories.jsonl"
PATIENT = Policy("patient", advisories=Advisories(max_age_days=36500))
PYPROJECT = '[project]\nname = "demo"\nversion = "1.0"\n'


@pytest.fixture
def snapshot_file():
    return ADVISORIES


@pytest.fixture
def write_project(tmp_path):
    def write(files, pyproject=PYPROJECT):
        root = tmp_path / "project"
        for path, text in {"pyproject.toml": pyproject, **files}.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text if isinstance(text, bytes) else text.encode())
        return root

    return write


@pytest.fixture
def scan(write_project):
    """Run one scanner for real over a project made of ``files``."""

    def run(scanner, files, *, advisories="off", timeout=60.0, pyproject=PYPROJECT, policy=PATIENT):
        project = PluginProject.open(write_project(files, pyproject))
        settings = Settings(policy=policy, advisories=AdvisorySource.parse(advisories))
        with clean_tree(project) as tree:
            return scanner.run(tree, ScanContext(project, settings, timeout))

    return run


@pytest.fixture
def lock():
    def make(**pins):
        packages = "".join(
            f'[[packages]]\nname = "{name}"\nversion = "{version}"\n[[packages.wheels]]\n'
            f'name = "{name}-{version}-py3-none-any.whl"\nurl = "https://files.example/{name}-{version}-py3-none-any.whl"\n'
            f'hashes = {{sha256 = "{"a" * 64}"}}\n\n'
            for name, version in pins.items()
        )
        return f'lock-version = "1.0"\ncreated-by = "a test"\n\n{packages}'

    return make
