"""Locks and project files that nobody's tool wrote: judged or refused, never a crash of the check."""

from __future__ import annotations

import pytest

from theodore_loader.artifact.lock import MAX_BYTES
from theodore_loader.policy import load_policy
from theodore_plugin.analysis import analyse
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.catalogue import RULES
from theodore_plugin.rules.dependencies.locked import read_locked
from theodore_plugin.rules.examples import PYPROJECT, example_files, plugin

POLICY = load_policy("default")
ABOUT_LOCKS = {"unpinned-lock", "unhashed-lock", "sdist-only-dependency", "unrequired-locked-package"}
HEAD = b'lock-version = "1.0"\ncreated-by = "x"\n'


def found(files: dict[str, bytes]) -> set[str]:
    project = PluginProject.from_files({**example_files(plugin()), **files})
    rules = [module for module in RULES if module.RULE.name in ABOUT_LOCKS | {"direct-url-dependency"}]
    return {finding.rule for finding in analyse(project, POLICY, rules).findings}


@pytest.mark.parametrize(
    "lock",
    [
        b"",
        b"\xff\xfe",
        b"packages = 3",
        b"[packages]\nname = 1",
        HEAD + b"packages = [3, [], {}]",
        HEAD + b"[[packages]]\nname = 5\nversion = 1.0\nwheels = 'x'",
        HEAD + b"[[packages]]\nname = 'httpx'\nversion = 'later'\nwheels = [1, {}, {hashes = 3}]",
        HEAD + b"[[packages]]\nname = 'httpx'\nwheels = {}\nsdist = []\nvcs = 1",
        HEAD + b"[[packages]]\nname = 'httpx'\nversion = '1'\ndependencies = 7\nwheels = [{url = 5}]",
        HEAD + b"packages = " + b"[" * 3000 + b"]" * 3000,
        HEAD + b"environments = [\"python_version ~= 'x'\"]\npackages = []",
        (HEAD + b"packages = []\n").ljust(MAX_BYTES + 1, b"\n"),
    ],
    ids=lambda lock: repr(lock[:60]),
)
def test_a_malformed_lock_is_a_finding_and_no_crash(lock: bytes) -> None:
    rules = found({"pylock.toml": lock})
    assert rules & ABOUT_LOCKS
    assert "analyzer-failed" not in rules


@pytest.mark.parametrize(
    "dependency", ["", "!!", "httpx; nonsense == 'x'", "httpx; python_version ~= 'x'", "httpx @ nowhere", "é"]
)
def test_a_malformed_requirement_does_not_stop_the_rules(dependency: str) -> None:
    text = PYPROJECT.replace('"httpx>=0.27"', f'"{dependency}"').encode()
    project = PluginProject.from_files({**example_files(plugin()), "pyproject.toml": text, "pylock.toml": HEAD})
    assert "analyzer-failed" not in {finding.rule for finding in analyse(project, POLICY).findings}


def test_a_large_lock_is_read_once_and_in_linear_time() -> None:
    entry = '[[packages]]\nname = "p{0}"\nversion = "1"\ndependencies = [{{ name = "p{1}" }}]\n'
    wheels = 'wheels = [{{ path = "p{0}-1-py3-none-any.whl", hashes = {{ sha256 = "{2}" }} }}]\n'
    packages = "".join((entry + wheels).format(number, number + 1, "0" * 64) for number in range(2000))
    lock = HEAD + packages.encode()
    text = PYPROJECT.replace('"httpx>=0.27"', '"p0"').encode()
    files = {**example_files(plugin()), "pyproject.toml": text, "pylock.toml": lock}
    project = PluginProject.from_files(files)
    rules = [module for module in RULES if module.RULE.name in ABOUT_LOCKS]
    assert analyse(project, POLICY, rules).findings == ()
    assert read_locked(project) is read_locked(project)
