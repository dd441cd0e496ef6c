"""Layer 10: the audit hook (PEP 578). The kernel is the wall; this is the policeman in front of it.

It gives precise errors with the plugin's own line, knows patterns the kernel cannot (``*.json``), writes the access
log, and refuses what no kernel layer sees: tracing, code made from text, reaching into the interpreter. Setting
``__code__``, ``gc.get_objects``, further hooks and sub-interpreters are refused as well.

There are two, which decide alike from the same events (``hook_events``) and the same rules (``hook_rules``):

* the *C* hook (``native``), an extension that is built where a compiler is: what it knows lies in C memory that is
  made read-only, and no Python runs inside it;
* the *Python* hook (``python_hook``), the declared weaker tier, hardened as far as Python goes.

:func:`install` takes the first where there is one, proves that it runs, and says which it is.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Literal

from theodore_loader.errors import TierUnavailable
from theodore_loader.sandbox import leftovers, native, python_hook
from theodore_loader.sandbox.access import AccessRecord
from theodore_loader.sandbox.hook_errors import NativeImportDeniedError
from theodore_loader.sandbox.hook_rules import HookRules, hook_rules
from theodore_loader.sandbox.native.policy import policy

__all__ = ["HookRules", "Installed", "NativeImportDeniedError", "hook_rules", "install"]


@dataclass(frozen=True, slots=True)
class Installed:
    """Which hook runs.

    Attributes:
        kind: ``c`` or ``python``.
        detail: how, or why not the other, in one line.
        flush: hands what the hook has collected to ``report``; to be called now and then, and before the end.

    """

    kind: Literal["c", "python"]
    detail: str
    flush: Callable[[], None]


def install(
    rules: HookRules,
    report: Callable[[AccessRecord], None],
    *,
    lost: Callable[[int], None] | None = None,
    compiled: bool = True,
) -> Installed:
    """Police this interpreter from here on; there is no way back.

    Args:
        rules: what the plugin may do.
        report: gets every decision on a permissioned resource, granted or not: by the Python hook inside the hook, so
            it must be quick, must not block and must not perform audited acts; by the C hook at ``flush``. What it
            raises is ignored.
        lost: gets the number of decisions that were not kept because too many waited for ``flush``.
        compiled: take the C hook where there is one.

    Raises:
        TierUnavailable: an earlier audit hook kept this one out.

    """
    leftovers.clear(native=rules.any_native, programs=rules.any_program)
    extension = native.extension()
    if extension is not None and compiled:
        return _install_c(extension, rules, report, lost)
    if extension is not None:
        extension.seal()
    reason = native.why_not() or "the C hook was not asked for"
    return _install_python(rules, report, reason)


def _install_c(
    extension: ModuleType,
    rules: HookRules,
    report: Callable[[AccessRecord], None],
    lost: Callable[[int], None] | None,
) -> Installed:
    key, drain = object(), extension.drain

    def flush() -> None:
        records, missing = drain(key)
        for ts, permission, resource, granted, location, count in records:
            with suppress(Exception):  # one that cannot be reported must not keep the others back
                report(AccessRecord(ts, permission, resource, granted, location, count=count))
        if missing and lost is not None:
            lost(missing)

    extension.prepare(policy(rules))
    if not extension.install(key):
        raise _vetoed()
    return Installed("c", f"extension {extension.SOURCE}, sealed", flush)


def _install_python(rules: HookRules, report: Callable[[AccessRecord], None], reason: str) -> Installed:
    memory = python_hook.install(rules, report)
    if memory is None:
        raise _vetoed()
    return Installed("python", reason, memory.flush)


def _vetoed() -> TierUnavailable:
    return TierUnavailable(
        "the audit hook was installed and does not run: an earlier hook vetoed it",
        help="start the worker from a clean interpreter (python -I -S)",
    )
