"""How long a seeded search goes on: shortly in the ordinary suite; ``MUTANTS=100000`` is a campaign (``make fuzz``)."""

from __future__ import annotations

import os


def mutants(ordinarily: int) -> int:
    """Return how many mutants to try: ``MUTANTS`` if it is set, else ``ordinarily``."""
    return int(os.environ.get("MUTANTS", ordinarily))
