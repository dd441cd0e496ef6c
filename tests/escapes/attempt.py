"""One attempt in a throwaway process: confine as asked, then import the case and try it. Not a test module.

Argument: a JSON file with mode (none, hook, kernel, full), module, case, canary, profile, grants, roots. Prints JSON.
The case is imported after the layers are in place, as a plugin is.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from typing import Any


def main() -> None:
    with open(sys.argv[1]) as file:
        spec = json.load(file)
    sys.path[:0] = [spec["loader"]]
    sys.path += spec["roots"]
    confine(spec)
    answer = attempt(spec)
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    if not answer.get("graceful"):
        os._exit(0)


def confine(spec: dict[str, Any]) -> None:
    if spec["mode"] == "none":
        return
    import ctypes  # noqa: F401 - what confinement leaves behind in a worker
    import subprocess  # noqa: F401

    from theodore_loader.permissions import Permission
    from theodore_loader.sandbox import audit_hook, interpreter, order
    from theodore_loader.sandbox.profile import Profile

    if spec["mode"] in ("kernel", "full"):
        order.confine(Profile.from_json(spec["profile"].encode()), parent=os.getppid())
    if spec["mode"] in ("hook", "full"):
        grants = [Permission.parse("filesystem", pattern) for pattern in spec["grants"]]
        code = (*interpreter.stdlib_paths(), spec["loader"])
        rules = audit_hook.hook_rules(grants, {"data": spec["canary"]["workdir"]}, spec["roots"], code)
        audit_hook.install(rules, lambda _record: None)


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
        graceful = spec["case"] == "last-words" or getattr(module, "GRACEFUL", False)
        act = module.CASES[spec["case"]][1] if spec["case"] else module.attempt
        result = str(act(spec["canary"]))
        linger(result, getattr(module, "AFTER", 0), spec["canary"])
        return {"result": result, "graceful": graceful}
    except BaseException as refusal:
        return {"error": f"{type(refusal).__name__}: {refusal}", "graceful": graceful}


def linger(result: str, seconds: float, canary: dict[str, Any]) -> None:
    """Stay alive for what was left to happen after the attempt returned: a timer, a visitor from outside."""
    if result.startswith("PORT "):
        with open(canary["port_file"] + ".new", "w") as file:
            file.write(result.removeprefix("PORT "))
        os.rename(canary["port_file"] + ".new", canary["port_file"])
        seconds = 2
    time.sleep(seconds)


main()
