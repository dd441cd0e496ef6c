"""The throw-away environment a backend is installed into and runs in."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.sandbox import interpreter
from theodore_loader.sandbox.profile import MIB, Profile
from theodore_loader.sandbox.run import run_confined

_INSTALL_SECONDS = 900
_HOOK_SECONDS = 600
_TAIL_LINES = 25
_MAX_SUBPROCESSES = 8


class BackendFailed(ConfigurationProblem):
    """The build backend (or the installation of its requirements) failed; the message ends with its last output."""


class BuildEnvironment:
    """A virtual environment, implementing :class:`build.env.IsolatedEnv`.

    Installing requirements reaches the user's package index, wheels only. Running the backend reaches nothing: no
    network, no other program than ``programs`` (names in the environment), and only the folders named in ``writable``
    can be written. ``epoch`` is the time the build is told, in seconds since 1970.
    """

    def __init__(self, scratch: Path, writable: Sequence[Path], programs: Sequence[str], epoch: int) -> None:
        self._root = scratch / "environment"
        self._programs = programs
        self._home = scratch / "home"
        self._writable = writable
        self._epoch = epoch
        self._home.mkdir()
        venv.EnvBuilder(symlinks=True, with_pip=False).create(self._root)

    @property
    def python_executable(self) -> str:
        """The interpreter of the environment."""
        return str(self._root / "bin" / "python")

    def make_extra_environ(self) -> Mapping[str, str]:
        """Return nothing extra: :meth:`run_hook` gives the backend its whole environment."""
        return {}

    def install(self, requirements: Sequence[str]) -> None:
        """Install PEP 508 requirements from the user's index, wheels only."""
        if not requirements:
            return
        argv = [sys.executable, "-P", "-m", "pip", "--python", self.python_executable, "install", "--only-binary"]
        argv += [":all:", "--no-input", "--no-compile", "--disable-pip-version-check", "--no-warn-script-location"]
        try:
            done = subprocess.run(
                [*argv, "--", *requirements],
                cwd=self._home, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise BackendFailed(f"pip did not finish within {_INSTALL_SECONDS} s", help="check the network") from None
        if done.returncode:
            raise BackendFailed(
                f"the build requirements {', '.join(requirements)} cannot be installed:\n{_tail(done.stderr)}",
                help="check the network and `pip config list`",
            )

    def run_hook(
        self, cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None
    ) -> None:
        """Run one backend hook in the sandbox; the signature is :class:`pyproject_hooks.SubprocessRunner`'s."""
        done = run_confined(
            list(cmd), self._profile(exchange=Path(cmd[-1]), script=Path(cmd[1])),
            cwd=cwd or self._home, env={**self._environment(), **(extra_environ or {})}, timeout=_HOOK_SECONDS,
        )  # fmt: skip
        if done.timed_out or done.returncode:
            what = f"did not finish within {_HOOK_SECONDS} s" if done.timed_out else f"ended with {done.returncode}"
            output = (done.stdout + b"\n" + done.stderr).decode("utf-8", "replace")
            raise BackendFailed(
                f"the build backend {what}:\n{_tail(output)}", help="`python -m build --wheel` shows the whole output"
            )

    def _profile(self, exchange: Path, script: Path) -> Profile:
        writable = [exchange, self._home, *self._writable]
        return Profile(
            read=(*interpreter.read_paths(self.python_executable), str(self._root), str(script.parent)),
            write=tuple(str(path) for path in writable),
            execute=tuple(str(self._root / "bin" / name) for name in self._programs),
            subprocesses=_MAX_SUBPROCESSES if self._programs else 0,
            memory_bytes=2048 * MIB,
            open_files=256,
            file_bytes=256 * MIB,
            metadata_changes="ignore",
            allow_weaker=True,
        )

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": str(self._home),
            "TMPDIR": str(self._home),
            "PATH": f"{self._root / 'bin'}{os.pathsep}{os.defpath}",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "SOURCE_DATE_EPOCH": str(self._epoch),
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
        }


def _tail(output: str) -> str:
    return "\n".join([line for line in output.splitlines() if line.strip()][-_TAIL_LINES:])
