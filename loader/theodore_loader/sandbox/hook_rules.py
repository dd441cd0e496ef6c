"""What the audit hook knows: prefixes, compiled patterns and flags, computed once from grants."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from theodore_loader.permissions import Permission
from theodore_loader.sandbox.interpreter import CERTIFICATES, SYSTEM_FILES
from theodore_sdk.info import PermissionType

Match = Callable[[str], object]
"""A compiled pattern's ``fullmatch``: C code that nothing in Python can replace."""


class Wild(IntEnum):
    """The parts of a pattern that are not literal text; the C hook knows them by number (``native/hook.h``)."""

    WITHIN = 0  # any characters of one component
    COMPONENT = 1  # a whole component
    SOMETHING = 2  # anything, but not nothing; ends a pattern, as do the next two
    ANYTHING = 3
    BELOW = 4  # a folder itself and everything below it


_EXPRESSIONS = {
    Wild.WITHIN: "[^/]*",
    Wild.COMPONENT: "[^/]+",
    Wild.SOMETHING: ".+",
    Wild.ANYTHING: ".*",
    Wild.BELOW: "(?:/.*)?",
}

Glob = tuple[str | Wild, ...]
"""A pattern taken apart: what both hooks are given, so that they cannot understand it differently."""

_CODE_MAKERS = (
    *("collections/__init__.py", "dataclasses.py", "enum.py", "typing.py", "types.py", "inspect.py", "ast.py"),
    *("functools.py", "gettext.py", "annotationlib.py", "importlib/_bootstrap.py", "importlib/_bootstrap_external.py"),
    *("importlib/util.py", "zipimport.py", "linecache.py", "traceback.py"),
)
IMPORTERS = frozenset({"<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>"})
"""Callers that run the code of modules."""
_FROZEN_MAKERS = (*IMPORTERS, "<frozen zipimport>")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
"""Flags of ``open`` with which a file may be changed or made."""
_SYSTEM_FOLDERS = ("", *(f"{root}/{name}/" for root in ("", "/usr", "/usr/local") for name in ("bin", "sbin")))
"""``programs.SEARCH_FOLDERS``, where a granted bare name may be; which file that is, Landlock knows exactly."""

_NOTHING = re.compile(r"(?!)")


class Patterns:
    """Patterns of one kind: ``globs`` for the C hook, ``match`` for the Python one."""

    __slots__ = ("globs",)

    def __init__(self, globs: Iterable[Glob] = ()) -> None:
        self.globs = tuple(globs)

    @property
    def match(self) -> Match:
        """Tells whether a text matches. Compiled when asked for: a worker with the C hook never does."""
        alternatives = "|".join(f"(?:{expression(glob)})" for glob in self.globs)
        return re.compile(alternatives, re.DOTALL).fullmatch if alternatives else _NOTHING.fullmatch


@dataclass(frozen=True, slots=True)
class HookRules:
    """The hook's data, immutable all the way down.

    Attributes:
        own: prefixes (ending in ``/``) of the plugin's own files; used for locations.
        dependencies: prefixes of its locked dependencies: they may make code, and it is logged.
        silent: prefixes that are read without a record: code, standard library, certificates, time zones.
        silent_files: single files of the same kind.
        reads: matches absolute paths that may be read.
        writes: matches absolute paths that may be written.
        programs: matches programs that may be run.
        any_program: some program is granted, so processes may be made.
        environment: matches variables that may be set.
        native: matches native modules that may be imported.
        any_native: some native code is granted, so foreign functions are no secret any more: they are not policed.
        dynamic_code: code may be made from text.
        code_makers: files (of the standard library) whose own use of ``exec`` is no act of the plugin.

    """

    own: tuple[str, ...]
    dependencies: tuple[str, ...]
    silent: tuple[str, ...]
    silent_files: frozenset[str]
    reads: Patterns
    writes: Patterns
    programs: Patterns
    any_program: bool
    environment: Patterns
    native: Patterns
    any_native: bool
    dynamic_code: bool
    code_makers: frozenset[str]


def hook_rules(
    grants: Sequence[Permission],
    folders: Mapping[str, str],
    plugin_roots: Sequence[str],
    stdlib_roots: Sequence[str],
) -> HookRules:
    """Compute the hook's rules.

    Args:
        grants: the permissions granted to the plugin.
        folders: its own folders by name (``data``, ``cache``, ``tmp``).
        plugin_roots: the folder of the plugin's own modules first, then those of its dependencies.
        stdlib_roots: the standard library and whatever else the worker itself imports from.

    """
    own, dependencies = _prefixes(plugin_roots[:1]), _prefixes(plugin_roots[1:])
    system = (*SYSTEM_FILES, *CERTIFICATES)
    code = (*plugin_roots, *stdlib_roots)
    return HookRules(
        own=own,
        dependencies=dependencies,
        # Few prefixes, for each costs every open: a file needs none, and what is not there needs nothing.
        silent=_prefixes((*code, *(path for path in system if os.path.isdir(path)))),  # noqa: PTH112
        silent_files=frozenset(path.rstrip("/") for path in (*code, *system)) | {"/dev/null"},
        reads=_paths(grants, folders, write=False),
        writes=_paths(grants, folders, write=True),
        programs=_names(grants, PermissionType.SUBPROCESS, before=_SYSTEM_FOLDERS),
        any_program=_has(grants, PermissionType.SUBPROCESS),
        environment=_names(grants, PermissionType.ENVIRONMENT),
        native=_names(grants, PermissionType.NATIVE),
        any_native=_has(grants, PermissionType.NATIVE),
        dynamic_code=_has(grants, PermissionType.DYNAMIC_CODE),
        code_makers=frozenset(f"{root.rstrip('/')}/{name}" for root in stdlib_roots for name in _CODE_MAKERS)
        | frozenset(_FROZEN_MAKERS),
    )


def group_leader(rules: HookRules) -> bool:
    """Say whether this process's group is its children and nobody else's, so that it may signal them."""
    return rules.any_program and hasattr(os, "getpgid") and os.getpgid(0) == os.getpid()


def _prefixes(roots: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(root.rstrip("/") + "/" for root in roots if root))


def _paths(grants: Iterable[Permission], folders: Mapping[str, str], *, write: bool) -> Patterns:
    wanted = (grant for grant in grants if grant.type is PermissionType.FILE_SYSTEM and (grant.writes or not write))
    return Patterns(path_glob(grant.pattern, folders) for grant in wanted)


def _names(grants: Iterable[Permission], kind: PermissionType, before: Sequence[str] = ("",)) -> Patterns:
    wanted = [grant.pattern for grant in grants if grant.type is kind]
    return Patterns(
        name_glob(pattern, folder) for pattern in wanted for folder in (before if "/" not in pattern else ("",))
    )


def _has(grants: Iterable[Permission], kind: PermissionType) -> bool:
    return any(grant.type is kind for grant in grants)


def path_glob(pattern: str, folders: Mapping[str, str]) -> Glob:
    """Take a filesystem pattern in normal form apart; it is for absolute paths in normal form."""
    if pattern == "*":
        return ("/", Wild.ANYTHING)
    path = pattern.partition(":")[2]
    if path.startswith("{"):
        name, _, rest = path[1:].partition("}")
        base = os.path.normpath(folders[name])
    else:
        base, rest = "", path
    deep = rest.endswith("/**")
    parts: list[str | Wild] = [base]
    for number, component in enumerate((rest.removesuffix("/**") if deep else rest).split("/")):
        parts += ["/"] if number else []
        parts += [Wild.COMPONENT] if component == "*" else _starred(component)  # "/*" is not the root itself
    return _joined([*parts, Wild.BELOW] if deep else parts)


def name_glob(pattern: str, before: str = "") -> Glob:
    """Take a name pattern in normal form apart: a star never reaches across ``/``."""
    return _joined([before, Wild.SOMETHING] if pattern == "*" else [before, *_starred(pattern)])


def _starred(text: str) -> list[str | Wild]:
    parts: list[str | Wild] = []
    for number, literal in enumerate(text.split("*")):
        parts += [Wild.WITHIN, literal] if number else [literal]
    return parts


def _joined(parts: Iterable[str | Wild]) -> Glob:
    """Join neighbouring literals; a part is either one literal or one wild."""
    joined: list[str | Wild] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return tuple(joined)


def expression(glob: Glob) -> str:
    """Return a pattern as a regular expression, for ``re.DOTALL`` and ``fullmatch``."""
    return "".join(re.escape(part) if isinstance(part, str) else _EXPRESSIONS[part] for part in glob)
