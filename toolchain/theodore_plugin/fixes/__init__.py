"""Automatic fixes: from a finding and the source as it was checked to exact edits.

A fix file is named after the rule it mends. Nothing here writes (:mod:`theodore_plugin.fixes.writing` does), and
libcst is imported with the first fix that needs it.
"""

from __future__ import annotations

from theodore_plugin.fixes.model import Edit, Fix

__all__ = ["Edit", "Fix"]
