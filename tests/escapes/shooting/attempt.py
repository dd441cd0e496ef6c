"""The gallery: one process that forks a child an attempt, which confines itself as asked and then imports the case.

Run as ``python -I -S -B attempt.py LOADER``; not imported. Requests are JSON lines on standard input, answers lines on
standard output. It prepares itself as a worker does before it confines itself, and knows nothing of the attempts: what
a child is to try it reads from a file after the fork. ``attempt.py LOADER SPEC`` makes one attempt without a fork, for
the cases that look for what exec left behind.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

KERNEL = ("process", "rlimits", "privileges", "landlock", "seccomp")


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    prepare()
    if len(sys.argv) > 2:
        child(sys.argv[2])
        return
    print("ready", flush=True)
    while line := sys.stdin.readline():
        request = json.loads(line)
        if "host" in request:
            print(start_host(request), end="", flush=True)
        elif not serve(request["spec"]):
            return  # a child that ends as a program ends


def prepare() -> None:
    """Import what is there when a worker confines itself, and what confinement leaves behind."""
    import ctypes  # noqa: F401
    import subprocess  # noqa: F401

    from theodore_loader.permissions import Permission  # noqa: F401
    from theodore_loader.sandbox import audit_hook, order  # noqa: F401
    from theodore_loader.worker.preload import preload

    preload(extension_modules=True)


def serve(spec: str) -> bool:
    """Fork for one attempt and tell its pid and its end; return ``False`` in the child."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        output = os.open(spec + ".out", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        child(spec)
        return False
    print(pid, flush=True)
    _, status = os.waitpid(pid, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
    reap()
    return True


def reap() -> None:
    """Collect hosts that were killed."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return


def start_host(request: dict[str, str]) -> str:
    """Fork a process that stands for the host, and return where it keeps what."""
    told, tell = os.pipe()
    if os.fork() == 0:
        os.setsid()
        os.close(told)
        stand_for_the_host(request, tell)
    os.close(tell)
    with os.fdopen(told) as answer:
        return answer.read()


def stand_for_the_host(request: dict[str, str], tell: int) -> NoReturn:
    """Hold the token in memory and a descriptor of the secret, and note signals."""
    import ctypes
    import signal

    def note(number: int, _frame: object) -> None:
        with open(request["signals"], "a") as file:
            file.write(f"{number}\n")

    ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))  # ends with the gallery
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(0, 1)
    token = ctypes.create_string_buffer(request["host"].encode())
    place = {"pid": os.getpid(), "address": ctypes.addressof(token), "descriptor": os.open(request["secret"], 0)}
    for number in (signal.SIGUSR1, signal.SIGIO):
        signal.signal(number, note)
    os.write(tell, json.dumps(place).encode() + b"\n")
    os.close(tell)
    while True:
        signal.pause()


def child(path: str) -> None:
    """Confine this process, make the attempt, print what it said; does not return unless it is to end gracefully."""
    with open(path) as file:
        spec = json.load(file)
    sys.path += spec["roots"]
    if spec["leak"]:
        os.open(spec["leak"], os.O_RDONLY)
    if spec["layers"]:
        confine(spec, tuple(spec["layers"]))
    answer = attempt(spec)
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    if not answer.get("graceful"):
        os._exit(0)


def confine(spec: dict[str, Any], layers: tuple[str, ...]) -> None:
    """Put the layers in place in the worker's order; all of the kernel's together by the worker's own function."""
    from theodore_loader.sandbox import order
    from theodore_loader.sandbox.profile import Profile

    profile = Profile.from_json(spec["profile"].encode())
    if set(KERNEL) <= set(layers):
        order.confine(profile, parent=os.getppid())
    else:
        for name, put in single_layers(profile).items():
            if name in layers:
                put()
    if "hook" in layers or "python-hook" in layers:
        police(spec, python="python-hook" in layers)


def single_layers(profile: Any) -> dict[str, Callable[[], object]]:
    """Return each kernel layer by itself; an ordinary user needs no_new_privs for the last two."""
    from theodore_loader.sandbox import descriptors, landlock, libc, privileges, rlimits, seccomp
    from theodore_loader.sandbox.seccomp_rules import Shape

    version = landlock.abi()
    shape = Shape.of(profile, landlock_abi=version, private_mounts=False, runs_program=False)

    def without_new_privileges(put: Callable[[], object]) -> Callable[[], object]:
        return lambda: (libc.prctl(38, 1), put())

    return {
        "process": lambda: descriptors.close_all_except((0, 1, 2)),
        "rlimits": lambda: rlimits.apply(profile),
        "privileges": lambda: (privileges.drop(), privileges.die_with_parent(os.getppid())),
        "landlock": without_new_privileges(lambda: landlock.restrict(profile, version)),
        "seccomp": without_new_privileges(lambda: seccomp.install(shape, pid=os.getpid())),
    }


def police(spec: dict[str, Any], *, python: bool) -> None:
    """Install the audit hook, the one written in Python if asked."""
    from theodore_loader.permissions import Permission
    from theodore_loader.sandbox import audit_hook, interpreter

    grants = [Permission.parse("filesystem", pattern) for pattern in spec["grants"]]
    code = (*interpreter.stdlib_paths(), spec["loader"])
    rules = audit_hook.hook_rules(grants, {"data": spec["canary"]["workdir"]}, spec["roots"], code)
    audit_hook.install(rules, lambda _record: None, compiled=not python)


def attempt(spec: dict[str, Any]) -> dict[str, Any]:
    graceful = False
    try:
        found = importlib.util.spec_from_file_location("case", spec["module"])
        assert found is not None
        assert found.loader is not None
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
        sys.stdout.write("imported\n")
        sys.stdout.flush()  # what comes now is the attempt, and not a case that could not be read
        graceful = spec["graceful"]
        act = module.CASES[spec["case"]][1] if spec["case"] else module.attempt
        result = str(act(spec["canary"]))
        linger(result, getattr(module, "AFTER", 0), spec["canary"])
        return {"result": result, "graceful": graceful}
    except BaseException as refusal:
        return {"error": f"{type(refusal).__name__}: {refusal}", "graceful": graceful, **particulars(refusal)}


def particulars(refusal: BaseException) -> dict[str, Any]:
    """Return what tells which layer refused."""
    by, number = getattr(refusal, "enforced_by", None), getattr(refusal, "errno", None)
    return {"by": by} if by else {"errno": number} if isinstance(number, int) else {}


def linger(result: str, seconds: float, canary: dict[str, Any]) -> None:
    """Stay alive for what was left to happen after the attempt returned: a timer, a visitor from outside."""
    if result.startswith("PORT "):
        with open(canary["port_file"] + ".new", "w") as file:
            file.write(result.removeprefix("PORT "))
        os.rename(canary["port_file"] + ".new", canary["port_file"])
        seconds = 1
    time.sleep(seconds)


if __name__ == "__main__":
    main()
