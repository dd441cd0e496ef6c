"""One lock for every Python and platform that is declared, changed no more than it must be."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from theodore_loader.artifact.lock import read_lock, select_wheels
from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.policy.model import DependencyAge
from theodore_plugin.packaging.index_settings import IndexSettings
from theodore_plugin.packaging.lock import Relocked, Upgrade, ensure_lock, relock, stale, write_lock
from theodore_plugin.packaging.lock_changes import changes
from theodore_plugin.packaging.targets import Target, declared_range
from theodore_plugin.project import PluginProject

LINUX = ("manylinux_2_17_x86_64", "manylinux_2_17_aarch64")
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def locked(lock: bytes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for package in tomllib.loads(lock.decode())["packages"]:
        found.setdefault(package["name"], []).append(package["version"])
    return found


def files(lock: bytes, name: str) -> list[str]:
    packages = tomllib.loads(lock.decode())["packages"]
    return [wheel["path"] for package in packages if package["name"] == name for wheel in package["wheels"]]


def opened(root: Path) -> PluginProject:
    return PluginProject.open(root)


def made(index, project: PluginProject, *arguments, **more) -> Relocked:
    return relock(project, *arguments, indexes=IndexSettings(index=index.url), **more)


def saved(index, project: PluginProject) -> bytes:
    write_lock(project, found := made(index, project))
    return found.lock


def publish_native(index, version: str = "1.0", pythons=("311", "312", "313"), platforms=LINUX) -> None:
    for python in pythons:
        for platform in platforms:
            index.publish("native", version, tag=f"cp{python}-cp{python}-{platform}")


def test_every_declared_interpreter_finds_its_own_wheel(index, project_dir):
    publish_native(index, platforms=(*LINUX, "win_amd64", "macosx_11_0_arm64"))
    project = opened(project_dir("native"))
    lock = saved(index, project)
    assert len(files(lock, "native")) == 6, "what fits nothing that is declared is left out"
    parsed = read_lock(lock)
    for target in declared_range(project).targets:
        ((_, wheel),) = parsed.select(environment=target.environment, tags=target.tags)
        assert f"cp{target.python.replace('.', '')}-" in wheel.filename
        assert wheel.filename.endswith(f"{target.platform.partition('-')[2]}.whl")
    assert list(stale(project, parsed)) == []


def test_the_loader_takes_its_own_wheel_on_every_python_that_is_here(index, project_dir, tmp_path):
    publish_native(index)
    (tmp_path / "lock").write_bytes(saved(index, opened(project_dir("native"))))
    code = (
        "import sys; from pathlib import Path; from theodore_loader.artifact.lock import *;"
        "print(select_wheels(read_lock(Path(sys.argv[1]).read_bytes()))[0].filename)"
    )
    import packaging

    import theodore_loader

    paths = [Path(module.__file__).parents[1] for module in (packaging, theodore_loader)]
    environment = {"PYTHONPATH": os.pathsep.join(map(str, paths)), "PATH": os.environ["PATH"]}
    for version in ("3.11", "3.12", "3.13"):
        python = shutil.which(f"python{version}")
        if python is None or subprocess.run([python, "-V"], capture_output=True, check=False).returncode:
            continue  # not installed, or a shim of a version that is not
        argv = [python, "-c", code, str(tmp_path / "lock")]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
        assert f"-cp{version.replace('.', '')}-" in done.stdout


def test_an_interpreter_gets_its_own_version_where_one_does_not_fit_all(index, project_dir):
    index.publish("split", "1.0", **{"requires-python": "<3.12"})
    index.publish("split", "2.0", **{"requires-python": ">=3.12"})
    index.publish("top", "1.0", "split", "backport; python_version < '3.12'", "other; sys_platform == 'win32'")
    index.publish("backport")
    index.publish("other")
    lock = saved(index, opened(project_dir("top")))
    assert locked(lock) == {"backport": ["1.0"], "split": ["1.0", "2.0"], "top": ["1.0"]}
    parsed = read_lock(lock)
    for python, expected in (("3.11", {"1.0"}), ("3.13", {"2.0"})):
        target = Target(f"{python}.4", "linux-aarch64")
        chosen = {p.name: str(p.version) for p, _ in parsed.select(environment=target.environment, tags=target.tags)}
        assert {chosen["split"]} == expected
        assert ("backport" in chosen) == (python == "3.11")
    here = {wheel.name: wheel.version for wheel in select_wheels(parsed)}
    assert here["split"] == ("1.0" if sys.version_info < (3, 12) else "2.0")
    top = next(package for package in parsed.packages if package.name == "top")
    assert top.dependencies == [
        {"name": "backport"},
        {"name": "split", "version": "1.0"},
        {"name": "split", "version": "2.0"},
    ]


def test_a_platform_without_wheels_of_the_newest_version_gets_an_older_one(index, project_dir):
    publish_native(index, "1.0")
    publish_native(index, "2.0", platforms=LINUX[:1])
    parsed = read_lock(saved(index, opened(project_dir("native"))))
    for platform, version in (("linux-x86_64", "2.0"), ("linux-aarch64", "1.0")):
        target = Target("3.12.1", platform)
        ((package, _),) = parsed.select(environment=target.environment, tags=target.tags)
        assert str(package.version) == version


@pytest.mark.parametrize(
    ("pythons", "platforms", "missing"),
    [(("311", "312", "313"), LINUX[:1], "linux-aarch64"), (("311", "312"), LINUX, "3.13")],
)
def test_a_gap_is_named(index, project_dir, pythons, platforms, missing):
    publish_native(index, pythons=pythons, platforms=platforms)
    with pytest.raises(ConfigurationProblem) as caught:
        saved(index, opened(project_dir("native")))
    assert "native" in caught.value.message
    assert missing in caught.value.message
    assert "platforms" in caught.value.help


def test_declared_platforms_decide_what_has_to_be_there(index, project_dir):
    publish_native(index, platforms=(LINUX[0], "musllinux_1_2_x86_64", "win_amd64"))
    index.publish("top", "1.0", "native", "winonly; sys_platform == 'win32'")
    index.publish("winonly")
    more = '[tool.theodore-plugin]\nplatforms = ["linux-x86_64", "musllinux-x86_64", "windows-x86_64"]\n'
    lock = saved(index, opened(project_dir("top", more=more)))
    assert locked(lock) == {"native": ["1.0"], "top": ["1.0"], "winonly": ["1.0"]}
    assert len(files(lock, "native")) == 9
    only_linux = saved(index, opened(project_dir("top", name="two", more=more.replace(', "windows-x86_64"', ""))))
    assert "winonly" not in locked(only_linux)


def test_a_platform_that_does_not_exist(project_dir):
    more = '[tool.theodore-plugin]\nplatforms = ["linux-sparc"]\n'
    with pytest.raises(ConfigurationProblem, match="linux-x86_64"):
        ensure_lock(opened(project_dir(more=more)))


def test_what_is_locked_stays_and_more_files_of_it_change_nothing(index, project_dir):
    publish_native(index, "1.0")
    index.publish("other", "1.0")
    root = project_dir("native", "other")
    first = saved(index, opened(root))
    publish_native(index, "1.1")
    index.publish("native", "1.0", tag="py3-none-any")
    index.publish("other", "1.1")
    assert made(index, opened(root)).lock == first
    some = made(index, opened(root), Upgrade(names=("Other",)))
    assert locked(some.lock) == {"native": ["1.0"], "other": ["1.1"]}
    assert [str(change) for change in changes(some.before, some.after)] == ["~ other 1.0 -> 1.1"]
    assert locked(made(index, opened(root), Upgrade(everything=True)).lock) == {"native": ["1.1"], "other": ["1.1"]}
    assert (root / "pylock.toml").read_bytes() == first, "nothing is written but on request"
    write_lock(opened(root), some)
    assert (root / "pylock.toml").read_bytes() == some.lock


def test_other_bytes_under_a_locked_name_are_refused(index, project_dir):
    index.publish("alpha")
    root = project_dir("alpha")
    saved(index, opened(root))
    index.files["alpha"][0]["hashes"] = {"sha256": "1" * 64}
    with pytest.raises(Refused) as caught:
        made(index, opened(root))
    assert caught.value.rule == "digest-mismatch"
    assert "alpha-1.0-py3-none-any.whl" in caught.value.message


def test_two_machines_write_the_same_lock(index, indexes, only_index, project_dir):
    for one in (index, mirror := indexes()):
        one.publish("alpha", "1.0", "beta[fast]>=1", "gamma; python_version < '3.13'")
        one.publish("beta", "1.5", "delta; extra == 'fast'")
        one.publish("gamma")
        one.publish("delta")
    first = saved(index, opened(project_dir("alpha", name="one")))
    only_index(mirror.url)
    second = saved(mirror, opened(project_dir("alpha", name="two")))
    assert first == second
    assert "127.0.0.1" not in first.decode()
    assert locked(first) == {"alpha": ["1.0"], "beta": ["1.5"], "delta": ["1.0"], "gamma": ["1.0"]}


def test_a_release_has_to_be_as_old_as_the_policy_says(index, project_dir):
    index.publish("alpha", "1.0", at="2026-01-01T00:00:00Z")
    index.publish("alpha", "1.1", at="2026-06-14T00:00:00Z")
    week = DependencyAge(7, "incomplete")
    project = opened(project_dir("alpha"))
    lock = made(index, project, age=week, now=NOW).lock
    assert locked(lock) == {"alpha": ["1.0"]}
    assert b"upload-time = 2026-01-01T00:00:00Z" in lock
    assert locked(made(index, project, now=NOW).lock) == {"alpha": ["1.1"]}


def test_without_upload_times_the_age_is_unknown_and_that_is_said(index, project_dir):
    index.publish("alpha", at=None)
    project = opened(project_dir("alpha"))
    with pytest.raises(ConfigurationProblem, match="does not say when files were uploaded") as caught:
        made(index, project, age=DependencyAge(7, "incomplete"), now=NOW)
    assert "on_unknown_age" in caught.value.help
    warned = made(index, project, age=DependencyAge(7, "warning"), now=NOW)
    assert locked(warned.lock) == {"alpha": ["1.0"]}
    assert any("unknown" in line for line in warned.warnings)


SERVES = f"""\
lock-version = "1.0"
environments = ["platform_machine == 'aarch64'", "platform_machine == 'x86_64'"]
requires-python = ">=3.11"
created-by = "theodore-plugin"

[[packages]]
name = "alpha"
version = "1.0"
wheels = [{{ path = "alpha-1.0-py3-none-any.whl", hashes = {{ sha256 = "{"0" * 64}" }} }}]
"""


@pytest.mark.parametrize(
    ("pattern", "replacement", "reason"),
    [
        (r'(\nversion = "|alpha-)1.0', r"\g<1>0.9", "alpha>=1.0 is required, and it has 0.9"),
        ("alpha", "alfa", "alpha is required, and it has none"),
        (">=3.11", ">=3.12", "Python 3.11"),
        ("aarch64", "sparc", "linux-aarch64"),
        ("-py3-none-any", "-cp311-cp311-manylinux_2_17_x86_64", "Python 3.12"),
    ],
    ids=["version", "name", "python", "platform", "wheel"],
)
def test_a_lock_that_does_not_serve_says_why(project_dir, pattern, replacement, reason):
    project = opened(project_dir("alpha>=1.0"))
    assert list(stale(project, read_lock(SERVES.encode()))) == []
    changed = read_lock(re.sub(pattern, replacement, SERVES).encode())
    assert reason in " | ".join(stale(project, changed))


def test_a_lock_of_one_interpreter_alone_is_made_again(index, project_dir):
    publish_native(index)
    root = project_dir("native")
    digest = index.files["native"][0]["hashes"]["sha256"]
    name = index.files["native"][0]["filename"]
    wheels = f'wheels = [{{ path = "{name}", hashes = {{ sha256 = "{digest}" }} }}]'
    text = f'lock-version = "1.0"\ncreated-by = "pip"\n[[packages]]\nname = "native"\nversion = "1.0"\n{wheels}\n'
    (root / "pylock.toml").write_text(text)
    assert len(files(ensure_lock(opened(root)), "native")) == 6


def test_a_version_before_its_release_is_taken_only_where_it_is_asked_for(index, project_dir):
    index.publish("alpha", "1.0")
    index.publish("alpha", "2.0rc1")
    plain, asked = made(index, opened(project_dir("alpha"))), made(index, opened(project_dir("alpha>=2.0rc1")))
    assert (locked(plain.lock), locked(asked.lock)) == ({"alpha": ["1.0"]}, {"alpha": ["2.0rc1"]})
    assert (plain.warnings, asked.warnings) == ((), ())


def test_nothing_is_resolved_where_nothing_is_required(only_index, project_dir):
    only_index("http://127.0.0.1:9/simple/")
    assert json.loads(json.dumps(locked(ensure_lock(opened(project_dir()))))) == {}
