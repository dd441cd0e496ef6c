"""The tests of a policy as text, for ``theodore-plugin policy test``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from theodore_plugin.policies.testing import Outcome
from theodore_plugin.report.visible import visible

_QUESTION = ("permission", "limit", "value", "finding", "package", "plugin", "sha256", "category", "audience")


def text_lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield what failed, each with the line that decided, and a count."""
    failed = [outcome for outcome in outcomes if not outcome.as_expected]
    for outcome in failed:
        test, answer = outcome.test, outcome.answer
        why = f": {answer.reason}" if answer.reason else ""
        yield visible(f"{test.location}: {_question(outcome)}")
        yield visible(f"  expected {_said(test.expect)}, and it is {_said(answer.says)}{why} ({answer.place})")
    yield f"{len(outcomes) - len(failed)} of {len(outcomes)} answers as expected"


def _question(outcome: Outcome) -> str:
    asks = outcome.test.asks
    if "name" in asks:
        return str(asks["name"])
    return ", ".join(f"{key} {asks[key]}" for key in _QUESTION if key in asks)


def _said(answer: str | float) -> str:
    return answer if isinstance(answer, str) else f"{answer:g}"
