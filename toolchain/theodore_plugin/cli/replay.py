"""Answer an unchanged question again without importing what computed the answer.

Importing the analysers takes longer than everything else an unchanged run has to do, so this module comes before
them and imports next to nothing. An answer is kept under the *question*: the arguments, the folder, the terminal's
shape, the interpreter, the program's own code. With it lie the *witnesses*: every file and folder the answer rests
on, each with a digest of its content (:mod:`theodore_plugin.survey.witness`). All of them are read and compared again
before an answer is repeated.

An answer that is damaged, too old in form, or writable by others is no answer; it is computed again. Nothing here
raises for what lies in the cache, and nothing in it is ever executed.
"""

from __future__ import annotations

import os
import stat
import sys

from theodore_plugin.cli.circumstances import circumstances
from theodore_plugin.survey.witness import Unwitnessed, checksum, hashed, holds, read_all

TYPE_CHECKING = False  # typing takes longer to import than this module
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from theodore_plugin.survey.witness import Witness

COMMAND = "permissions"
FOLDER = "answers"
FORM = b"theodore-plugin answer 1\n"
MAX_ENTRY_BYTES = 8 * 1024 * 1024
_DEBUG = "THEODORE_PLUGIN_DEBUG"
_HOME = "THEODORE_PLUGIN_HOME"


class Question:
    """One run's question and where its answer is kept."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.key = hashed(circumstances(arguments))
        self.folder = os.path.join(_cache_folder(), FOLDER)

    @property
    def path(self) -> str:
        """Where the answer is kept."""
        return os.path.join(self.folder, self.key)

    def answered(self) -> tuple[int, str, str] | None:
        """Return exit code, standard output and standard error of the same question, if nothing has changed."""
        entry = _load(self.path)
        if entry is None or entry[0] != self.key:
            return None
        _, code, witnesses, out, err = entry
        return (code, out, err) if all(map(holds, witnesses)) else None


def question(arguments: Sequence[str]) -> Question | None:
    """Return the question of a command line, or ``None`` if its answer is not to be kept or repeated."""
    if not arguments or arguments[0] != COMMAND or "--no-cache" in arguments or sys.stdout is None:
        return None
    if os.environ.get(_DEBUG, "") not in {"", "0"} or {"--help", "-h"} & set(arguments):
        return None
    try:
        return Question(arguments)
    except (OSError, Unwitnessed):
        return None


def repeat(asked: Question) -> int | None:
    """Print a kept answer and return its exit code, or ``None`` if there is none."""
    found = asked.answered()
    if found is None:
        return None
    code, out, err = found
    try:
        emit(out, err)
    except OSError as problem:
        from theodore_plugin.cli.ending import ending

        return ending(problem, debug=False)
    return code


def emit(out: str, err: str) -> None:
    """Print an answer; what standard output has no letter for becomes an escape."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.stdout.write(out)
    sys.stdout.flush()
    if err and sys.stderr is not None:
        sys.stderr.write(err)


def packed(key: str, code: int, witnesses: Iterable[Witness], out: str, err: str) -> bytes:
    """Return an answer as it is kept."""
    seen = b"".join(
        f"{kind}\0{path}\0{digest}\0".encode("utf-8", "surrogateescape") for kind, path, digest in witnesses
    )
    texts = out.encode("utf-8", "surrogatepass"), err.encode("utf-8", "surrogatepass")
    body = (
        b"%s %d %d %d %d\n" % (key.encode(), code, len(seen), len(texts[0]), len(texts[1])) + seen + texts[0] + texts[1]
    )
    return FORM + checksum(body).encode() + b"\n" + body


def _load(path: str) -> tuple[str, int, list[Witness], str, str] | None:
    try:
        data = _read_own(path)
        digest, body = data[len(FORM) : len(FORM) + 40], data[len(FORM) + 41 :]
        if not data.startswith(FORM) or checksum(body).encode() != digest:
            return None
        head, _, rest = body.partition(b"\n")
        key, *numbers = head.decode("ascii").split()
        code, seen, out, err = map(int, numbers)
        fields = rest[:seen].decode("utf-8", "surrogateescape").split("\0")[:-1]
        witnesses = list(zip(fields[0::3], fields[1::3], fields[2::3], strict=True))
        first = rest[seen : seen + out].decode("utf-8", "surrogatepass")
        return key, code, witnesses, first, rest[seen + out : seen + out + err].decode("utf-8", "surrogatepass")
    except (OSError, ValueError, Unwitnessed):
        return None


def _read_own(path: str) -> bytes:
    """Read a file of ours; one that others could have written is none."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        foreign = status.st_uid != os.geteuid() or status.st_mode & 0o022
        if foreign or not stat.S_ISREG(status.st_mode) or status.st_size > MAX_ENTRY_BYTES:
            raise Unwitnessed(path)
        return read_all(descriptor, status.st_size)
    finally:
        os.close(descriptor)


def _all(descriptor: int, size: int) -> bytes:
    data = os.read(descriptor, size + 1)
    while len(data) < size and (more := os.read(descriptor, size)):
        data += more
    return data


def _cache_folder() -> str:
    """Return the cache folder, as :func:`theodore_loader.paths.cache_dir` has it."""
    override = os.environ.get(_HOME)
    if override:
        return os.path.join(os.path.abspath(override), "cache")
    if sys.platform != "linux":
        from theodore_loader.paths import cache_dir

        return str(cache_dir())
    base = os.environ.get("XDG_CACHE_HOME", "")
    return os.path.join(base if base.strip() else os.path.expanduser("~/.cache"), "theodore-plugin")
