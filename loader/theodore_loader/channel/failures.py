"""Exceptions as data, and back. Objects never cross: type name, message and traceback are text.

The worker turns whatever the plugin raised into an ``Error`` frame; the host turns the frame into one of its
own exceptions. A ``PluginPermissionError`` is found wherever client libraries have wrapped it (causes, contexts,
exception groups), and a bare ``PermissionError`` with a path is the kernel's refusal and is reported as such.
"""

from __future__ import annotations

import errno
import sys
import traceback
from collections.abc import Iterator, Sequence
from types import TracebackType

from theodore_loader.channel.codec import MAX_TRACEBACK, Denial, Error, printable, printable_lines, truncated
from theodore_loader.errors import CallTimeout, ProtocolViolation, RemoteError, WorkerError
from theodore_sdk.errors import PluginConfigurationError, PluginPermissionError, ResourceLimitExceeded

_MAX_CHAIN = 64
_OTHER_VERSION = "the loader's files have changed under the running host: restart it"


def error_frame(call: int, problem: BaseException, roots: Sequence[str]) -> Error:
    """Describe what a plugin raised; ``roots`` are the folders whose lines count as the plugin's own."""
    denied = next(_denials(problem, roots), None)
    if denied is not None:
        return Error(call, "permission-denied", _type_name(problem), str_of(problem), _text(problem, roots), denied)
    if isinstance(problem, ResourceLimitExceeded):
        name = truncated(str(problem.limit), 256)
        return Error(call, "limit", _type_name(problem), str_of(problem), _text(problem, roots), limit=name)
    code = "configuration" if isinstance(problem, PluginConfigurationError) else "raised"
    return Error(call, code, _type_name(problem), str_of(problem), _text(problem, roots))


def to_exception(error: Error) -> Exception:
    """Return the exception a host raises for an ``Error`` frame."""
    match error.code:
        case "permission-denied" if error.denial is not None:
            return denial_to_exception(error.denial)
        case "limit":
            return ResourceLimitExceeded(printable(error.limit or "unknown"), printable(error.message))
        case "configuration":
            return PluginConfigurationError(printable(error.message))
        case "cancelled":
            return CallTimeout("the call was cancelled")
        case "bad-arguments" | "unknown-method":
            return TypeError(printable(error.message))
        case "too-large":
            return ResourceLimitExceeded("max_result_bytes", printable(error.message))
        case "protocol":
            return WorkerError(f"the worker speaks another protocol: {printable(error.message)}", help=_OTHER_VERSION)
        case "raised" | "bad-result" | "no-plugin" | "confinement":
            return _remote(error)
    return ProtocolViolation(f"unknown error code {error.code!r}")


def _remote(error: Error) -> RemoteError:
    """Return the plugin's exception with its traceback as a note, so that the host's own log shows both."""
    trace = printable_lines(error.traceback).strip()
    problem = RemoteError(printable(error.type_name), printable(error.message), traceback=trace)
    if trace:
        problem.add_note(f"in the plugin:\n{trace}")
    return problem


def denial_of(problem: PluginPermissionError) -> Denial:
    """Return a denial as data."""
    location = None if problem.location is None else truncated(str(problem.location))
    texts = (str(part) for part in (problem.permission, problem.resource, problem.enforced_by))
    permission, resource, enforced_by = map(truncated, texts)
    return Denial(permission, resource, location, enforced_by)


def denial_to_exception(denial: Denial) -> PluginPermissionError:
    """Return the exception a denial stands for."""
    location = None if denial.location is None else printable(denial.location)
    permission, resource, enforced_by = map(printable, (denial.permission, denial.resource, denial.enforced_by))
    return PluginPermissionError(permission, resource, location=location, enforced_by=enforced_by)


def plugin_line(trace: TracebackType | None, roots: Sequence[str]) -> str | None:
    """Return ``file:line`` of the innermost frame of ``trace`` that is the plugin's own, file relative to its root."""
    found = None
    while trace is not None:
        relative = relative_to(trace.tb_frame.f_code.co_filename, roots)
        found = f"{relative}:{trace.tb_lineno}" if relative else found
        trace = trace.tb_next
    return found


def relative_to(filename: str, roots: Sequence[str]) -> str | None:
    """Return ``filename`` relative to the root it lies in, or ``None``."""
    for root in roots:
        if filename.startswith(root + "/"):
            return filename[len(root) + 1 :]
    return None


def str_of(problem: BaseException) -> str:
    """Return a message, whatever a hostile ``__str__`` does."""
    try:
        return truncated(str(problem))
    except BaseException as second:
        return f"<message unavailable: {type(second).__name__}>"


def _type_name(problem: BaseException) -> str:
    return truncated(f"{type(problem).__module__}.{type(problem).__qualname__}".removeprefix("builtins."), 256)


def _text(problem: BaseException, roots: Sequence[str]) -> str:
    """Return the traceback from the plugin's first own line on, files relative to where they are imported from."""
    try:
        shown = _from_own_line(problem.__traceback__, roots)
        text = "".join(traceback.format_exception(type(problem), problem, shown))
        for folder in sorted({*roots, *filter(None, sys.path)}, key=len, reverse=True):
            text = text.replace(f'"{folder}/', '"')
        return truncated(text, MAX_TRACEBACK)
    except BaseException as second:
        return f"<traceback unavailable: {type(second).__name__}>"


def _from_own_line(trace: TracebackType | None, roots: Sequence[str]) -> TracebackType | None:
    first = trace
    while first is not None and relative_to(first.tb_frame.f_code.co_filename, roots) is None:
        first = first.tb_next
    return first or trace


def _denials(problem: BaseException, roots: Sequence[str]) -> Iterator[Denial]:
    """Yield every denial in the chain of ``problem``, completed by the plugin's line where the layer knew none."""
    line = plugin_line(problem.__traceback__, roots)
    for link in _chain(problem):
        if isinstance(link, PluginPermissionError):
            found = denial_of(link)
            where = found.location or plugin_line(link.__traceback__, roots) or line
            yield Denial(found.permission, found.resource, where, found.enforced_by)
        elif isinstance(link, PermissionError) and link.errno in (errno.EACCES, errno.EPERM):
            yield _kernel_denial(link, plugin_line(link.__traceback__, roots) or line)


def _kernel_denial(problem: PermissionError, line: str | None) -> Denial:
    if problem.filename is None:
        return Denial("system call", truncated(problem.strerror or "refused"), line, "kernel")
    return Denial("filesystem", truncated(str(problem.filename)), line, "kernel")


def _chain(problem: BaseException) -> Iterator[BaseException]:
    waiting: list[BaseException | None] = [problem]
    seen: set[int] = set()
    while waiting and len(seen) < _MAX_CHAIN:
        link = waiting.pop(0)
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        inner = link.exceptions if isinstance(link, BaseExceptionGroup) else ()
        waiting += [link.__cause__, *inner]
        if link.__cause__ is None and not link.__suppress_context__:
            waiting.append(link.__context__)
