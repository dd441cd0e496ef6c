"""The project's text besides its Python source: settings, data, documentation, tests, tools.

What is shipped and what only lies beside it are kept apart, because a secret in one is everybody's and in the other
perhaps only the author's. Files are read once, in path order, within the bounds below; what is left out is listed
with its reason.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Mapping

from theodore_plugin.project.model import SkippedFile, TextFile

MAX_TEXT_BYTES = 512 * 1024
"""A larger file is data; nobody wrote it by hand."""
MAX_TEXTS = 2_000
MAX_ALL_TEXTS_BYTES = 16 * 1024 * 1024
TOO_MANY = f"beyond the first {MAX_TEXTS} files or {MAX_ALL_TEXTS_BYTES // 2**20} MiB of text"
UNREADABLE = "cannot be read"
_SNIFFED_BYTES = 8192

Reader = Callable[[str], bytes | None]
"""Gives a file's content, or ``None`` if it cannot be read."""


def texts_of(
    paths: Iterable[str], read: Reader, shipped: Mapping[str, bytes]
) -> tuple[tuple[TextFile, ...], tuple[SkippedFile, ...]]:
    """Return the text files among ``paths``, and those left out; ``shipped`` are contents that were read already."""
    texts: list[TextFile] = []
    skipped: list[SkippedFile] = []
    room = MAX_ALL_TEXTS_BYTES
    for path in sorted(paths):
        if room <= 0 or len(texts) >= MAX_TEXTS:
            skipped.append(SkippedFile(path, TOO_MANY))
            continue
        data = shipped[path] if path in shipped else read(path)
        reason = _unfit(data)
        if data is None or reason:
            skipped.append(SkippedFile(path, reason))
        else:
            texts.append(TextFile.of(path, data, shipped=path in shipped))
            room -= len(data)
    return tuple(texts), tuple(skipped)


def _unfit(data: bytes | None) -> str:
    if data is None:
        return UNREADABLE
    if len(data) > MAX_TEXT_BYTES:
        return f"larger than {MAX_TEXT_BYTES // 1024} KiB"
    return "not text" if is_binary(data) else ""


def is_binary(data: bytes) -> bool:
    """Whether bytes are no text: a NUL near the beginning, where no byte order mark explains it."""
    return b"\0" in data[:_SNIFFED_BYTES] and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def decoded(data: bytes) -> str:
    """Return a file's text: by its byte order mark, else as UTF-8; what does not decode becomes U+FFFD."""
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    return data.decode("utf-8", "replace")
