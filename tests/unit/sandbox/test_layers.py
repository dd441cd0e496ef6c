"""Each layer by itself, in a process of its own; what needs no kernel is tested here directly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from theodore_loader.sandbox import interpreter, landlock, programs, run
from theodore_loader.sandbox.order import Achieved, LayerState
from theodore_loader.sandbox.profile import Profile
from theodore_loader.sandbox.tier import Tier, available

PRELUDE = f"import sys; sys.path.insert(0, {run._LOADER!r})\n"


def python(code: str, *argv: str) -> str:
    """Run ``code`` in a fresh interpreter and return what it prints; its errors are the test's."""
    command = [sys.executable, "-c", PRELUDE + code, *argv]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.kernel
@pytest.mark.parametrize("abi", range(1, 8))
def test_landlock_holds_with_the_rights_of_every_abi_up_to_the_kernels(abi, work):
    if abi > landlock.abi():
        pytest.skip(f"this kernel has Landlock ABI {landlock.abi()}")
    (work.parent / "outside").write_text("x")
    code = f"""
import os
from theodore_loader.sandbox import landlock, libc
from theodore_loader.sandbox.profile import Profile
libc.prctl(38, 1)
print(landlock.restrict(Profile(write=({str(work)!r},)), {abi}))
open({str(work / "inside")!r}, "w").close()
os.mkdir({str(work / "folder")!r})
above = {str(work.parent)!r}
for act in (lambda: open(above + "/outside"), lambda: os.listdir("/"), lambda: os.mkdir(above + "/new")):
    try: act()
    except PermissionError: continue
    raise SystemExit("not held")
try: os.rename({str(work / "inside")!r}, {str(work / "folder" / "inside")!r}); print("moved")
except OSError as problem: print(problem.errno)
"""
    report, moved = python(code).splitlines()
    assert report.startswith(f"ABI {abi}, 2 paths granted; this kernel's Landlock does not hold ")
    assert ("TCP" in report) == (abi < 4)
    assert report.endswith("UNIX sockets by path, UDP")
    assert moved == ("moved" if abi >= 2 else "18")  # EXDEV before the right to refer


@pytest.mark.kernel
def test_rights_of_a_kernel_to_come_are_used_only_where_the_kernel_takes_them():
    offered = landlock.abi()
    assert landlock.handled_rights(9) & ~landlock.handled_rights(8) == landlock.RESOLVE_UNIX
    for version, adds_rights in ((8, False), (9, True), (10, True)):
        assert landlock._takes(version) == (not adds_rights or version <= offered)
    if offered < 9:
        with pytest.raises(OSError, match="Invalid argument"):
            landlock.restrict(Profile(), 10)


@pytest.mark.kernel
def test_landlock_refuses_to_bind_one_thread_of_several(work):
    code = """
import threading, time
from theodore_loader.errors import TierUnavailable
from theodore_loader.sandbox.order import confine
from theodore_loader.sandbox.profile import Profile
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
try: confine(Profile())
except TierUnavailable as refusal: print(refusal.message)
import os; os.write(1, b""); sys.stdout.flush(); os._exit(0)
"""
    assert python(code) == (
        "the sandbox layer landlock is offered and could not be set up: "
        "2 threads are running; it would hold only one of them"
    )


@pytest.mark.kernel
def test_read_grant_for_a_file_covers_that_file_only(work):
    (work / "one").write_text("1")
    (work / "two").write_text("2")
    code = f"""
from theodore_loader.sandbox.order import confine
from theodore_loader.sandbox.profile import Profile
confine(Profile(read=({str(work / "one")!r},)))
print(open({str(work / "one")!r}).read())
for path in ({str(work / "two")!r}, {str(work)!r}):
    try: open(path)
    except PermissionError as refusal: print(refusal.errno)
try: open({str(work / "one")!r}, "a")
except PermissionError as refusal: print(refusal.errno)
"""
    assert python(code).split() == ["1", "13", "13", "13"]


@pytest.mark.kernel
def test_limits_hold_and_cannot_be_raised(work):
    code = """
import resource
from theodore_loader.sandbox import rlimits
from theodore_loader.sandbox.profile import Profile
print(rlimits.apply(Profile(memory_bytes=300_000_000, open_files=40, file_bytes=1000, cpu_seconds=9)))
for name in ("DATA", "NOFILE", "FSIZE", "CORE", "STACK", "CPU"):
    print(*resource.getrlimit(getattr(resource, "RLIMIT_" + name)))
"""
    first, *limits = python(code).splitlines()
    assert first == "data 300000000, nofile 40, fsize 1000, core 0, stack 8388608, cpu 9"
    assert limits == ["300000000 300000000", "40 40", "1000 1000", "0 0", "8388608 8388608", "9 9"]


@pytest.mark.kernel
def test_privileges_are_gone_for_root_too():
    code = """
from theodore_loader.sandbox import privileges
print(bool(privileges.remaining()), privileges.drop(), privileges.remaining())
print(open("/proc/self/status").read()) if __import__("os").getuid() == 0 else None
"""
    output = python(code)
    assert output.splitlines()[0] == "True no capabilities, no_new_privs, not dumpable ()"
    if os.getuid() == 0:
        fields = dict(line.split(":\t", 1) for line in output.splitlines()[1:] if ":\t" in line)
        assert {fields[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0000000000000000"}


@pytest.mark.kernel
def test_descriptors_but_the_kept_are_closed():
    code = """
import os
from theodore_loader.sandbox import descriptors
held = [os.open("/dev/null", os.O_RDONLY) for _ in range(6)]
descriptors.close_all_except((0, 1, 2, held[1], held[4]))
print([n in (held[1], held[4]) for n in held if os.path.exists(f"/proc/self/fd/{n}")])
"""
    assert python(code) == "[True, True]"


@pytest.mark.kernel
def test_canary_that_gets_through_is_an_error():
    code = """
from theodore_loader.errors import TierUnavailable
from theodore_loader.sandbox import canaries
from theodore_loader.sandbox.profile import Profile
for layer in ("landlock", "seccomp", "privileges"):
    try: canaries.prove(Profile(), {layer}, "/etc/passwd")
    except TierUnavailable as refusal: print(refusal.message)
"""
    assert python(code).splitlines() == [
        "the sandbox layer landlock claims to hold and does not: the attempt to open /etc/passwd succeeded",
        "the sandbox layer seccomp claims to hold and does not: the attempt to open a UNIX socket succeeded",
        "the sandbox layer privileges claims to hold and does not: the attempt to regain a capability succeeded",
    ]


@pytest.mark.kernel
def test_every_canary_is_refused_when_every_layer_holds():
    code = """
import json
from theodore_loader.sandbox.order import confine
from theodore_loader.sandbox.profile import Profile
print(json.dumps(confine(Profile()).to_dict()))
"""
    achieved = Achieved.from_dict(json.loads(python(code)))
    assert achieved.tier is Tier.STANDARD
    assert len(achieved.canaries) >= 8
    assert {canary.refusal for canary in achieved.canaries} <= {"EPERM", "EACCES"}


@pytest.mark.kernel
def test_write_xor_execute_keeps_native_code_out_of_the_process():
    code = """
from theodore_loader.sandbox.order import confine
from theodore_loader.sandbox.profile import Profile
from theodore_loader.sandbox import interpreter
import mmap
confine(Profile(read=interpreter.read_paths(), write_xor_execute=True))
mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
for act in (lambda: mmap.mmap(-1, 4096, flags=private, prot=7), lambda: __import__("_ctypes_test")):
    try: act()
    except (PermissionError, ImportError) as refusal: print(type(refusal).__name__)
"""
    assert python(code).split() == ["PermissionError", "ImportError"]


def test_reached_state_survives_the_wire():
    achieved = Achieved(Tier.BASIC, (LayerState("landlock", False, "not offered"), LayerState("rlimits", True, "data")))
    assert Achieved.from_dict(achieved.to_dict()) == achieved
    assert achieved.active("rlimits")
    assert not achieved.active("landlock")
    assert not achieved.active("no such layer")


@pytest.mark.parametrize(
    "data", [{}, {"tier": 9, "layers": [], "canaries": []}, {"tier": 1, "layers": [{}], "canaries": []}]
)
def test_malformed_state_is_refused(data):
    with pytest.raises((KeyError, ValueError)):
        Achieved.from_dict(data)


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_modules_import_and_explain_themselves_elsewhere(platform):
    code = f"""
import builtins, os, shutil  # shutil itself asks for Windows' own modules where it thinks it is there
sys.platform = {platform!r}
for name in ("fcntl", "resource", "grp", "pwd"): sys.modules[name] = None
import importlib, pkgutil, theodore_loader.sandbox as package
for module in pkgutil.iter_modules(package.__path__): importlib.import_module(f"{{package.__name__}}.{{module.name}}")
from theodore_loader.sandbox.tier import available
offer = available(); print(offer.tier.name, offer.landlock_abi, offer.seccomp, *offer.reasons)
from theodore_loader.sandbox.order import confine
from theodore_loader.sandbox.profile import Profile
try: confine(Profile())
except Exception as refusal: print(type(refusal).__name__)
"""
    first, refusal = python(code).splitlines()
    tier = {"darwin": "BASIC", "win32": "NONE"}[platform]
    assert first == f"{tier} 0 False Landlock and seccomp are Linux features; this is {platform}"
    assert refusal == "TierUnavailable"


def test_availability_names_what_is_missing():
    offer = available()
    assert (offer.tier is Tier.STANDARD) == (not offer.reasons)
    assert offer.landlock_abi >= 0


def test_program_closure_follows_script_and_loader(tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/usr/bin/env -S python3 -I\n")
    link = tmp_path / "link"
    link.symlink_to(script)
    found = programs.closure(str(link))
    assert found[0] == os.path.realpath(script)
    assert found[1] == os.path.realpath("/usr/bin/env")
    assert all(Path(path).exists() for path in found)


@pytest.mark.parametrize(
    "content", [b"", b"#!", b"#!\n", b"\x7fELF", b"\x7fELF\x02\x01" + bytes(10), b"\x7fELF\x02\x01" + b"\xff" * 300]
)
def test_program_closure_of_garbage_is_the_file_alone(tmp_path, content):
    path = tmp_path / "garbage"
    path.write_bytes(content)
    assert programs.closure(str(path)) == (os.path.realpath(path),)


def test_script_that_names_itself_ends_the_closure(tmp_path):
    path = tmp_path / "loop"
    path.write_text(f"#!{path}\n")
    assert programs.closure(str(path)) == (os.path.realpath(path),)


def test_interpreter_paths_exist_and_hold_the_standard_library():
    paths = interpreter.read_paths()
    assert os.path.dirname(os.__file__) in paths
    assert all(os.path.exists(path) for path in paths)
    outside = [path for path in paths if not path.startswith((f"{sys.prefix}/", f"{sys.base_prefix}/"))]
    assert not any(path.startswith(("/etc/ssl/private", "/home", "/root", "/proc")) for path in outside)
    assert not {"/", "/etc", "/home", os.path.expanduser("~"), sys.prefix} & set(paths)


def test_profile_grants_nothing_by_default():
    profile = Profile()
    assert (profile.read, profile.write, profile.execute, profile.sockets, profile.subprocesses) == (
        (),
        (),
        (),
        "none",
        0,
    )
