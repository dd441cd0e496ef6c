"""What the audit hook knows: prefixes, compiled patterns and flags, computed once from grants."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from theodore_loader.permissions import Permission
from theodore_loader.sandbox.interpreter import CERTIFICATES, SYSTEM_FILES
from theodore_sdk.info import PermissionType

Match = Callable[[str], object]
"""A compiled pattern's ``fullmatch``: C code that nothing in Python can replace."""

_CODE_MAKERS = (
    *("collections/__init__.py", "dataclasses.py", "enum.py", "typing.py", "types.py", "inspect.py", "ast.py"),
    *("functools.py", "gettext.py", "annotationlib.py", "importlib/_bootstrap.py", "importlib/_bootstrap_external.py"),
    *("importlib/util.py", "zipimport.py", "linecache.py", "traceback.py"),
)
_FROZEN_MAKERS = ("<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>", "<frozen zipimport>")
_SYSTEM_FOLDERS = "(?:(?:/usr|/usr/local)?/s?bin/)?"
"""``programs.SEARCH_FOLDERS``, where a granted bare name may be; which file that is, Landlock knows exactly."""

_NOTHING = re.compile(r"(?!)")


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
    reads: Match
    writes: Match
    programs: Match
    any_program: bool
    environment: Match
    native: Match
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


def _prefixes(roots: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(root.rstrip("/") + "/" for root in roots if root))


def _paths(grants: Iterable[Permission], folders: Mapping[str, str], *, write: bool) -> Match:
    wanted = (grant for grant in grants if grant.type is PermissionType.FILE_SYSTEM and (grant.writes or not write))
    return _any_of(path_expression(grant.pattern, folders) for grant in wanted)


def _names(grants: Iterable[Permission], kind: PermissionType, before: str = "") -> Match:
    wanted = [grant.pattern for grant in grants if grant.type is kind]
    return _any_of(name_expression(name) if "/" in name else before + name_expression(name) for name in wanted)


def _has(grants: Iterable[Permission], kind: PermissionType) -> bool:
    return any(grant.type is kind for grant in grants)


def path_expression(pattern: str, folders: Mapping[str, str]) -> str:
    """Return a filesystem pattern in normal form as a regular expression over absolute, normal paths."""
    if pattern == "*":
        return "/.*"
    path = pattern.partition(":")[2]
    if path.startswith("{"):
        name, _, rest = path[1:].partition("}")
        base = os.path.normpath(folders[name])
    else:
        base, rest = "", path
    deep = rest.endswith("/**")
    literal = rest.removesuffix("/**") if deep else rest
    body = re.escape(base) + "/".join(_component_expression(part) for part in literal.split("/"))
    return body + "(?:/.*)?" if deep else body


def _component_expression(part: str) -> str:
    """Return one component as a regular expression; a component is never empty, so ``/*`` is not the root itself."""
    return "[^/]+" if part == "*" else "[^/]*".join(re.escape(literal) for literal in part.split("*"))


def name_expression(pattern: str) -> str:
    """Return a name pattern in normal form as a regular expression: a star never reaches across ``/``."""
    if pattern == "*":
        return ".+"
    return "[^/]*".join(re.escape(part) for part in pattern.split("*"))


def _any_of(expressions: Iterable[str]) -> Match:
    alternatives = "|".join(f"(?:{expression})" for expression in expressions)
    return re.compile(alternatives, re.DOTALL).fullmatch if alternatives else _NOTHING.fullmatch
