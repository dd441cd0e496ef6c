"""How code is evaluated, put together: the solver is given syntax by these three functions."""

from __future__ import annotations

from theodore_plugin.inference.expressions import evaluate
from theodore_plugin.inference.solver import Semantics
from theodore_plugin.inference.statements import perform, schedule


def semantics() -> Semantics:
    """Return the evaluation rules of Python's expressions and statements."""
    return Semantics(evaluate, perform, schedule)
