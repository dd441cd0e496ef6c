"""Running another program confined: streams, limits of time and output, and what is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from eventually import eventually

from theodore_loader.errors import ConfigurationProblem, TierUnavailable, WorkerCrashed
from theodore_loader.sandbox import interpreter, run
from theodore_loader.sandbox.profile import Profile
from theodore_loader.sandbox.run import Completed, run_confined
from theodore_loader.sandbox.tier import Tier

pytestmark = pytest.mark.kernel


def alive(pid: int) -> bool:
    """Say whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_output_and_status_come_back(confined):
    done = confined("import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)")
    assert (done.returncode, done.stdout, done.stderr, done.timed_out) == (7, b"out\n", b"err\n", False)


def test_achieved_tier_and_canaries_are_reported(confined):
    achieved = confined("pass").achieved
    assert achieved.tier is Tier.STANDARD
    assert [layer.name for layer in achieved.layers if layer.active] == ["rlimits", "privileges", "landlock", "seccomp"]
    assert {canary.layer for canary in achieved.canaries} == {"rlimits", "privileges", "landlock", "seccomp"}


def test_input_larger_than_a_pipe_is_fed_while_output_is_read(confined):
    data = os.urandom(3_000_000)
    done = confined("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())", input=data)
    assert done.stdout == data


def test_program_that_does_not_read_its_input_is_no_error(confined):
    assert confined("print('done')", input=bytes(1_000_000)).stdout == b"done\n"


def test_environment_is_explicit(confined, monkeypatch):
    monkeypatch.setenv("THEODORE_SECRET", "x")
    assert confined("import os; print('THEODORE_SECRET' in os.environ)").stdout == b"False\n"


def until_its_deadline(confined, code: str) -> Completed:
    """Run what does not end by itself; on a busy machine a second is not enough to get it started."""
    for seconds in (1.0, 5.0):
        try:
            return confined(code, timeout=seconds)
        except WorkerCrashed:
            continue
    return confined(code, timeout=60.0)


def test_deadline_kills(confined):
    done = until_its_deadline(confined, "import time; time.sleep(600)")
    assert done.timed_out
    assert done.returncode == -9
    assert done.seconds < 300


def test_deadline_kills_what_ignores_signals_and_floods_output(confined):
    code = "import signal\nfor n in (2, 15): signal.signal(n, signal.SIG_IGN)\nwhile True: print('x' * 1000)"
    done = until_its_deadline(confined, code)
    assert done.timed_out
    assert done.returncode == -9


def test_output_over_the_cap_is_dropped_and_said(work):
    profile = Profile(read=interpreter.read_paths(), write=(str(work),))
    argv = [sys.executable, "-c", "print('x' * 100000)"]
    done = run_confined(argv, profile, cwd=work, env={}, timeout=120, output_cap=1000)
    assert (len(done.stdout), done.truncated, done.returncode) == (1000, True, 0)


async def test_children_are_killed_with_their_parent(confined, work):
    code = f"""
import subprocess, sys
child = subprocess.Popen([{sys.executable!r}, "-c", "import time; time.sleep(600)"])
open("pid", "w").write(str(child.pid))
"""
    done = confined(code, subprocesses=1, timeout=300.0)
    assert (done.returncode, done.timed_out) == (0, False)
    child = int((work / "pid").read_text())
    assert await eventually(lambda: not alive(child), 60)


def test_only_granted_programs_run(confined):
    code = "import subprocess; subprocess.run(['/bin/cat', '/dev/null'], check=True); subprocess.run(['/bin/ls'])"
    done = confined(code, subprocesses=1, execute=("/bin/cat",))
    assert done.returncode == 1
    assert b"PermissionError: [Errno 13] Permission denied: '/bin/ls'" in done.stderr


def test_children_inherit_the_grants(confined):
    code = "import subprocess; subprocess.run(['/bin/cat', '/etc/passwd'], check=True)"
    done = confined(code, subprocesses=1, execute=("/bin/cat",))
    assert done.returncode == 1
    assert b"/bin/cat: /etc/passwd: Permission denied" in done.stderr


def test_no_program_can_be_executed_without_the_grant(confined):
    done = confined(f"import os; os.execv({sys.executable!r}, ['python', '-c', 'print(1)'])")
    assert b"PermissionError: [Errno 1]" in done.stderr


def test_descriptors_of_the_host_are_not_inherited(confined, work):
    secret = work.parent / "secret"
    secret.write_text("x")
    leaked = os.open(secret, os.O_RDONLY)
    os.set_inheritable(leaked, True)
    try:
        done = confined("import os\nprint([n for n in range(3, 60) if os.path.exists(f'/proc/self/fd/{n}')])")
    finally:
        os.close(leaked)
    assert done.stdout == b"[]\n"


def test_missing_program_is_a_clear_error(work):
    with pytest.raises(ConfigurationProblem, match="program not found: no-such-program"):
        run_confined(["no-such-program"], Profile(), cwd=work, env={"PATH": "/usr/bin"}, timeout=60)


def test_file_that_is_no_program_is_a_clear_error(work):
    (work / "data").write_text("not a program")
    (work / "data").chmod(0o755)
    with pytest.raises(ConfigurationProblem, match="cannot be executed: Exec format error"):
        run_confined([str(work / "data")], Profile(), cwd=work, env={}, timeout=120)


def test_program_in_a_script_runs_through_its_interpreter(work):
    script = work.parent / "script"
    script.write_text("#!/bin/sh\necho from the script\n")
    script.chmod(0o755)
    profile = Profile(read=(str(script), *interpreter.SYSTEM_LIBRARIES, *interpreter.SYSTEM_FILES))
    assert run_confined([str(script)], profile, cwd=work, env={}, timeout=120).stdout == b"from the script\n"


async def test_host_that_dies_takes_the_program_with_it(work):
    code = f"""
import sys
from theodore_loader.sandbox import interpreter
from theodore_loader.sandbox.profile import Profile
from theodore_loader.sandbox.run import run_confined
program = (
    "import os, time; open('new', 'w').write(str(os.getpid())); os.rename('new', 'pid'); time.sleep(600)"
)
profile = Profile(read=interpreter.read_paths(), write=({str(work)!r},))
run_confined([sys.executable, "-c", program], profile, cwd={str(work)!r}, env={{}}, timeout=600)
"""
    environment = {**os.environ, "PYTHONPATH": run._LOADER}
    host = await asyncio.create_subprocess_exec(sys.executable, "-c", code, env=environment)
    try:
        assert await eventually((work / "pid").exists, 120)
    finally:
        host.kill()
        await host.wait()
    program = int((work / "pid").read_text())
    assert await eventually(lambda: not alive(program), 60)


def test_many_run_at_once_from_threads(confined):
    results: list[bytes] = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(confined(f"print({n})").stdout.strip())) for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [b"0", b"1", b"2", b"3", b"4", b"5"]


def opened() -> set[tuple[str, str]]:
    """Return what this process has open: number, and what it is."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the one that lists
            found.add((number, os.readlink(f"/proc/self/fd/{number}")))
    return found


def test_nothing_is_left_open(confined):
    confined("pass")
    gc.collect()  # what earlier tests left is not closed in between, for its number to be used again
    before = opened()
    for _ in range(3):
        confined("pass")
    assert opened() <= before


def test_virtual_environment_of_another_prefix_runs(work, tmp_path):
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / "bin" / "python"
    profile = Profile(read=interpreter.read_paths(python), write=(str(work),))
    code = "import sys, json, ssl; print(sys.prefix != sys.base_prefix)"
    done = run_confined([str(python), "-c", code], profile, cwd=work, env={}, timeout=120)
    assert (done.stdout, done.stderr) == (b"True\n", b"")


def test_layer_that_cannot_be_reached_is_refused_unless_weaker_is_allowed(work):
    simulation = Path(__file__).parents[2] / "without_kernel_layers.py"
    code = f"""
import sys
from theodore_loader.errors import TierUnavailable
from theodore_loader.sandbox import interpreter
from theodore_loader.sandbox.profile import Profile
from theodore_loader.sandbox.run import run_confined
from theodore_loader.sandbox.tier import available
print(available().tier.name)
for weaker in (False, True):
    profile = Profile(read=interpreter.read_paths(), write=({str(work)!r},), allow_weaker=weaker)
    try:
        done = run_confined([sys.executable, "-c", "print(1)"], profile, cwd={str(work)!r}, env={{}}, timeout=120)
    except TierUnavailable as refusal:
        print(refusal.rule, refusal.message)
    else:
        print(done.achieved.tier.name, [layer.name for layer in done.achieved.layers if layer.active], done.stdout)
"""
    outputs = {}
    for keep in ("", "seccomp", "landlock"):
        argv = [sys.executable, str(simulation), *(["--keep", keep] if keep else []), "--", sys.executable, "-c", code]
        environment = {**os.environ, "PYTHONPATH": run._LOADER}
        outputs[keep] = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True).stdout
    for keep, output in outputs.items():
        tier, refusal, weaker = output.splitlines()
        assert tier == "BASIC"
        assert refusal.startswith("sandbox-tier-unavailable this machine cannot confine a process")
        assert weaker == f"BASIC {['rlimits', 'privileges', *([keep] if keep else [])]} b'1\\n'"


def test_host_without_layers_refuses_before_it_starts_anything(work, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(TierUnavailable, match="cannot be confined on Windows"):
        run_confined([sys.executable], Profile(), cwd=work, env={}, timeout=60)
