"""A dependency: it acts when it is asked to, and once while it is imported."""

import os

COLOUR = os.environ.get("LENDER_COLOUR", "")


def lend(path):
    """Read a file for somebody else."""
    with open(path) as stream:
        return stream.read()
