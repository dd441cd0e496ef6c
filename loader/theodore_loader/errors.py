"""What the host side raises. *What went wrong* is the message, *what to do about it* is ``help``.

::

    LoaderError
    ├── ConfigurationProblem    a trust file, policy or argument is wrong         (exit 2)
    ├── NothingToDo             the input holds no plugin at all                  (exit 3)
    ├── Refused                 trust or policy says no; ``rule`` names the rule  (exit 5)
    │   ├── InvalidWheel        the archive itself is not acceptable
    │   └── TierUnavailable     the machine cannot reach the required sandbox tier
    ├── WorkerError             the worker process failed
    │   ├── WorkerCrashed       it died; ``returncode`` or signal known
    │   │   └── AccessNotRecorded   it was stopped because what it did could not be recorded
    │   ├── PluginUnavailable   no worker runs now; nothing was sent, so the call can be repeated
    │   │   └── Quarantined     none will before the operator releases the plugin
    │   │   └── LimitExceeded   it was killed, or not started, for a resource limit; ``limit`` names it
    │   ├── ProtocolViolation   it sent something no honest worker sends
    │   └── CallTimeout         a call passed its deadline
    └── RemoteError             the plugin raised; type name, message and traceback are text

Only the command line turns these into exit codes; nothing here prints or exits.
"""

from __future__ import annotations


class LoaderError(Exception):
    """Base of every error the loader and the toolchain show to a user.

    ``help`` is one sentence, ideally a command, that leads out of the problem.
    """

    def __init__(self, message: str, *, help: str | None = None) -> None:  # noqa: A002 - the word users read
        self.message = message
        self.help = help
        super().__init__(message)


class ConfigurationProblem(LoaderError):
    """The user's input (arguments, policy, trust file, project) is wrong; every problem is listed at once."""


class NothingToDo(LoaderError):
    """The input holds no plugin."""


class Refused(LoaderError):
    """Trust or policy says no. ``rule`` is the slug of the rule that refused (``docs/rules/``)."""

    def __init__(self, rule: str, message: str, *, help: str | None = None) -> None:  # noqa: A002
        self.rule = rule
        super().__init__(message, help=help)


class InvalidWheel(Refused):
    """The archive itself is not acceptable: not a wheel, unsafe entries, RECORD disagrees, too large.

    ``entry`` is the name inside the archive that it is about, ``None`` if it is about the whole.
    """

    def __init__(self, rule: str, message: str, *, help: str | None = None, entry: str | None = None) -> None:  # noqa: A002
        self.entry = entry
        super().__init__(rule, message, help=help)


class TierUnavailable(Refused):
    """The machine cannot reach the sandbox tier the host demands."""

    def __init__(self, message: str, *, help: str | None = None) -> None:  # noqa: A002
        super().__init__("sandbox-tier-unavailable", message, help=help)


class WorkerError(LoaderError):
    """The worker process failed."""


class WorkerCrashed(WorkerError):
    """The worker died; ``status`` is the exit code, negative for a signal number, ``None`` if unknown.

    ``safe_to_repeat`` is set where a call was in flight and its operation only asks: doing it twice does no harm.
    """

    def __init__(self, message: str, *, status: int | None = None, help: str | None = None) -> None:  # noqa: A002
        self.status = status
        self.safe_to_repeat = False
        super().__init__(message, help=help)


class AccessNotRecorded(WorkerCrashed):
    """The access log cannot be written, so the worker was stopped: no record, no act."""


class PluginUnavailable(WorkerError):
    """The plugin has no worker now, and none came in time. The call was not sent: repeating it is safe.

    ``retry_after`` is when it may work again, in seconds from now; ``None`` where that is not known.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, help: str | None = None) -> None:  # noqa: A002
        self.retry_after = retry_after
        super().__init__(message, help=help)


class Quarantined(PluginUnavailable):
    """A worker did what no honest one does; none is started before the operator releases the plugin."""


class LimitExceeded(WorkerCrashed):
    """The host ended the worker, or did not start it, because it uses more than it may; ``limit`` says of what."""

    def __init__(self, limit: str, message: str, *, help: str | None = None) -> None:  # noqa: A002
        self.limit = limit
        super().__init__(message, help=help)


class ProtocolViolation(WorkerError):
    """The worker sent something no honest worker sends; it has been killed."""


class CallTimeout(WorkerError):
    """A call passed its deadline; a worker that did not stop it within the grace time has been killed."""


class RemoteError(LoaderError):
    """The plugin's own code raised. All fields are text from the worker and are treated as data."""

    def __init__(self, type_name: str, message: str, *, traceback: str = "") -> None:
        self.type_name = type_name
        self.traceback = traceback
        super().__init__(f"{type_name}: {message}" if message else type_name)
