"""Layer 10: the audit hook (PEP 578). The kernel is the wall; this is the policeman in front of it.

It gives precise errors with the plugin's own line, knows patterns the kernel cannot (``*.json``), writes the access
log, and refuses what no kernel layer sees: tracing, code made from text, reaching into the interpreter. It is Python,
and Python that runs in the same process can be attacked; CPython documents that audit hooks are no sandbox. Hardening:

* the hook and the functions it calls are copies with empty globals and no builtins, their data are default arguments
  in immutable tuples: patched modules, ``sys.modules`` and builtins change nothing, shutdown does not disarm it;
* no closures, whose cells a traceback's ``f_locals`` can write since Python 3.13;
* exact types only, no ``realpath``, no state that a second thread could find set;
* an exception inside it refuses the act;
* setting ``__code__``, tracing, ``gc.get_objects``, further hooks and sub-interpreters are refused;
* :func:`install` proves by a sentinel event that no earlier hook vetoed it.
"""

from __future__ import annotations

import os
import pathlib
import secrets
import sys
import time
from collections.abc import Callable
from types import FunctionType
from typing import Any

from theodore_loader.errors import TierUnavailable
from theodore_loader.sandbox import hook_decisions as decisions
from theodore_loader.sandbox import hook_events as events
from theodore_loader.sandbox import leftovers
from theodore_loader.sandbox.access import AccessRecord
from theodore_loader.sandbox.hook_rules import HookRules, hook_rules
from theodore_sdk.errors import PluginPermissionError

__all__ = ["HookRules", "hook_rules", "install"]

SENTINEL = "theodore_loader.sandbox.sentinel"
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_MOST_REMEMBERED = 4096
_IMPORTERS = frozenset({"<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>"})


class NativeImportDeniedError(PluginPermissionError, ImportError):
    """Native code is not granted. Also an ``ImportError``, so that optional accelerators stay optional."""


def install(rules: HookRules, report: Callable[[AccessRecord], None]) -> None:
    """Police this interpreter from here on; there is no way back.

    ``report`` gets every decision on a permissioned resource, granted or not. It runs inside the hook: it must be
    quick, must not block and must not perform audited acts. What it raises is ignored.

    Raises:
        TierUnavailable: an earlier audit hook kept this one out.

    """
    leftovers.clear(native=rules.any_native, programs=rules.any_program)
    token = secrets.token_hex(16)
    sys.addaudithook(_assemble(rules, report, token))
    try:
        sys.audit(SENTINEL, token)
    except PluginPermissionError as proof:
        if proof.resource == token:
            return
    raise TierUnavailable(
        "the audit hook was installed and does not run: an earlier hook vetoed it",
        help="start the worker from a clean interpreter (python -I -S)",
    )


def _hook(event: str, arguments: Any, silent: Any, table: Any, otherwise: Any, conclude: Any, tools: Any) -> None:
    """Decide one event. The last five parameters are default arguments; see ``_assemble``."""
    if event in silent:
        return
    for names, decide, data in table:
        if event in names:
            verdict = decide(event, arguments, data)
            if verdict is not None:
                conclude(verdict, tools)
            return
    decide, data = otherwise
    verdict = decide(event, arguments, data)
    if verdict is not None:
        conclude(verdict, tools)


def _conclude(verdict: Any, tools: Any) -> None:
    """Report the decision and, if it is a refusal, raise it. The same grant is reported once per second."""
    own, frame_at, where, now, record, report, denied, import_denied, failure, said, most = tools
    permission, resource, granted = verdict
    time = now()
    if granted:
        if time - said.get(verdict, 0.0) < 1.0:
            return
        if said.__len__() >= most:
            said.clear()
        said[verdict] = time
    location = where(frame_at(2), own)
    if permission == "self-test":
        raise denied(permission, resource)
    try:  # noqa: SIM105 - contextlib is Python that could be replaced
        report(record(time, permission, resource, granted, location))
    except failure:
        pass  # the log must not decide
    if not granted:
        raise (import_denied if permission == "native" else denied)(permission, resource, location=location)


def _where(frame: Any, own: Any) -> str | None:
    """Return the innermost ``file:line`` of the plugin's own code, relative to its folder."""
    while frame is not None:
        filename = frame.f_code.co_filename
        for root in own:
            if filename.startswith(root):
                return f"{filename.removeprefix(root)}:{frame.f_lineno}"
        frame = frame.f_back
    return None


def _on_sentinel(_event: str, arguments: Any, data: Any) -> tuple[str, str, bool] | None:
    """Answer the self-test, once per token."""
    (token,) = data
    return ("self-test", token, False) if arguments[0] == token else None


def _isolated(function: Any, *defaults: Any) -> Any:
    """Return a copy of ``function`` with no globals and no builtins to look anything up in."""
    return FunctionType(function.__code__, {"__builtins__": {}}, function.__name__, defaults or None)


def _assemble(rules: HookRules, report: Callable[[AccessRecord], None], token: str) -> Callable[[str, Any], None]:
    copies = {name: _isolated(function) for name, function in vars(decisions).items() if _is_function(function)}
    where, conclude = _isolated(_where), _isolated(_conclude)
    table = (*_table(rules, copies), (frozenset({SENTINEL}), _isolated(_on_sentinel), (token,)))
    otherwise = (copies["on_other"], (events.NATIVE_EVENTS, events.NAMESPACES, rules.any_native))
    said: dict[tuple[str, str, bool], float] = {}  # poisoning it hides grants from a log that the worker writes itself
    refusals = (PluginPermissionError, NativeImportDeniedError, Exception)
    tools = (rules.own, sys._getframe, where, time.time, AccessRecord, report, *refusals, said, _MOST_REMEMBERED)
    hook: Callable[[str, Any], None] = _isolated(_hook, events.SILENT, table, otherwise, conclude, tools)
    return hook


def _is_function(value: object) -> bool:
    return isinstance(value, FunctionType) and value.__module__ == decisions.__name__


def _group_of(rules: HookRules) -> Callable[[int], int] | None:
    """Return what tells a process's group, where the group is this process's children and nobody else's."""
    leads = rules.any_program and hasattr(os, "getpgid") and os.getpgid(0) == os.getpid()
    return os.getpgid if leads else None


def _table(rules: HookRules, copies: dict[str, Any]) -> tuple[tuple[frozenset[str], Any, Any], ...]:
    """Return (events, decision, its data), the frequent first."""
    kinds = (type, str, bytes, int, type(pathlib.Path()), os.fspath)
    as_text, as_path = copies["as_text"], copies["as_path"]
    paths = (as_path, (int, type, as_text, kinds, os.getcwd))
    words = (as_text, kinds, type, str)
    roots = (rules.silent, rules.silent_files)
    import_roots = (*rules.own, *rules.dependencies, *rules.silent)
    makers = (rules.code_makers, _IMPORTERS, rules.dependencies, rules.silent, import_roots)
    code = (rules.dynamic_code, *makers, sys._getframe)
    imports = (events.NATIVE_MODULES, rules.native, rules.any_native, rules.silent, (*rules.own, *rules.dependencies))
    guarded = tuple(copies.values())
    return (
        (frozenset({"open"}), copies["on_open"], (*roots, rules.reads, rules.writes, _WRITING, *paths, int, type, str)),
        (frozenset({"object.__setattr__"}), copies["on_set_attribute"], (rules.dynamic_code, guarded, type, str)),
        (frozenset({"import"}), copies["on_import"], (*imports, type, str)),
        (events.CODE, copies["on_code"], code),
        (events.READS, copies["on_read"], (*roots, rules.reads, *paths)),
        (events.WRITES, copies["on_write"], (rules.writes, *paths)),
        (events.WRITES_IN_FOLDER, copies["on_write_in_folder"], (rules.writes, *paths, copies["in_folder"])),
        (events.MOVES, copies["on_move"], (rules.writes, *paths, copies["in_folder"])),
        (events.LINKS, copies["on_link"], paths),
        (frozenset({"sqlite3.connect"}), copies["on_database"], (rules.writes, *paths, *words)),
        (events.NETWORK, copies["on_address"], (type, tuple, str, int)),
        (events.NAMES, copies["on_host"], words),
        (events.PROGRAMS, copies["on_program"], (rules.programs, *words)),
        (events.FORKS, copies["on_fork"], (rules.programs, *words, len)),
        (events.SHELLS, copies["on_shell"], words),
        (events.ENVIRONMENT, copies["on_environment"], (rules.environment, *words)),
        (events.SIGNALS, copies["on_signal"], (os.getpid(), _group_of(rules), type, int)),
    )
