"""What an operator decides about supervision. Every duration is in seconds; every default needs no thought."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from theodore_loader.errors import ConfigurationProblem


@dataclass(frozen=True, slots=True)
class Restarts:
    """How soon a crashed plugin is tried again.

    Attributes:
        first_seconds: the longest first pause; each further one doubles, and what is waited is a random part of it.
        longest_seconds: the longest any pause becomes.
        healthy_seconds: a worker that lived this long was fine: the next pause is a first one again.
        most_failures: so many within ``window_seconds`` open the breaker: nothing is tried and calls fail at once,
        open_seconds: for this long; then one worker is tried, and its first failure within the window opens it again.

    """

    first_seconds: float = 0.2
    longest_seconds: float = 30.0
    healthy_seconds: float = 300.0
    most_failures: int = 5
    window_seconds: float = 60.0
    open_seconds: float = 60.0

    def __post_init__(self) -> None:
        _refuse_non_positive(self)


@dataclass(frozen=True, slots=True)
class Recycling:
    """When a worker is replaced although nothing is wrong with it; ``None``: never for that reason.

    Attributes:
        calls: after so many calls.
        hours: after so long.
        memory_mb: once it uses so many MiB.

    """

    calls: int | None = None
    hours: float | None = None
    memory_mb: int | None = None

    def __post_init__(self) -> None:
        _refuse_non_positive(self)


@dataclass(frozen=True, slots=True)
class Supervision:
    """How a host looks after its workers.

    Attributes:
        ping_seconds: how often a worker's event loop is asked for a sign of life, and how long it may take.
        most_missed: so many missed in a row end an idle worker; a busy one has until its call's deadline.
        health_seconds: how often an idle plugin's own ``health_check`` is called; as many missed end the worker.
        health_deadline_seconds: how long ``health_check`` may take, here and at a reload.
        recheck_seconds: how often it is asked whether the plugin would still be loaded; one that is revoked ends at
            once. It is asked, too, within a few ``ping_seconds`` of a change of a revocation list or the trust file.
        drain_seconds: how long running calls may go on in a worker that is unloaded; in one that was exchanged they
            have as long as their deadline lets them, if that is longer.
        restarts: after a crash.
        recycling: without one.

    Raises:
        ConfigurationProblem: a value that is not positive; all are named.

    """

    ping_seconds: float = 5.0
    most_missed: int = 3
    health_seconds: float = 60.0
    health_deadline_seconds: float = 10.0
    recheck_seconds: float = 600.0
    drain_seconds: float = 30.0
    restarts: Restarts = field(default_factory=Restarts)
    recycling: Recycling = field(default_factory=Recycling)

    def __post_init__(self) -> None:
        _refuse_non_positive(self)


def _refuse_non_positive(settings: Restarts | Recycling | Supervision) -> None:
    named = {one.name: getattr(settings, one.name) for one in fields(settings)}
    wrong = [f"{name} = {value}" for name, value in named.items() if isinstance(value, int | float) and not value > 0]
    if wrong:
        raise ConfigurationProblem(
            f"supervision cannot work with {', '.join(wrong)}", help="give numbers above 0; leave out what is to be off"
        )
