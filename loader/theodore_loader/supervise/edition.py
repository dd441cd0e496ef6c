"""One version of a plugin in the hands of a supervisor: what is started, again and again, until it is exchanged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from theodore_loader.supervise.plan import Plan


@dataclass(frozen=True, slots=True)
class Edition:
    """A plan that may be started, and how to find out whether it still may.

    Attributes:
        plan: what every worker of this edition is started with; only its ``tmp`` folder is each worker's own.
        recheck: asked in a thread before each *re*start and from time to time; raises
            :class:`~theodore_loader.errors.Refused` where the decision that led to the plan no longer stands, and
            otherwise returns what is said against it by now, if anything is.
        marks: what sets it apart, for whoever looks at it: ``unsigned``, ``source tree``.
        verification: the trust steps passed, for the receipt.
        warnings: what is said against it short of refusing it, told when it is started or takes over.
        grounds: asked on the event loop; what it returns changes when ``recheck`` may have another answer by now.
        decided_on: what it returned just before the decision that led to the plan.

    """

    plan: Plan
    recheck: Callable[[], Sequence[str] | None]
    marks: tuple[str, ...] = ()
    verification: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    grounds: Callable[[], object] = lambda: None
    decided_on: object = None
