"""Locks: wheels only, hashed, the same bytes through any mirror, and nothing of the project is run."""

from __future__ import annotations

import hashlib
import tomllib

import pytest
from packaging.pylock import Pylock

from theodore_loader.artifact.lock import read_lock
from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_plugin.packaging.lock import ensure_lock
from theodore_plugin.packaging.lock_format import canonical_lock
from theodore_plugin.project import PluginProject


def with_dependencies(*lines: str) -> dict[str, str]:
    return {"dependencies = []": f"dependencies = {list(lines)!r}"}


def packages(lock: bytes) -> dict[str, str]:
    return {package["name"]: package["version"] for package in tomllib.loads(lock.decode())["packages"]}


def test_the_whole_tree_is_locked_with_hashes(project_dir, publish, make_wheel):
    publish("alpha", "1.0", "beta>=1")
    publish("beta", "1.5")
    root = project_dir(with_dependencies("alpha"))
    lock = ensure_lock(PluginProject.open(root))
    assert packages(lock) == {"alpha": "1.0", "beta": "1.5"}
    wheels = [wheel for package in tomllib.loads(lock.decode())["packages"] for wheel in package["wheels"]]
    assert [wheel["path"] for wheel in wheels] == ["alpha-1.0-py3-none-any.whl", "beta-1.5-py3-none-any.whl"]
    assert wheels[0]["hashes"] == {"sha256": hashlib.sha256(make_wheel("alpha", "1.0", "beta>=1")[1]).hexdigest()}
    assert (root / "pylock.toml").read_bytes() == lock


def test_the_lock_is_valid_and_states_the_python_range(project_dir, publish):
    publish("alpha")
    lock = ensure_lock(PluginProject.open(project_dir(with_dependencies("alpha"))))
    parsed = Pylock.from_dict(tomllib.loads(lock.decode()))
    assert str(parsed.requires_python) == ">=3.11"
    assert parsed.created_by == "theodore-plugin"


def test_the_same_wheels_through_another_mirror_give_the_same_bytes(project_dir, publish):
    publish("alpha", mirror="here")
    first = ensure_lock(PluginProject.open(project_dir(with_dependencies("alpha"), name="one")))
    publish("alpha", mirror="there")
    second = ensure_lock(PluginProject.open(project_dir(with_dependencies("alpha"), name="two")))
    assert first == second


def test_a_lock_names_no_index_and_no_machine_path(project_dir, publish, tmp_path):
    publish("alpha")
    lock = ensure_lock(PluginProject.open(project_dir(with_dependencies("alpha")))).decode()
    assert str(tmp_path) not in lock
    assert "://" not in lock
    assert "/" not in tomllib.loads(lock)["packages"][0]["wheels"][0]["path"]


def test_without_dependencies_no_resolver_is_needed(project_dir, monkeypatch):
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    lock = ensure_lock(PluginProject.open(project_dir()))
    assert packages(lock) == {}
    assert read_lock(lock).packages == []


def test_a_lock_that_still_fits_is_kept(project_dir, publish):
    publish("alpha", "1.0")
    root = project_dir(with_dependencies("alpha>=1"))
    first = ensure_lock(PluginProject.open(root))
    publish("alpha", "1.1")
    assert ensure_lock(PluginProject.open(root)) == first
    upgraded = ensure_lock(PluginProject.open(root), upgrade=True)
    assert packages(upgraded) == {"alpha": "1.1"}
    assert (root / "pylock.toml").read_bytes() == upgraded


@pytest.mark.parametrize(
    ("wanted", "expected"), [(["alpha>=2"], {"alpha": "2.0"}), (["alpha", "beta"], {"alpha": "1.0", "beta": "1.0"})]
)
def test_a_lock_that_no_longer_fits_changes_no_more_than_it_must(project_dir, publish, wanted, expected):
    publish("alpha", "1.0")
    ensure_lock(PluginProject.open(project_dir(with_dependencies("alpha"))))
    publish("alpha", "2.0")
    publish("beta")
    changed = project_dir(with_dependencies(*wanted))
    assert packages(ensure_lock(PluginProject.open(changed))) == expected


def test_requirements_for_other_platforms_are_not_locked(project_dir, publish):
    publish("alpha")
    lines = ["alpha", "winonly; sys_platform == 'amiga'"]
    root = project_dir(with_dependencies(*lines))
    assert packages(ensure_lock(PluginProject.open(root))) == {"alpha": "1.0"}
    assert packages(ensure_lock(PluginProject.open(root))) == {"alpha": "1.0"}


@pytest.mark.parametrize(
    "line",
    [
        "alpha @ file:///etc/passwd",
        "alpha @ git+https://example.com/alpha.git",
        "alpha @ https://example.com/alpha-1.0-py3-none-any.whl",
        "alpha @ https://example.com/alpha.tar.gz ; python_version > '3'",
    ],
)
def test_dependencies_on_a_place_are_refused_before_a_resolver_hears_of_them(project_dir, monkeypatch, line):
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    with pytest.raises(Refused) as caught:
        ensure_lock(PluginProject.open(project_dir(with_dependencies(line))))
    assert caught.value.rule == "direct-url-dependency"
    assert line.split(" ;")[0] in caught.value.message


@pytest.mark.parametrize(
    "line",
    [
        "--index-url http://example.com",
        "-r other.txt",
        "-e .",
        ".",
        "./alpha",
        "alpha=1",
        "a b",
        "",
        "a; os_name ~= 'x'",
        "a; 'x' in extras",
    ],
)
def test_lines_that_are_no_requirements(project_dir, monkeypatch, line):
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    root = project_dir(with_dependencies("fine>=1", line, "also bad!"))
    with pytest.raises(ConfigurationProblem) as caught:
        ensure_lock(PluginProject.open(root))
    assert repr(line) in caught.value.message
    assert "'also bad!'" in caught.value.message
    assert not (root / "pylock.toml").exists()


def test_dependencies_computed_by_the_build(project_dir):
    root = project_dir({"dependencies = []": 'dynamic = ["dependencies"]'})
    with pytest.raises(ConfigurationProblem, match="computes its dependencies"):
        ensure_lock(PluginProject.open(root))


def test_a_dependency_that_cannot_be_had(project_dir, publish):
    publish("alpha")
    with pytest.raises(ConfigurationProblem, match="beta") as caught:
        ensure_lock(PluginProject.open(project_dir(with_dependencies("alpha", "beta"))))
    assert "wheel" in caught.value.help


def test_a_source_distribution_is_never_built(project_dir, publish):
    folder = publish("alpha")
    (folder / "evil-1.0.tar.gz").write_bytes(b"not even an archive")
    with pytest.raises(ConfigurationProblem, match="evil"):
        ensure_lock(PluginProject.open(project_dir(with_dependencies("evil"))))


@pytest.mark.parametrize(
    ("edit", "words"), [('">=4"', "requires Python"), ('"banana"', "no version range"), ("7", "is not a string")]
)
def test_a_python_range_that_excludes_this_python(project_dir, edit, words):
    root = project_dir({'">=3.11"': edit})
    with pytest.raises(ConfigurationProblem, match=words):
        ensure_lock(PluginProject.open(root))


@pytest.mark.parametrize("content", ["", "garbage", "lock-version = '1.0'"])
def test_a_broken_lock_is_not_silently_replaced(project_dir, content):
    root = project_dir(files={"pylock.toml": content})
    with pytest.raises(Refused) as caught:
        ensure_lock(PluginProject.open(root))
    assert "--upgrade-lock" in caught.value.help
    assert (root / "pylock.toml").read_text() == content
    assert packages(ensure_lock(PluginProject.open(root), upgrade=True)) == {}


FOREIGN = """\
lock-version = "1.0"
environments = ["sys_platform == 'linux'", "python_version == '3.11'"]
created-by = "another-tool"
requires-python = ">=3.12"

[[packages]]
name = "zeta"
version = "2.0"
marker = "python_version < '3.13'"
requires-python = ">=3.9"
index = "https://user:secret@index.example.com/simple"
wheels = [
    { url = "https://example.com/zeta-2.0-py3-none-any.whl", size = 1, hashes = { sha256 = "DIGEST", md5 = "x" } },
    { url = "https://files.example.com/a/zeta-2.0-cp311-cp311-win32.whl", hashes = { sha256 = "DIGEST" } },
]

[[packages]]
name = "alpha"
version = "1.0"
wheels = [{ name = "alpha-1.0-py3-none-any.whl", url = "file:///mnt/x.whl", hashes = { sha256 = "DIGEST" } }]
sdist = { url = "https://files.example.com/alpha-1.0.tar.gz", hashes = { sha256 = "DIGEST" } }
""".replace("DIGEST", "ab" * 32)


def test_a_lock_of_another_tool_keeps_what_decides_and_drops_where_it_came_from():
    written = canonical_lock(read_lock(FOREIGN.encode())).decode()
    document = tomllib.loads(written)
    assert "example.com" not in written
    assert "secret" not in written
    assert [package["name"] for package in document["packages"]] == ["alpha", "zeta"]
    assert document["environments"] == ['python_version == "3.11"', 'sys_platform == "linux"']
    assert document["requires-python"] == ">=3.12"
    zeta = document["packages"][1]
    assert zeta["marker"] == 'python_version < "3.13"'
    assert [wheel["path"] for wheel in zeta["wheels"]] == [
        "zeta-2.0-cp311-cp311-win32.whl",
        "zeta-2.0-py3-none-any.whl",
    ]


def test_writing_is_idempotent():
    once = canonical_lock(read_lock(FOREIGN.encode()))
    assert canonical_lock(read_lock(once)) == once


@pytest.mark.registry
def test_real_dependencies_from_the_configured_index(project_dir):
    root = project_dir(with_dependencies("httpx>=0.28", "beautifulsoup4"))
    locked = packages(ensure_lock(PluginProject.open(root)))
    assert {"httpx", "anyio", "beautifulsoup4", "soupsieve"} <= set(locked)


def test_a_lock_that_names_what_nobody_requires_is_made_anew(project_dir, publish):
    publish("alpha")
    extra = ensure_lock(PluginProject.open(project_dir(with_dependencies("alpha"), name="one")))
    root = project_dir(name="two")
    (root / "pylock.toml").write_bytes(extra)
    assert packages(ensure_lock(PluginProject.open(root))) == {}
