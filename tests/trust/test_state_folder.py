"""Whatever lies in the place of a file of the state folder, nothing waits for it, and nothing is believed for it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from theodore_loader.preparation import Preparation
from theodore_loader.regular_file import open_regular, read_beyond, read_regular
from theodore_loader.trust.trust_file import TrustFile

ASK = """
import contextlib, io, os, sys
from pathlib import Path
from theodore_plugin.cli.program import main
home = Path(os.environ["THEODORE_PLUGIN_HOME"])

def asked(*argv):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        code = main(list(argv))
    return code, said.getvalue()

def put(place, kind):
    if kind == "pipe":
        os.mkfifo(place, 0o600)
    else:
        with open(place, "wb") as file:
            file.truncate(1 << 40)
        place.chmod(0o600)

for kind, name in [(kind, name) for name in sys.argv[1:] for kind in ("pipe", "endless")]:
    place, aside = home / name, home / (name + ".aside")
    place.rename(aside)
    put(place, kind)
    print("now", kind, name, flush=True)
    for argv in (["why", "acme-hello"], ["why", "--verify-chain"], ["trust", "show"], ["trust", "log"],
                 ["revocations", "check", "acme-hello"]):
        code, said = asked(*argv)
        if code not in (0, 1, 2, 3, 5) or "this is a bug" in said or "Traceback" in said:
            print("WRONG", kind, name, argv, code, said, flush=True)
    place.unlink()
    aside.rename(place)
print("done")
"""


@pytest.fixture(scope="module")
def home(workshop, tmp_path_factory) -> Path:
    """A state folder with an instance, a trust file, an installed plugin and a record of it."""
    folder = tmp_path_factory.mktemp("state")
    path, wheel = workshop.write(folder)
    workshop.sign(path, wheel)
    home = folder / "home"
    home.mkdir(mode=0o700)
    (home / "instances").mkdir(mode=0o700)
    for name in ("trust.toml", "roots", "instances/default"):  # of the workshop's instances, others make more and more
        place = workshop.home / name
        (shutil.copytree if place.is_dir() else shutil.copy2)(place, home / name)
    host = Preparation(home, TrustFile.load(home / "trust.toml"), workshop.policy)
    host.install(path)
    host.prepare("acme-hello")
    host.flush()
    return home


def _files(home: Path) -> list[str]:
    read = {"trust.toml", "installed.json", "pins", "receipts", "decisions", "instances", "roots", "signatures"}
    found = [path.relative_to(home) for path in sorted(home.rglob("*")) if path.is_file()]
    return [str(path) for path in found if path.parts[0] in read and path.suffix != ".lock"]


def test_no_command_waits_for_what_lies_in_the_place_of_a_file(home: Path) -> None:
    argv = [sys.executable, "-c", ASK, *_files(home)]
    assert len(argv) > 12
    environment = os.environ | {"THEODORE_PLUGIN_HOME": str(home)}
    try:
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=600, check=False)
    except subprocess.TimeoutExpired as late:
        pytest.fail(f"something waits: {late.stdout!r}")
    assert "WRONG" not in done.stdout, done.stdout
    assert done.stdout.endswith("done\n"), done.stderr


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(path))


def _terminal(path: Path) -> None:
    path.symlink_to("/dev/tty")


def _endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("put", [_pipe, _socket, Path.mkdir, _terminal, _endless])
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR | os.O_CREAT, os.O_WRONLY | os.O_CREAT])
def test_only_a_regular_file_is_opened_and_none_stays_open(
    tmp_path: Path, monkeypatch, put: Callable[[Path], None], flags: int
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("it")
    put(path)
    with pytest.raises(OSError, match=r"not a regular file|Is a directory|No such device") as refused:
        open_regular(path, flags)
    assert refused.value.filename == "it"
    assert str(path.absolute()) not in _open_files()


def _open_files() -> set[str]:
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            found.add(os.readlink(f"/proc/self/fd/{name}"))
    return found


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_bytes(b"x" * 10)
    assert read_regular(path, 10) == b"x" * 10
    assert read_beyond(path, 4) == b"x" * 5
    with pytest.raises(OSError, match="larger than 9 bytes") as refused:
        read_regular(path, 9)
    assert refused.value.filename == str(path)
    path.write_bytes(b"")
    assert read_regular(path, 0) == b""
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "none", 1)


def test_a_small_file_takes_little_memory_however_large_it_might_be(tmp_path: Path) -> None:
    path = tmp_path / "small"
    path.write_bytes(b"x" * 5000)
    tracemalloc.start()
    try:
        assert len(read_beyond(path, 1 << 30)) == 5000
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    path.write_bytes(b"x" * (5 << 20))
    assert len(read_beyond(path, 3 << 20)) == (3 << 20) + 1
