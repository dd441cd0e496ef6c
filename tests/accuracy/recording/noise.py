"""What is seen at run time and is no permission of the package: each rule says why."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from recording.events import Act
from recording.frames import Attribution, Kind

EXECUTORS = frozenset({"runpy.py", "code.py", "codeop.py", "timeit.py", "pickle.py"})
"""Modules of the standard library that run what their caller hands them."""
SOURCE_READERS = frozenset({"linecache.py", "tokenize.py", "traceback.py", "inspect.py", "warnings.py", "pdb.py"})
"""They read source files to print them."""
ENVIRONMENT_FORWARDERS = frozenset({("posixpath.py", "expandvars"), ("getpass.py", "getuser")})
"""Functions documented to give out the environment; the rest of the library reads it for itself."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Folders by the name they get in a label, longest first."""

    names: Mapping[str, str]

    def labelled(self, path: str) -> str:
        """Replace the machine's part of a path."""
        for folder, name in self.names.items():
            if path == folder or path.startswith(folder + "/"):
                return name + _TEMPORARY.sub("tmp*", path[len(folder) :])
        return path


_TEMPORARY = re.compile(r"tmp[a-z0-9_]{8}")
"""Names that ``tempfile`` makes up: they would make every label file different."""
GRANTED = ("{package}", "{site}", "{stdlib}", "/dev/null", "/dev/urandom")
"""What every plugin may read without asking: itself, its dependencies, Python, and nothing (nor is ``<string>``,
which a syntax error is looked up in, a file)."""


def is_noise(act: Act, who: Attribution) -> bool:
    """Whether an act is the interpreter's or the standard library's own, or needs no permission."""
    if act.permission == "filesystem":
        granted = act.access == "read" and (act.value.startswith(GRANTED) or act.value.endswith(">"))
        return granted or _is_machinery(who) or who.nearest.path in SOURCE_READERS
    if act.permission == "dynamic_code" and act.access == "execute":
        # namedtuple, dataclasses, enum, ast.parse, importlib: made of the standard library's own text
        return _is_machinery(who) or (who.nearest.kind is Kind.STANDARD and who.nearest.path not in EXECUTORS)
    if act.permission == "environment" and act.access == "read":
        forwarded = (who.nearest.path, who.nearest_function) in ENVIRONMENT_FORWARDERS
        return _is_machinery(who) or (who.nearest.kind is Kind.STANDARD and not forwarded)
    return act == Act("native", "load", "")  # ctypes opens the interpreter itself when it is imported


def _is_machinery(who: Attribution) -> bool:
    return who.nearest.kind is Kind.MACHINERY or who.nearest.path.startswith(("importlib/", "pkgutil.py"))


def is_standard_module(name: str) -> bool:
    """Whether a module's absence at run time says nothing about the package (C code imports ``_strptime``)."""
    return name.split(".")[0] in sys.stdlib_module_names
