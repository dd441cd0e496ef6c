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
from theodore_loader.sandbox.hook_rules import IMPORTERS, WRITING, HookRules, Wild, group_leader
from theodore_sdk.errors import PluginPermissionError

_MOST_REMEMBERED = 4096
_ODD = (TypeError, ValueError, AttributeError, LookupError, OSError)
"""What judging an event raises that has other arguments than CPython gives it: somebody raised it by hand."""


Said = dict[str | tuple[str, str, bool], float]
"""Grants that were reported lately; who poisons it hides grants from a log that the worker writes itself."""


class Memory:
    """Forgets what was reported, once a second."""

    __slots__ = ("_since", "said")

    def __init__(self) -> None:
        self.said: Said = {}
        self._since = time.monotonic()

    def flush(self) -> None:
        """To be called now and then: without it, the same grant is reported once and never again."""
        if time.monotonic() - self._since >= 1.0:
            self._since = time.monotonic()
            self.said.clear()


def install(rules: HookRules, report: Callable[[AccessRecord], None]) -> Memory | None:
    """Install the hook; ``None`` if it does not run, for an earlier hook may have vetoed it."""
    token, memory = secrets.token_hex(16), Memory()
    sys.addaudithook(assemble(rules, report, token, memory.said))
    try:
        sys.audit(events.SENTINEL, token)
    except PluginPermissionError as proof:
        return memory if proof.resource == token else None
    return None


def assemble(
    rules: HookRules, report: Callable[[AccessRecord], None], token: str, said: Said
) -> Callable[[str, Any], None]:
    """Return the hook, with everything it will ever use."""
    copies = {name: _isolated(function) for name, function in vars(decisions).items() if _is_function(function)}
    where, conclude = _isolated(_where), _isolated(_conclude)
    table = decision_table(rules, copies)
    open_event = next(row for row in table if "open" in row[0])[1:]
    sentinel = (frozenset({events.SENTINEL}), _isolated(_on_sentinel), (token,))
    otherwise = (copies["on_other"], (events.NATIVE_EVENTS, events.NAMESPACES, rules.any_native))
    refusals = (PluginPermissionError, NativeImportDeniedError, Exception)
    facts = (type, str, rules.own, sys._getframe, where, AccessRecord, report)
    tools = (time.time, said, _MOST_REMEMBERED, (*facts, *refusals))
    judges = (events.SILENT, open_event, (*table, sentinel), otherwise, _ODD, conclude, tools)
    below = _granted_folders(rules)
    quick = (type, tuple, str, int, WRITING, below, rules.silent, _hidden(*below, *rules.silent), said)
    hook: Callable[[str, Any], None] = _isolated(_hook, *judges, *quick)
    return hook


def _granted_folders(rules: HookRules) -> tuple[str, ...]:
    """Return the prefixes of what may be read by a pattern that is one folder, and that no silent one meets."""
    plain = [glob[0] + "/" for glob in rules.reads.globs if glob[1:] == (Wild.BELOW,) and isinstance(glob[0], str)]
    return tuple(
        folder
        for folder in plain
        if not any(folder.startswith(root) or root.startswith(folder) for root in rules.silent)
        and not any(file.startswith(folder) for file in rules.silent_files)
    )


def _hidden(*roots: str) -> frozenset[int]:
    """Return where the last hidden folder of a root begins, if it lies within every root: up to there all is plain."""
    shortest = min((len(root) for root in roots), default=0)
    return frozenset(at for root in roots if (at := root.rfind("/.")) + 1 < shortest)


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


def _hook(  # noqa: C901 - a call would cost as much as what is decided here
    event: str,
    arguments: Any,
    silent: Any,
    opening: Any,
    table: Any,
    otherwise: Any,
    odd: Any,
    conclude: Any,
    tools: Any,
    kind_of: Any,
    sequence: Any,
    text: Any,
    number: Any,
    writing: Any,
    below: Any,
    code: Any,
    dots: Any,
    said: Any,
) -> None:
    """Decide one event. All but the first two parameters are default arguments; see ``assemble``."""
    if event == "open":
        decide, data = opening
        # What is opened most is a plain path to read, of code or of a granted folder: on_open would say the same. No
        # part of it is dots, or only parts of the root itself; an empty part changes nothing here.
        try:
            path, _mode, flags = arguments
            if (
                kind_of(path) is text
                and kind_of(flags) is number
                and not flags & writing
                and ("/." not in path or path.rfind("/.") in dots)
            ):
                if path.startswith(below):
                    if path in said:
                        return
                elif path.startswith(code):
                    return
        except odd:
            pass
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
    """Report the decision and, if it is a refusal, raise it. The same grant is reported once a second (``Memory``)."""
    now, said, most, rest = tools
    permission, resource, granted = verdict
    time = now()
    if granted:
        key = resource if permission == "filesystem:read" else verdict  # reads are looked up by the path alone
        if key in said:
            return
        if said.__len__() >= most:
            said.clear()
        said[key] = time
    kind_of, text, own, frame_at, where, record, report, denied, import_denied, failure = rest
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
