"""The one error of this package."""

from __future__ import annotations


class PatternError(ValueError):
    """A pattern outside the grammar of its type. ``defect`` says what is wrong, ``remedy`` what to write instead."""

    def __init__(self, pattern: str, defect: str, remedy: str) -> None:
        self.pattern = pattern
        self.defect = defect
        self.remedy = remedy
        super().__init__(f"{pattern!r}: {defect}; {remedy}")
