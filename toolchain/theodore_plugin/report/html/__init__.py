"""The report as one self-contained page: no script, nothing loaded, everything a stranger wrote escaped."""

from __future__ import annotations

from collections.abc import Sequence

from theodore_plugin.report.model import Report

__all__ = ["render"]


def render(reports: Sequence[Report]) -> str:
    """Return the page about ``reports``, one section each; several projects get an index."""
    from theodore_plugin.report.html.page import page

    return page(reports)
