"""Scores of the static inference against what was recorded and what was read."""
