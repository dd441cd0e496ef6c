"""Any Python distribution, read without running it: installed, a wheel, a source archive or a folder."""

from theodore_plugin.distributions.environment import Environment
from theodore_plugin.distributions.model import Distribution

__all__ = ["Distribution", "Environment"]
