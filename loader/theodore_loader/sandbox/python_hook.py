"""The audit hook in Python: the weaker of the two kinds, for where the extension could not be built.

Python that runs in the same process can be attacked, and CPython documents that audit hooks are no sandbox. Hardening:

* the hook and the functions it calls are copies with empty globals and no builtins, their data are default arguments
  in immutable tuples: patched modules, ``sys.modules`` and builtins change nothing, shutdown does not disarm it;
* no closures, whose cells a traceback's ``f_locals`` can write since Python 3.13;
* exact types only, no ``realpath``, no state that a second thread could find set;
* an exception inside it refuses the act.

What remains, and what the extension does not have: the traceback of a refusal leads to the hook's own frames.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable
from types import FunctionType
from typing import Any

from theodore_loader.sandbox import hook_decisions as decisions
from theodore_loader.sandbox import hook_events as events
from theodore_loader.sandbox.access import AccessRecord
from theodore_loader.sandbox.hook_errors import NativeImportDeniedError
from theodore_loader.sandbox.hook_paths import path_facts
from theodore_loader.sandbox.hook_rules import IMPORTERS, WRITING, HookRules, group_leader
from theodore_sdk.errors import PluginPermissionError

_MOST_REMEMBERED = 4096
_ODD = (TypeError, ValueError, AttributeError, LookupError, OSError)
"""What judging an event raises that has other arguments than CPython gives it: somebody raised it by hand."""


def install(rules: HookRules, report: Callable[[AccessRecord], None]) -> bool:
    """Install the hook; say whether it runs. An earlier hook may have vetoed it."""
    token = secrets.token_hex(16)
    sys.addaudithook(assemble(rules, report, token))
    try:
        sys.audit(events.SENTINEL, token)
    except PluginPermissionError as proof:
        return proof.resource == token
    return False


def assemble(rules: HookRules, report: Callable[[AccessRecord], None], token: str) -> Callable[[str, Any], None]:
    """Return the hook, with everything it will ever use."""
    copies = {name: _isolated(function) for name, function in vars(decisions).items() if _is_function(function)}
    where, conclude = _isolated(_where), _isolated(_conclude)
    table = decision_table(rules, copies)
    open_event = next(row for row in table if "open" in row[0])[1:]
    sentinel = (frozenset({events.SENTINEL}), _isolated(_on_sentinel), (token,))
    otherwise = (copies["on_other"], (events.NATIVE_EVENTS, events.NAMESPACES, rules.any_native))
    said: dict[tuple[str, str, bool], float] = {}  # poisoning it hides grants from a log that the worker writes itself
    refusals = (PluginPermissionError, NativeImportDeniedError, Exception)
    facts = (type, str, rules.own, sys._getframe, where, AccessRecord, report)
    tools = (time.time, said, _MOST_REMEMBERED, (*facts, *refusals))
    quick = (open_event, events.SILENT, type, tuple)
    hook: Callable[[str, Any], None] = _isolated(_hook, *quick, (*table, sentinel), otherwise, _ODD, conclude, tools)
    return hook


def decision_table(rules: HookRules, copies: dict[str, Any]) -> tuple[tuple[frozenset[str], Any, Any], ...]:
    """Return (events, decision, its data), the frequent first."""
    data = _data(rules, copies)
    return tuple((names, copies[name], data[name]) for names, name in events.DECISIONS)


def _data(rules: HookRules, copies: dict[str, Any]) -> dict[str, Any]:
    """Return what each decision is given, by its name."""
    kinds = (type, str, bytes, int, *_path_readers(copies))
    paths = (copies["as_path"], (int, type, copies["as_text"], kinds, os.getcwd))
    words = (copies["as_text"], kinds, type, str)
    roots = (rules.silent, rules.silent_files)
    reads, writes, programs = rules.reads.match, rules.writes.match, rules.programs.match
    shipped = (*rules.own, *rules.dependencies)
    makers = (rules.code_makers, IMPORTERS, rules.dependencies, rules.silent, (*shipped, *rules.silent))
    group_of = os.getpgid if group_leader(rules) else None
    return {
        "on_open": (*roots, reads, writes, WRITING, *paths, int, type, str),
        "on_set_attribute": (rules.dynamic_code, tuple(copies.values()), type, str),
        "on_import": (
            events.NATIVE_MODULES,
            rules.native.match,
            rules.any_native,
            rules.silent,
            shipped,
            *paths,
            type,
            str,
        ),
        "on_code": (rules.dynamic_code, *makers, *paths, sys._getframe, type, str, type(_hook.__code__)),
        "on_read": (*roots, reads, *paths),
        "on_write": (writes, *paths),
        "on_write_in_folder": (writes, *paths, copies["in_folder"]),
        "on_move": (writes, *paths, copies["in_folder"]),
        "on_link": paths,
        "on_database": (writes, *paths, *words),
        "on_address": (type, tuple, str, int),
        "on_host": words,
        "on_program": (programs, *words),
        "on_fork": (programs, *words, (tuple, list), len),
        "on_shell": words,
        "on_environment": (rules.environment.match, *words),
        "on_signal": (os.getpid(), group_of, type, int),
    }


def _path_readers(copies: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Return the exact type of a path, the function that reads its text, and that function's data."""
    facts = path_facts()
    if facts is None:
        return (None, None, None)
    readers = tuple(slot and slot.__get__ for slot in facts.slots)
    data = (facts.guards, *readers, facts.anchored, type, str, list, AttributeError, copies["joined"])
    return (facts.kind, copies["text_of_path"], data)


def _hook(
    event: str,
    arguments: Any,
    opening: Any,
    silent: Any,
    kind_of: Any,
    sequence: Any,
    table: Any,
    otherwise: Any,
    odd: Any,
    conclude: Any,
    tools: Any,
) -> None:
    """Decide one event. All but the first two parameters are default arguments; see ``assemble``."""
    if event == "open":
        decide, data = opening
    elif event in silent:
        return
    else:
        decide, data = otherwise
        for names, judge, facts in table:
            if event in names:
                decide, data = judge, facts
                break
    try:
        if kind_of(arguments) is not sequence:  # its methods could be somebody's Python: empty, it fits no decision
            arguments = ()
        verdict = decide(event, arguments, data)
    except odd:
        verdict = ("interpreter", event + " with unexpected arguments", False)
    if verdict is not None:
        conclude(verdict, tools)


def _conclude(verdict: Any, tools: Any) -> None:
    """Report the decision and, if it is a refusal, raise it. The same grant is reported once per second."""
    now, said, most, rest = tools
    time = now()
    if verdict[2]:
        if time - said.get(verdict, 0.0) < 1.0:
            return
        if said.__len__() >= most:
            said.clear()
        said[verdict] = time
    kind_of, text, own, frame_at, where, record, report, denied, import_denied, failure = rest
    permission, resource, granted = verdict
    location = where(frame_at(2), own, kind_of, text)
    if permission == "self-test":
        raise denied(permission, resource)
    try:  # noqa: SIM105 - contextlib is Python that could be replaced
        report(record(time, permission, resource, granted, location))
    except failure:
        pass  # the log must not decide
    if not granted:
        raise (import_denied if permission == "native" else denied)(permission, resource, location=location)


def _where(frame: Any, own: Any, kind_of: Any, text: Any) -> str | None:
    """Return the innermost ``file:line`` of the plugin's own code, relative to its folder."""
    while frame is not None:
        filename = frame.f_code.co_filename
        if kind_of(filename) is text:
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


def _is_function(value: object) -> bool:
    return isinstance(value, FunctionType) and value.__module__ == decisions.__name__
