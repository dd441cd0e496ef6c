"""Locked dependencies: exactly the locked bytes, wheels only, isolated, and offline where the index is."""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from theodore_loader.artifact.closure import refuse_gaps, refuse_surplus
from theodore_loader.artifact.environment import ensure_environment
from theodore_loader.artifact.lock import MAX_BYTES, read_lock, select_wheels
from theodore_loader.artifact.wheel import Wheel, read_dependency_wheel
from theodore_loader.errors import ConfigurationProblem, LoaderError, Refused
from theodore_loader.trust.known_trees import KnownTrees

ELF = b"\x7fELF\x02\x01\x01" + bytes(57)


def index_in(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    folder.mkdir()
    patch.setenv("PIP_NO_INDEX", "1")
    patch.setenv("PIP_FIND_LINKS", str(folder))
    patch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """A folder of wheels that is all pip knows: no network."""
    return index_in(tmp_path / "index", monkeypatch)


@pytest.fixture
def home(tmp_path) -> Path:
    return tmp_path / "home"


def lock_of(wheels: Iterable[tuple[str, str, str, bytes]]) -> bytes:
    """A lock of (name, version, file name, content)."""
    packages = "".join(
        f'\n[[packages]]\nname = "{name}"\nversion = "{version}"\nwheels = [{{ path = "{filename}", '
        f'hashes = {{ sha256 = "{hashlib.sha256(data).hexdigest()}" }} }}]\n'
        for name, version, filename, data in wheels
    )
    return f'lock-version = "1.0"\ncreated-by = "test"\n{packages or "packages = []"}\n'.encode()


@pytest.fixture
def publish(kit, index) -> Callable[..., tuple[str, str, str, bytes]]:
    """Put a wheel of ``name`` with ``files`` into the index; return what a lock needs."""

    def publish(name: str, files: dict[str, bytes] | None = None, tag: str = "py3-none-any"):
        made = kit.named(name, tag=tag)
        data = made.bytes(files)
        (index / made.filename).write_bytes(data)
        return name, made.version, made.filename, data

    return publish


@pytest.fixture(scope="module")
def made(kit, tmp_path_factory) -> tuple[bytes, Path]:
    """The lock of one wheel, and a state folder in which its environment was made: to be copied, never changed."""
    folder, alpha = tmp_path_factory.mktemp("made"), kit.named("alpha")
    lock = lock_of([("alpha", alpha.version, alpha.filename, alpha.bytes())])
    with pytest.MonkeyPatch.context() as patch:
        (index_in(folder / "index", patch) / alpha.filename).write_bytes(alpha.bytes())
        ensure_environment(lock, folder / "home")
    return lock, folder / "home"


@pytest.fixture
def fetched(made, home) -> bytes:
    """The lock of one wheel whose environment is in ``home`` already."""
    lock, folder = made
    shutil.copytree(folder, home)
    return lock


def test_locked_wheels_are_importable_and_nothing_else_is(home, publish):
    site = ensure_environment(lock_of([publish("alpha"), publish("beta", {"beta/deep/mod.py": b"X = 1\n"})]), home)
    assert {p.name for p in site.iterdir()} == {"alpha", "alpha-1.0.dist-info", "beta", "beta-1.0.dist-info"}
    program = "import alpha, beta.deep.mod, sys; print(alpha.__file__.startswith(sys.path[0]), beta.deep.mod.X)"
    argv = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(site)!r}); {program}"]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split() == ["True", "1"]


def test_a_second_call_needs_no_index(home, publish, index, monkeypatch):
    lock = lock_of([publish("alpha")])
    first = ensure_environment(lock, home)
    (index / "alpha-1.0-py3-none-any.whl").unlink()
    monkeypatch.setenv("PATH", "/nonexistent")
    assert ensure_environment(lock, home) == first


def test_no_dependencies_are_an_empty_environment(home, index):
    assert list(ensure_environment(lock_of([]), home).iterdir()) == []


def test_scripts_and_bytecode_of_dependencies_stay_packed(home, publish):
    files = {"alpha-1.0.data/scripts/tool": b"#!python\n", "alpha/__pycache__/x.cpython-311.pyc": b"\xa7"}
    site = ensure_environment(lock_of([publish("alpha", files)]), home)
    assert {p.name for p in site.rglob("*")} & {"tool", "x.cpython-311.pyc", "__pycache__"} == set()


def test_other_bytes_under_the_locked_name_are_not_installed(home, publish):
    lock = lock_of([publish("alpha")])
    publish("alpha", {"alpha/evil.py": b"import os\n"})
    with pytest.raises(ConfigurationProblem, match=r"alpha==1\.0"):
        ensure_environment(lock, home)
    assert not any(home.rglob("*.whl"))


def test_offline_names_the_package_and_the_remedy(home, publish, index):
    lock = lock_of([publish("alpha"), publish("beta")])
    (index / "beta-1.0-py3-none-any.whl").unlink()
    with pytest.raises(ConfigurationProblem) as caught:
        ensure_environment(lock, home)
    assert "beta==1.0" in caught.value.message
    assert "PIP_FIND_LINKS" in caught.value.help


def test_extra_folders_of_wheels(home, publish, index, tmp_path):
    lock = lock_of([publish("alpha")])
    elsewhere = tmp_path / "wheelhouse"
    index.rename(elsewhere)
    index.mkdir()
    assert ensure_environment(lock, home, find_links=[elsewhere]).is_dir()


def test_machine_code_needs_the_grant_every_time(home, publish):
    lock = lock_of([publish("alpha", {"alpha/fast.so": ELF})])
    with pytest.raises(Refused) as caught:
        ensure_environment(lock, home)
    assert (caught.value.rule, "alpha/fast.so" in caught.value.message) == ("native-not-granted", True)
    assert ensure_environment(lock, home, allow_native=True).is_dir()
    with pytest.raises(Refused):
        ensure_environment(lock, home)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"shared/mod.py": b"1"}, {"shared/mod.py": b"2"}),
        ({"shared/mod.py": b"1"}, {"Shared/Mod.py": b"1"}),
        ({"shared": b"1"}, {"shared/mod.py": b"1"}),
    ],
)
def test_distributions_that_claim_the_same_path(home, publish, first, second):
    with pytest.raises(Refused) as caught:
        ensure_environment(lock_of([publish("alpha", first), publish("beta", second)]), home)
    assert caught.value.rule in {"unclean-dependency-wheel", "unsafe-archive-entry"}
    assert not any(home.rglob("environment"))


def test_the_same_file_twice_is_no_conflict(home, publish):
    same = {"shared/__init__.py": b""}
    assert ensure_environment(lock_of([publish("alpha", same), publish("beta", same)]), home).is_dir()


def test_a_dependency_that_is_no_acceptable_wheel(home, publish):
    with pytest.raises(Refused) as caught:
        ensure_environment(lock_of([publish("alpha", {"evil.pth": b"import os"})]), home)
    assert caught.value.rule == "startup-hook-in-wheel"


@pytest.mark.parametrize("what", ["changed", "added", "wheel"])
def test_an_environment_changed_afterwards(home, fetched, what):
    site = ensure_environment(fetched, home)
    target = {
        "changed": site / "alpha" / "__init__.py",
        "added": site / "alpha" / "evil.py",
        "wheel": site.parent / "wheels" / "alpha-1.0-py3-none-any.whl",
    }[what]
    target.parent.chmod(0o755)
    if target.exists():
        target.chmod(0o644)
    target.write_bytes(b"evil")
    with pytest.raises(Refused) as caught:
        ensure_environment(fetched, home)
    assert caught.value.rule in {"record-mismatch", "digest-mismatch"}


def site_changed(site: Path, home: Path) -> None:
    (site / "alpha" / "__init__.py").chmod(0o644)
    (site / "alpha" / "__init__.py").write_bytes(b"evil")


def file_added(site: Path, home: Path) -> None:
    (site / "alpha" / "evil.py").write_bytes(b"")


def link_in_place_of_a_file(site: Path, home: Path) -> None:
    path = site / "alpha" / "__init__.py"
    path.rename(home / "elsewhere.py")
    path.symlink_to(home / "elsewhere.py")


@pytest.mark.parametrize("spoil", [site_changed, file_added, link_in_place_of_a_file])
def test_what_is_known_is_hashed_and_refused_once_changed(home, fetched, spoil):
    known = KnownTrees(home)
    site = ensure_environment(fetched, home, known=known)
    wheels = site.parent / "wheels"
    site.parent.chmod(0o755)
    wheels.rename(home / "wheels")  # not looked at as long as what is imported is what was checked
    assert ensure_environment(fetched, home, known=known) == site
    (home / "wheels").rename(wheels)
    (site / "alpha").chmod(0o755)
    spoil(site, home)
    with pytest.raises(Refused, match="changed after it was made"):
        ensure_environment(fetched, home, known=known)


def test_a_table_counts_for_what_it_was_made_for_only(home, publish, fetched):
    native = lock_of([publish("fast", {"fast/core.so": ELF})])
    known = KnownTrees(home)
    site = ensure_environment(fetched, home, known=known)
    (table,) = (home / "receipts").glob("tree-*")
    table.write_bytes(table.read_bytes().replace(b"alpha/__init__.py", b"alpha/__main__.py"))
    assert not known.holds(table.name.removeprefix("tree-"), site)
    assert ensure_environment(fetched, home, known=known) == site  # checked completely, and known again
    assert known.holds(table.name.removeprefix("tree-"), site)
    assert not known.holds("0" * 64, site)
    ensure_environment(native, home, allow_native=True, known=known)
    with pytest.raises(Refused, match="machine code"):
        ensure_environment(native, home, allow_native=False, known=known)


def test_threads_that_ask_at_once(home, publish):
    lock = lock_of([publish("alpha"), publish("beta")])
    answers: list[Path | LoaderError] = []
    threads = [threading.Thread(target=lambda: answers.append(ensure_environment(lock, home))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 3
    assert len(set(answers)) == 1


def test_a_lock_with_a_gap_makes_no_environment(home, publish):
    with pytest.raises(Refused) as caught:
        ensure_environment(lock_of([publish("alpha", metadata("alpha", "gamma")), publish("beta")]), home)
    assert caught.value.rule == "unpinned-lock"
    assert not any(home.rglob("environment"))


@pytest.mark.parametrize(
    "need",
    ["beta", "beta>=2", "beta; python_version >= '3.0'", "gamma", "beta[fast]"],
)
def test_a_lock_with_a_gap_on_this_interpreter(kit, need):
    beta = [wheel(kit, "beta", "delta; extra == 'fast'")] if need in {"beta>=2", "gamma", "beta[fast]"} else []
    with pytest.raises(Refused) as caught:
        refuse_gaps([wheel(kit, "alpha", need), *beta])
    assert caught.value.rule == "unpinned-lock"


@pytest.mark.parametrize("need", ["gamma; python_version < '3'", "gamma; extra == 'more'", "Beta_ >= 1; extra == 'x'"])
def test_requirements_that_do_not_apply_are_no_gap(kit, need):
    refuse_gaps([wheel(kit, "alpha", need)])


def test_distributions_that_ask_each_other_for_extras(kit):
    refuse_gaps([wheel(kit, "alpha", "beta[x]", "beta; extra == 'y'"), wheel(kit, "beta", "alpha[y]; extra == 'x'")])


def metadata(name: str, *needs: str) -> dict[str, bytes]:
    lines = "".join(f"Requires-Dist: {need}\n" for need in needs)
    return {f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{lines}".encode()}


def wheel(kit, name: str, *needs: str) -> Wheel:
    """A wheel of ``name`` with these requirements, read as an environment's or a plugin's is."""
    made = kit.named(name)
    return read_dependency_wheel(made.bytes(metadata(name, *needs)), made.filename)


def test_a_locked_wheel_that_nothing_requires_is_refused_each_time(kit, home, publish):
    lock = lock_of([publish("beta"), publish("stowaway", metadata("stowaway", "beta"))])
    greedy = wheel(kit, "alpha", "beta", "stowaway")
    for _ in range(2):
        assert ensure_environment(lock, home, plugin=greedy).is_dir()
        with pytest.raises(Refused, match="brings stowaway along, which neither alpha nor") as caught:
            ensure_environment(lock, home, plugin=wheel(kit, "alpha", "beta"))
        assert caught.value.rule == "unrequired-locked-package"


@pytest.mark.parametrize(
    ("need", "of_beta", "accepted"),
    [
        ("beta", "gamma", True),
        ("beta", "Gamma >= 1; python_version < '3'", True),
        ("beta[more]", "gamma; extra == 'more'", True),
        ("beta[More]", "gamma; python_version < '3' and extra == 'more'", True),
        ("beta", "gamma; extra == 'more'", False),
        ("beta; extra == 'dev'", "gamma", False),
    ],
)
def test_a_chain_of_requirements_leads_to_every_locked_wheel(kit, need, of_beta, accepted):
    wheels, plugin = [wheel(kit, "beta", of_beta), wheel(kit, "gamma")], wheel(kit, "alpha", need)
    if accepted:
        refuse_surplus(wheels, plugin)
    else:
        with pytest.raises(Refused, match="gamma along, which neither alpha"):
            refuse_surplus(wheels, plugin)


@pytest.mark.parametrize("line", ["beta !!", "", "beta; os_name ~= 'x'", "beta; nonsense == 'x'"])
def test_a_requirement_that_cannot_be_read(kit, line):
    with pytest.raises(Refused) as caught:
        refuse_gaps([wheel(kit, "alpha", line)])
    assert caught.value.rule == "unclean-dependency-wheel"


PACKAGE = '[[packages]]\nname = "alpha"\n'
WHEEL = 'wheels = [{ path = "alpha-1.0-py3-none-any.whl", hashes = { sha256 = "' + "0" * 64 + '" } }]\n'


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("", "unpinned-lock"),
        ("packages = 3", "unpinned-lock"),
        ("not toml", "unpinned-lock"),
        (PACKAGE + WHEEL, "unpinned-lock"),
        (PACKAGE + 'version = "1.0"\n' + WHEEL.replace("sha256", "md5"), "unhashed-lock"),
        (PACKAGE + 'version = "1.0"\n' + WHEEL.replace("0" * 64, "0" * 63), "unhashed-lock"),
        (PACKAGE + 'version = "2.0"\n' + WHEEL, "unpinned-lock"),
        (PACKAGE.replace("alpha", "beta") + 'version = "1.0"\n' + WHEEL, "unpinned-lock"),
        (PACKAGE + 'directory = { path = "." }\n', "direct-url-dependency"),
        (
            PACKAGE + 'vcs = { type = "git", url = "https://example.com/a.git", commit-id = "a" }\n',
            "direct-url-dependency",
        ),
        (PACKAGE + 'archive = { url = "file:///a.tar.gz", hashes = { sha256 = "00" } }\n', "direct-url-dependency"),
        (
            PACKAGE + 'version = "1.0"\nsdist = { path = "alpha-1.0.tar.gz", hashes = { sha256 = "00" } }\n',
            "sdist-only-dependency",
        ),
    ],
)
def test_locks_that_are_refused(home, index, body, rule):
    with pytest.raises(Refused) as caught:
        ensure_environment(f'lock-version = "1.0"\ncreated-by = "test"\n{body}'.encode(), home)
    assert caught.value.rule == rule
    assert caught.value.help


@pytest.mark.parametrize("data", [b"\xff", b"lock-version = '9.0'", b"[" * 5000])
def test_locks_that_cannot_be_read(data):
    with pytest.raises(Refused) as caught:
        read_lock(data)
    assert caught.value.rule == "unpinned-lock"


def test_a_lock_has_a_largest_size():
    largest = b'lock-version = "1.0"\ncreated-by = "x"\npackages = []\n'.ljust(MAX_BYTES, b"\n")
    assert list(read_lock(largest).packages) == []
    with pytest.raises(Refused, match=r"1,048,577 bytes large, more than 1,048,576") as caught:
        read_lock(largest + b"\n")
    assert caught.value.rule == "unpinned-lock"
    assert "platforms" in str(caught.value.help)


@pytest.mark.parametrize("condition", ['requires-python = ">=4"\n', "environments = [\"sys_platform == 'amiga'\"]\n"])
def test_a_lock_for_another_interpreter(condition):
    lock = read_lock(condition.encode() + lock_of([("alpha", "1.0", "alpha-1.0-py3-none-any.whl", b"")]))
    with pytest.raises(Refused, match="nothing for this interpreter"):
        select_wheels(lock)


def test_a_lock_without_a_fitting_wheel():
    lock = read_lock(lock_of([("alpha", "1.0", "alpha-1.0-cp27-cp27m-win32.whl", b"")]))
    with pytest.raises(Refused, match="nothing for this interpreter"):
        select_wheels(lock)


def test_packages_for_other_platforms_are_left_out():
    alpha, beta = ("alpha", "1.0", "alpha-1.0-py3-none-any.whl", b""), ("beta", "1.0", "beta-1.0-py3-none-any.whl", b"")
    text = lock_of([alpha, beta]).replace(b'name = "beta"\n', b'name = "beta"\nmarker = "sys_platform == \'amiga\'"\n')
    assert [wheel.name for wheel in select_wheels(read_lock(text))] == ["alpha"]


KILLED_AT = """
import os, signal, sys
from pathlib import Path
from theodore_loader.artifact.environment import ensure_environment

written = 0
def count(event, arguments):
    global written
    if event in ("os.rename", "os.chmod") or event == "open" and arguments[2] & os.O_EXCL:
        written += 1
        if written == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
ensure_environment(Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("moment", [1, 4, 8, 12])
def test_killed_half_way_the_next_call_makes_it_whole(home, publish, tmp_path, moment):
    lock = tmp_path / "pylock.toml"
    lock.write_bytes(lock_of([publish("alpha")]))
    argv = [sys.executable, "-c", KILLED_AT, lock, home, str(moment)]
    assert subprocess.run(argv, check=False).returncode == -signal.SIGKILL
    site = ensure_environment(lock.read_bytes(), home)
    assert {path.name for path in site.iterdir()} == {"alpha", "alpha-1.0.dist-info"}
    assert {path.name for path in site.parents[1].iterdir()} == {".lock", "environment"}
