"""The audit hook in Python: the weaker of the two kinds, for where the extension could not be built.

Python that runs in the same process can be attacked, and CPython documents that audit hooks are no sandbox. Hardening:

* the hook and the functions it calls are copies with empty globals and no builtins, their data are default arguments
  in immutable tuples: patched modules, ``sys.modules`` and builtins change nothing, shutdown does not disarm it;
* no closures, whose cells a traceback's ``f_locals`` can write since Python 3.13;
* exact types only, no ``realpath``, no state that a second thread could find set;
* what was judged is remembered inside ``functools.lru_cache``, which is C: it can be asked, and not told;
* an exception inside it refuses the act.

What remains, and what the extension does not have: the traceback of a refusal leads to the hook's own frames.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable
from functools import lru_cache
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
_LONGEST_REMEMBERED = 4096
"""Characters of a path; the kernel opens none that is longer."""
_ORDINARY = os.O_RDONLY | os.O_CLOEXEC
"""The flags that nearly every file is opened with to be read."""
_ODD = (TypeError, ValueError, AttributeError, LookupError, OSError)
"""What judging an event raises that has other arguments than CPython gives it: somebody raised it by hand."""


Said = dict[tuple[str, str, bool], float]
"""Grants that were reported lately; who poisons it hides grants from a log that the worker writes itself."""


class Memory:
    """Forgets what was reported, once a second.

    Args:
        said: grants that were reported.
        forget_paths: forgets the paths that may be opened without being judged, and so reported, again.

    """

    __slots__ = ("_forget_paths", "_said", "_since")

    def __init__(self, said: Said, forget_paths: Callable[[], None]) -> None:
        self._said = said
        self._forget_paths = forget_paths
        self._since = time.monotonic()

    def flush(self) -> None:
        """To be called now and then: without it, the same grant is reported once and never again."""
        if time.monotonic() - self._since >= 1.0:
            self._since = time.monotonic()
            self.forget()

    def forget(self) -> None:
        """Have every grant reported anew."""
        self._said.clear()
        self._forget_paths()


def install(rules: HookRules, report: Callable[[AccessRecord], None]) -> Memory | None:
    """Install the hook; ``None`` if it does not run, for an earlier hook may have vetoed it."""
    token = secrets.token_hex(16)
    hook, memory = assemble(rules, report, token)
    sys.addaudithook(hook)
    try:
        sys.audit(events.SENTINEL, token)
    except PluginPermissionError as proof:
        return memory if proof.resource == token else None
    return None


def assemble(
    rules: HookRules, report: Callable[[AccessRecord], None], token: str
) -> tuple[Callable[[str, Any], None], Memory]:
    """Return the hook, with everything it will ever use, and what it remembers."""
    said: Said = {}
    copies = {name: _isolated(function) for name, function in vars(decisions).items() if _is_function(function)}
    where, conclude, judge = _isolated(_where), _isolated(_conclude), _isolated(_judge)
    table = decision_table(rules, copies)
    sentinel = (frozenset({events.SENTINEL}), _isolated(_on_sentinel), (token,))
    otherwise = (copies["on_other"], (events.NATIVE_EVENTS, events.NAMESPACES, rules.any_native))
    refusals = (PluginPermissionError, NativeImportDeniedError, Exception)
    facts = (type, str, rules.own, sys._getframe, where, AccessRecord, report)
    tools = (time.time, said, _MOST_REMEMBERED, (*facts, *refusals))
    (opening,) = (row[1:] for row in table if "open" in row[0])
    passes = _remembering(_isolated(_passes, *opening, conclude, tools, ValueError, _LONGEST_REMEMBERED))
    rest = (events.SILENT, judge, ((*table, sentinel), otherwise, _ODD, conclude, tools, type, tuple), _ODD)
    hook: Callable[[str, Any], None] = _isolated(_hook, passes, type, str, int, _ORDINARY, WRITING, rest)
    return hook, Memory(said, passes.cache_clear)


def _remembering(function: Any) -> Any:
    """Return a function of one ``str`` that knows its latest answers, and does not lead to the one that gave them."""
    remembering = lru_cache(_MOST_REMEMBERED)(function)
    vars(remembering).clear()
    return remembering


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
    passes: Any,
    kind_of: Any,
    text: Any,
    number: Any,
    ordinary: Any,
    writing: Any,
    rest: Any,
) -> None:
    """Let the frequent events through. All but the first two parameters are default arguments; see ``assemble``."""
    if event == "open":
        try:
            path, _mode, flags = arguments
            if (
                kind_of(path) is text
                and kind_of(flags) is number
                and (flags == ordinary or not flags & writing)
                and passes(path)
            ):
                return
        except rest[3]:
            pass
    elif event in rest[0]:
        return
    rest[1](event, arguments, rest[2])


def _passes(path: Any, decide: Any, data: Any, conclude: Any, tools: Any, too_long: Any, longest: Any) -> bool:
    """Tell whether opening a path to read it needs no further judgement, for as long as this is remembered.

    It depends on the path alone, so a relative one never does. A grant is reported here; a refusal is judged again.
    """
    if path.__len__() > longest:
        raise too_long
    verdict = decide("open", (path, None, 0), data) if path[:1] == "/" else ("", "", False)
    if verdict is not None:
        if not verdict[2]:
            return False
        conclude(verdict, tools)
    return True


def _judge(event: str, arguments: Any, facts: Any) -> None:
    """Decide one event."""
    table, otherwise, odd, conclude, tools, kind_of, sequence = facts
    decide, data = otherwise
    for names, judge, of_judge in table:
        if event in names:
            decide, data = judge, of_judge
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
        if verdict in said:
            return
        if said.__len__() >= most:
            said.clear()
        said[verdict] = time
    kind_of, text, own, frame_at, where, record, report, denied, import_denied, failure = rest
    location = where(frame_at(2), own, kind_of, text)  # from the hook outwards
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
