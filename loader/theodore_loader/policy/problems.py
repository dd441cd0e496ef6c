"""What is wrong with a policy file, all at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from theodore_loader.errors import ConfigurationProblem

MAX_LISTED = 100


class Problem(NamedTuple):
    """One defect of a policy file; lines and columns count from 1, ``help`` may be empty."""

    line: int
    column: int
    message: str
    help: str


class PolicyProblems(ConfigurationProblem):
    """The policy file cannot be used. ``problems`` lists every defect found, in file order."""

    what = "policy"
    advice = "correct the file, then try `theodore-plugin policy check FILE`; the reference is docs/policy.md"

    def __init__(self, label: str, problems: Sequence[Problem]) -> None:
        self.label = label
        self.problems = tuple(sorted(problems))
        count = "one problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        lines = [_line(label, problem) for problem in self.problems[:MAX_LISTED]]
        if len(self.problems) > MAX_LISTED:
            lines.append(f"  ... and {len(self.problems) - MAX_LISTED} more")
        super().__init__(
            "\n".join([f"{label} is not a usable {self.what} ({count}):", *lines]),
            help=self.advice,
        )


def _line(label: str, problem: Problem) -> str:
    advice = f" ({problem.help})" if problem.help else ""
    return f"  {label}:{problem.line}:{problem.column}: {problem.message}{advice}"
