"""Answer an unchanged question again without importing what computed the answer.

Importing the analysers takes longer than everything else an unchanged run has to do, so this module comes before
them and imports next to nothing. An answer is kept under the *question*: the arguments, the folder, the terminal's
shape, the interpreter, the program's own code. With it lie the *witnesses*: every file and folder the answer rests
on, each with a digest of its content (:mod:`theodore_plugin.survey.witness`). All of them are read and compared again
before an answer is repeated, and no answer outlives the day or the vulnerability data it rests on.

An answer that is damaged, past its time, or writable by others is no answer; it is computed again. Nothing here
raises for what lies in the cache, and nothing in it is ever executed.
"""

from __future__ import annotations

import os
import sys
import time

from theodore_plugin.cli.circumstances import circumstances
from theodore_plugin.store.entry import Damaged, place, read
from theodore_plugin.survey.witness import Unwitnessed, hashed, holds

TYPE_CHECKING = False  # typing takes longer to import than this module
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from theodore_plugin.survey.witness import Witness

COMMANDS = frozenset({"permissions", "check"})
FOLDER = "answers"
FORM = b"theodore-plugin answer 2\n"
_DEBUG = "THEODORE_PLUGIN_DEBUG"
_HOME = "THEODORE_PLUGIN_HOME"


class Answer:
    """Everything one run said: the exit code, both streams, and the files it wrote."""

    def __init__(
        self,
        code: int,
        out: str,
        err: str,
        files: Sequence[tuple[str, str]] = (),
        *,
        expires: int | None = None,
    ) -> None:
        self.code = code
        self.out = out
        self.err = err
        self.files = list(files)
        """Absolute path and text of each."""
        self.expires = expires
        """When it is no longer good (seconds since the epoch); ``None`` for as long as nothing changes."""


class Question:
    """One run's question and where its answer is kept."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.key = hashed(circumstances(arguments))
        self.folder = os.path.join(_cache_folder(), FOLDER)

    @property
    def path(self) -> str:
        """Where the answer is kept."""
        return place(self.folder, self.key)

    def answered(self) -> Answer | None:
        """Return the answer to the same question, if nothing has changed."""
        try:
            key, witnesses, answer = unpacked(read(self.path))
        except (OSError, ValueError):
            return None
        past = answer.expires is not None and time.time() >= answer.expires
        return answer if key == self.key and not past and all(map(holds, witnesses)) else None


def question(arguments: Sequence[str]) -> Question | None:
    """Return the question of a command line, or ``None`` if its answer is not to be kept or repeated."""
    if not arguments or arguments[0] not in COMMANDS or "--no-cache" in arguments or sys.stdout is None:
        return None
    if os.environ.get(_DEBUG, "") not in {"", "0"} or {"--help", "-h"} & set(arguments):
        return None
    try:
        return Question(arguments)
    except (OSError, Unwitnessed):
        return None


def repeat(asked: Question) -> int | None:
    """Print a kept answer, write its files, and return its exit code; ``None`` if there is none."""
    found = asked.answered()
    if found is None:
        return None
    try:
        for path, text in found.files:
            _write_whole(path, text)
        emit(found.out, found.err)
    except OSError as problem:
        from theodore_plugin.cli.ending import ending

        return ending(problem, debug=False)
    return found.code


def emit(out: str, err: str) -> None:
    """Print an answer; what standard output has no letter for becomes an escape."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.stdout.write(out)
    sys.stdout.flush()
    if err and sys.stderr is not None:
        sys.stderr.write(err)


def packed(key: str, witnesses: Iterable[Witness], answer: Answer) -> bytes:
    """Return an answer as it is kept: a line of numbers, and behind it every text with its length in that line."""
    seen = [text for item in witnesses for text in item]
    written = [text for item in answer.files for text in item]
    texts = [_bytes(text) for text in (key, answer.out, answer.err, *seen, *written)]
    numbers = (answer.code, answer.expires or 0, len(seen), len(written), *map(len, texts))
    return FORM + " ".join(map(str, numbers)).encode() + b"\n" + b"".join(texts)


def unpacked(data: bytes) -> tuple[str, list[Witness], Answer]:
    """Return key, witnesses and answer. Raises ValueError for what is none."""
    head, _, rest = data[len(FORM) :].partition(b"\n")
    code, expires, seen, _written, *lengths = map(int, head.decode("ascii").split())
    if not data.startswith(FORM) or len(lengths) < 3 or sum(lengths) != len(rest):
        raise Damaged("not an answer")
    texts, start = [], 0
    for length in lengths:
        texts.append(rest[start : start + length].decode("utf-8", "surrogatepass"))
        start += length
    witnesses, files = texts[3 : 3 + seen], texts[3 + seen :]
    answer = Answer(code, texts[1], texts[2], list(zip(files[::2], files[1::2], strict=True)), expires=expires or None)
    return texts[0], list(zip(witnesses[::3], witnesses[1::3], witnesses[2::3], strict=True)), answer


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _write_whole(path: str, text: str) -> None:
    path = os.path.realpath(path)  # what a symbolic link points at today, as when the file was written first
    scratch = f"{path}.{os.getpid()}.writing"
    # exclusively: whoever could guess the name and put a link there would have us write somewhere else
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o644)
    try:
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.write(text)
        os.replace(scratch, path)
    except BaseException:
        os.unlink(scratch)
        raise


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
