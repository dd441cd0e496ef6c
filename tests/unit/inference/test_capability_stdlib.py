"""The standard library is in the map as a whole: every module, every audited operation, and the unaudited ones."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from theodore_plugin.inference.capabilities import shipped_files, shipped_map
from theodore_plugin.inference.capabilities.check import Interpreter, ask, importable, read_libraries
from theodore_sdk.info import PermissionType as P

HERE = Path(__file__).parent
MODULES = [line.split() for line in (HERE / "stdlib_modules.txt").read_text().splitlines()[1:]]
PYTHONS = [found for found in map(shutil.which, ("python3.11", "python3.12", "python3.13", "python3.14")) if found]
STDLIB = read_libraries(path for path in shipped_files() if path.parent.name == "stdlib")


def working(executable: str) -> bool:
    """A shim on the path may stand for a Python that is not installed."""
    try:
        return bool(Interpreter.of(executable).version)
    except (OSError, subprocess.CalledProcessError):
        return False


def audited() -> list[tuple[str, str, str]]:
    lines = (HERE / "audit_events.csv").read_text().splitlines()[1:]
    return [(row["event"], row["category"], row["name"]) for row in csv.DictReader(lines)]


@pytest.mark.parametrize("name", [row[0] for row in MODULES])
def test_every_standard_library_module_is_described(name: str) -> None:
    assert shipped_map().library(name) is not None


def test_so_is_every_module_of_the_running_python() -> None:
    known = shipped_map()
    assert [name for name in sorted(sys.stdlib_module_names) if known.library(name) is None] == []


def test_a_module_of_some_later_python_is_unknown() -> None:
    assert shipped_map().library("module_of_the_future") is None
    assert shipped_map().of_call("module_of_the_future.run") == ()


@pytest.mark.parametrize("executable", PYTHONS)
def test_names_and_arguments_exist_in_the_real_modules(executable: str) -> None:
    if not working(executable):
        pytest.skip(f"{executable} stands for no installed Python")
    python = Interpreter.of(executable)
    answers = ask(STDLIB, python, importable(STDLIB, python))
    assert [f"{one.question.name}: {one.reason}" for one in answers if one.verdict == "missing"] == []
    assert sum(one.verdict == "found" for one in answers) > 1_400


@pytest.mark.parametrize(("event", "category", "name"), audited(), ids=[row[0] for row in audited()])
def test_every_audited_operation_is_in_the_map(event: str, category: str, name: str) -> None:
    ours = event.startswith(("cpython.", "object.__"))  # no call in a plugin raises these
    if name == "-":
        assert ours or "ignore" in category or event in {"setopencodehook", "marshal.dumps"}
        return
    canonical = shipped_map().canonical(name)
    assert shipped_map().of_call(canonical) or shipped_map().traits(canonical)


CATEGORIES = {
    "network.connect": P.NETWORK,
    "network.listen": P.NETWORK,
    "filesystem.read": P.FILE_SYSTEM,
    "filesystem.write": P.FILE_SYSTEM,
    "subprocess.exec": P.SUBPROCESS,
    "subprocess.fork": P.SUBPROCESS,
    "native.ctypes": P.NATIVE,
    "code.dynamic": P.DYNAMIC_CODE,
    "code.import": P.DYNAMIC_CODE,
    "env.write": P.ENVIRONMENT,
}
ELSEWHERE = {"mmap.__new__": P.FILE_SYSTEM}
"""A memory map reaches no native code by itself."""


@pytest.mark.parametrize(
    ("event", "category", "name"), [row for row in audited() if row[1] in CATEGORIES and row[2] != "-"]
)
def test_it_has_the_permission_its_category_says(event: str, category: str, name: str) -> None:
    known = shipped_map()
    found = {effect.permission for effect in known.of_call(known.canonical(name))}
    assert ELSEWHERE.get(event, CATEGORIES[category]) in found


@pytest.mark.parametrize(
    ("name", "permission"),
    [
        ("os.environ.get", P.ENVIRONMENT),
        ("os.getenv", P.ENVIRONMENT),
        ("os.path.exists", P.FILE_SYSTEM),
        ("os.stat", P.FILE_SYSTEM),
        ("os.readlink", P.FILE_SYSTEM),
        ("pathlib.Path().exists", P.FILE_SYSTEM),
        ("pathlib.Path.home", P.ENVIRONMENT),
        ("os.fdopen", P.FILE_SYSTEM),
        ("os.read", P.FILE_SYSTEM),
        ("os.pwrite", P.FILE_SYSTEM),
        ("os.memfd_create", P.FILE_SYSTEM),
        ("os.mkfifo", P.FILE_SYSTEM),
        ("socket.socket().accept", P.NETWORK),
        ("socket.fromfd", P.NETWORK),
        ("signal.raise_signal", P.SUBPROCESS),
        ("signal.pidfd_send_signal", P.SUBPROCESS),
        ("_posixsubprocess.fork_exec", P.SUBPROCESS),
        ("subprocess._posixsubprocess.fork_exec", P.SUBPROCESS),
        ("sys.path.insert", P.DYNAMIC_CODE),
        ("threading.settrace", P.DYNAMIC_CODE),
        ("codecs.register", P.DYNAMIC_CODE),
        ("logging.handlers.SocketHandler", P.NETWORK),
        ("logging.config.dictConfig", P.DYNAMIC_CODE),
        ("multiprocessing.managers.BaseManager().connect", P.NETWORK),
        ("asyncio.get_running_loop().create_connection", P.NETWORK),
        ("ctypes.c_char.from_address", P.NATIVE),
        ("optparse.Values().read_file", P.DYNAMIC_CODE),
        ("uuid.getnode", P.SUBPROCESS),
        ("shutil.which", P.ENVIRONMENT),
        ("tracemalloc.Snapshot.load", P.DYNAMIC_CODE),
        ("posix.system", P.SUBPROCESS),
        ("nt.startfile", P.SUBPROCESS),
        ("_io.open", P.FILE_SYSTEM),
        ("_socket.socket().connect", P.NETWORK),
        ("_pickle.loads", P.DYNAMIC_CODE),
    ],
)
def test_what_raises_no_audit_event_is_described_too(name: str, permission: P) -> None:
    known = shipped_map()
    callee, _, rest = known.canonical(name).partition("()")
    returned = known.returns.get(callee, (f"{callee}()",))[0] if rest else callee
    path = known.canonical(f"{returned}{rest}")
    assert permission in {effect.permission for effect in known.of_call(path)}


@pytest.mark.parametrize(
    ("name", "trait"),
    [
        ("os.dup2", "descriptors"),
        ("os.setuid", "privileges"),
        ("os.umask", "process"),
        ("os._exit", "exit"),
        ("atexit.register", "exit"),
        ("signal.signal", "signals"),
        ("threading.Thread", "threads"),
        ("_thread.start_new_thread", "threads"),
        ("fcntl.flock", "locks"),
        ("resource.setrlimit", "limits"),
        ("syslog.syslog", "log"),
        ("sys._getframe", "introspection"),
        ("asyncio.to_thread", "threads"),
    ],
)
def test_what_no_permission_is_about_has_a_trait(name: str, trait: str) -> None:
    assert trait in shipped_map().traits(name)


@pytest.mark.parametrize("name", ["json.loads", "re.compile", "math.sqrt", "collections.namedtuple", "os.path.join"])
def test_what_only_computes_has_no_effect(name: str) -> None:
    assert shipped_map().of_call(name) == ()


def test_frames_lead_to_what_they_hold() -> None:
    known = shipped_map()
    assert known.returns["sys._getframe"] == ("types.FrameType()",)
    assert known.canonical("types.FrameType().f_back.f_back.f_globals") == "types.FrameType().f_globals"
    assert known.explicit("types.FrameType().f_globals")
