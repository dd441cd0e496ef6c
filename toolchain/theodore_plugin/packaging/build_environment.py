"""The throw-away environment a backend is installed into and runs in: without network from its first moment."""

from __future__ import annotations

import os
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

from theodore_loader.sandbox import interpreter
from theodore_loader.sandbox.profile import MIB, Profile
from theodore_loader.sandbox.run import run_confined
from theodore_plugin.packaging.circumstances import USUAL, Circumstances
from theodore_plugin.packaging.facts import BuildRequirement
from theodore_plugin.packaging.pip_settings import SYSTEM_NAMES
from theodore_plugin.packaging.wheelhouse import BackendFailed, Wheelhouse, tail

__all__ = ["BackendFailed", "BuildEnvironment"]

_INSTALL_SECONDS = 900
_HOOK_SECONDS = 600
_MAX_SUBPROCESSES = 8


class BuildEnvironment:
    """A virtual environment, implementing :class:`build.env.IsolatedEnv`.

    Only the wheelhouse reaches the user's package index, and only while requirements are fetched. Installing them and
    running the backend reach nothing: no network, no other program than ``programs`` (names in the environment), and
    only the folders named in ``writable`` can be written. ``epoch`` is the time the build is told, in seconds since
    1970; ``used`` is what was installed so far.
    """

    def __init__(
        self,
        scratch: Path,
        writable: Sequence[Path],
        programs: Sequence[str],
        epoch: int,
        wheelhouse: Wheelhouse,
        circumstances: Circumstances = USUAL,
    ) -> None:
        self.used: tuple[BuildRequirement, ...] = ()
        self._root = scratch / "environment"
        self._programs = programs
        self._home = scratch / "home"
        self._writable = writable
        self._epoch = epoch
        self._wheelhouse = wheelhouse
        self._circumstances = circumstances
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
        """Install PEP 508 requirements from the user's index, wheels only. Raises :class:`BackendFailed`."""
        fetched = self._wheelhouse.fetch(requirements, self.used)
        new = [requirement for requirement in fetched if requirement not in self.used]
        if not new:
            return
        wheels = self._wheelhouse.paths(new)
        from uv import find_uv_bin

        argv = [
            find_uv_bin(),
            "pip",
            "install",
            "--python",
            self.python_executable,
            "--offline",
            "--no-index",
            "--no-deps",
        ]
        argv += ["--no-config", "--no-cache", "--link-mode", "copy", "--color", "never"]
        done = run_confined(
            [*argv, "--", *map(str, wheels)], self._installer_profile(wheels),
            cwd=self._home, env=self._environment(), timeout=_INSTALL_SECONDS,
        )  # fmt: skip
        if done.timed_out or done.returncode:
            names = ", ".join(requirement.filename for requirement in new)
            output = tail(done.stderr.decode("utf-8", "replace"))
            raise BackendFailed(f"the build requirements {names} cannot be installed:\n{output}", help="see above")
        for program in self._programs:  # modes are not set inside the sandbox
            if (path := self._root / "bin" / program).is_file():
                path.chmod(0o755)
        self.used = tuple(sorted({*self.used, *new}))

    def run_hook(
        self, cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None
    ) -> None:
        """Run one backend hook in the sandbox; the signature is :class:`pyproject_hooks.SubprocessRunner`'s."""
        done = run_confined(
            list(cmd), self._hook_profile(exchange=Path(cmd[-1]), script=Path(cmd[1])),
            cwd=cwd or self._home, env={**self._environment(), **(extra_environ or {})}, timeout=_HOOK_SECONDS,
        )  # fmt: skip
        if done.timed_out or done.returncode:
            what = f"did not finish within {_HOOK_SECONDS} s" if done.timed_out else f"ended with {done.returncode}"
            output = (done.stdout + b"\n" + done.stderr).decode("utf-8", "replace")
            raise BackendFailed(
                f"the build backend {what}:\n{tail(output)}", help="`python -m build --wheel` shows the whole output"
            )

    def _installer_profile(self, wheels: Sequence[Path]) -> Profile:
        interpreters = (*interpreter.read_paths(), *interpreter.read_paths(self.python_executable))
        return Profile(
            read=(*interpreters, *SYSTEM_NAMES, *map(str, wheels)),
            write=(str(self._root), str(self._home), os.devnull),
            execute=(self.python_executable,),
            subprocesses=_MAX_SUBPROCESSES,  # uv asks the environment's interpreter what it is
            memory_bytes=1024 * MIB,
            open_files=256,
            file_bytes=512 * MIB,
            metadata_changes="ignore",
            symlinks=True,
            allow_weaker=True,
        )

    def _hook_profile(self, exchange: Path, script: Path) -> Profile:
        writable = [exchange, self._home, *self._writable]
        return Profile(
            read=(*interpreter.read_paths(self.python_executable), str(self._root), str(script.parent)),
            write=tuple(str(path) for path in writable),
            execute=tuple(str(self._root / "bin" / name) for name in self._programs),
            subprocesses=_MAX_SUBPROCESSES if self._programs else 0,
            memory_bytes=2048 * MIB,
            open_files=256,
            file_bytes=256 * MIB,
            umask=self._circumstances.umask,
            metadata_changes="ignore",
            allow_weaker=True,
        )

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": str(self._home),
            "TMPDIR": str(self._home),
            "PATH": f"{self._root / 'bin'}{os.pathsep}{os.defpath}",
            "LC_ALL": self._circumstances.locale,
            "LANG": self._circumstances.locale,
            "PYTHONUTF8": "1",  # a locale decides on nothing but messages
            "TZ": self._circumstances.time_zone,
            "SOURCE_DATE_EPOCH": str(self._epoch),
            "PYTHONHASHSEED": str(self._circumstances.hash_seed),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
