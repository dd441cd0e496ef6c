"""Run small programs and print the calls they make, named as call graphs name them.

Reads ``{program: {path: text}}`` as JSON from standard input; run as a script, in a process of its own. Code outside
a program is transparent: who is called back by a library is called by whoever called the library. Comprehensions
belong to what they are written in, and class bodies to whatever defines the class.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from pathlib import Path
from types import CodeType, FrameType

_TRANSPARENT = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
_NEW_LOCALS = 0x2


class Names:
    """Names of code objects of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lambdas: dict[tuple[str, int, int], str] = {}
        for path in sorted(folder.rglob("*.py")):
            self._number(compile(path.read_text(), str(path), "exec"))

    def _number(self, code: CodeType) -> None:
        inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        lambdas = [found for found in inner if found.co_name == "<lambda>"]
        for number, found in enumerate(sorted(lambdas, key=_place), start=1):
            self._lambdas[(found.co_filename, *_place(found))] = f"<lambda{number}>"
        for found in inner:
            self._number(found)

    def of(self, frame: FrameType | None) -> str | None:
        """Return the node a frame belongs to, or ``None`` for code outside the folder."""
        if frame is None or not frame.f_code.co_filename.startswith(str(self.folder)):
            return None
        code = frame.f_code
        module = ".".join(Path(code.co_filename).relative_to(self.folder).with_suffix("").parts)
        parts = [part for part in code.co_qualname.replace(".<locals>", "").split(".") if part not in _TRANSPARENT]
        if code.co_name == "<lambda>":
            parts[-1] = self._lambdas[(code.co_filename, *_place(code))]
        if not code.co_flags & _NEW_LOCALS:  # a module or the body of a class
            parts = parts[:-1]
        return ".".join([module.removesuffix(".__init__"), *parts])


def _place(code: CodeType) -> tuple[int, int]:
    return min((line, column or 0) for line, _, column, _ in code.co_positions() if line is not None and column)


def trace(files: dict[str, str]) -> list[tuple[str, str]]:
    """Run one program and return who called whom."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        return _run(folder)


def _run(folder: Path) -> list[tuple[str, str]]:
    names = Names(folder)
    found: set[tuple[str, str]] = set()

    def seen(frame: FrameType, event: str, _argument: object) -> None:
        callee = names.of(frame) if event == "call" and _is_callable(frame.f_code) else None
        if callee is not None:
            found.add((_caller(names, frame), callee))

    known = set(sys.modules)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    sys.setprofile(seen)
    try:
        importlib.import_module("main")
    finally:
        sys.setprofile(None)
        sys.path.pop(0)
        for name in set(sys.modules) - known:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
                del sys.modules[name]
    return sorted(found)


def _is_callable(code: CodeType) -> bool:
    return bool(code.co_flags & _NEW_LOCALS) and code.co_name not in _TRANSPARENT


def _caller(names: Names, frame: FrameType) -> str:
    above = frame.f_back
    while above is not None:
        name = names.of(above)
        if name is not None:
            return name
        above = above.f_back
    return "<nobody>"


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    json.dump({name: trace(files) for name, files in json.load(sys.stdin).items()}, sys.stdout)
