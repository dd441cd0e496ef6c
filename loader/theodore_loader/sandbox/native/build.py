"""Compile the audit hook: ``python -m theodore_loader.sandbox.native.build`` builds it beside its source.

One call of the compiler that this Python was built with (or of ``CC``), all files as one, so that small functions of
one are part of another's; the build backend (``hatch_build.py``) makes the same call when the package is built.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from theodore_loader.sandbox.native import source

SWITCH = "THEODORE_PLUGIN_NO_EXTENSION"
"""Set to 1, no extension is built."""

_LONGEST_COMPILATION = 120.0
_HARDENING = ("-fstack-protector-strong", "-D_FORTIFY_SOURCE=2", "-fvisibility=hidden", "-fno-strict-aliasing")
_LINKING = {"linux": ("-Wl,-z,relro,-z,now",), "darwin": ("-undefined", "dynamic_lookup")}


class NotBuilt(Exception):
    """No extension, and why, in one line; the Python hook will run."""


def file_name() -> str:
    """Return the compiled file's name for this Python."""
    return f"_hook{sysconfig.get_config_var('EXT_SUFFIX')}"


def build(folder: str | os.PathLike[str], extra: Sequence[str] = ()) -> Path:
    """Compile into ``folder`` and return the file.

    Args:
        folder: where the compiled file goes.
        extra: further flags for the compiler.

    Raises:
        NotBuilt: there is no compiler or no ``Python.h``, the compiler failed, or this Python is not supported.

    """
    _require()
    target = Path(folder).absolute() / file_name()
    unfinished = target.with_suffix(f".{os.getpid()}.new")
    command = [*_compiler(), *_flags(), *extra, "-o", str(unfinished), "-x", "c", "-"]
    try:
        done = subprocess.run(
            command,
            cwd=source.FOLDER,
            input="".join(f'#include "{name}"\n' for name in source.names() if name.endswith(".c")),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LONGEST_COMPILATION,
            check=False,
        )
        if done.returncode:
            raise NotBuilt(f"the compiler failed: {' / '.join(done.stderr.strip().splitlines()[-3:])}")
        unfinished.replace(target)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise NotBuilt(f"the compiler cannot be run: {problem}") from problem
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def _require() -> None:
    if os.environ.get(SWITCH, "") not in ("", "0"):
        raise NotBuilt(f"{SWITCH} is set")
    if sys.implementation.name != "cpython" or sys.platform not in _LINKING:
        raise NotBuilt(f"not supported on {sys.implementation.name} for {sys.platform}")
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise NotBuilt("not supported on a free-threaded Python")
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        raise NotBuilt("Python.h is not installed")


def _compiler() -> list[str]:
    named = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    for command in (shlex.split(named), ["cc"]):
        if command and shutil.which(command[0]):
            return command
    raise NotBuilt("no C compiler was found")


def _flags() -> list[str]:
    include = {sysconfig.get_path("include"), sysconfig.get_path("platinclude")}
    language = ["-std=c11", "-D_GNU_SOURCE", "-DNDEBUG", "-O3", "-Wall", "-Wextra", "-fPIC", "-shared"]
    digest = f'-DSOURCE_DIGEST="{source.digest()}"'
    return [*language, *_HARDENING, *_LINKING[sys.platform], digest, *(f"-I{folder}" for folder in sorted(include))]


def main() -> int:
    """Build in place and say what happened; 1 when nothing was built."""
    try:
        print(build(source.FOLDER))  # noqa: T201
    except NotBuilt as reason:
        print(f"the audit hook's extension was not built: {reason}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
