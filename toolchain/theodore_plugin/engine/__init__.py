"""The check itself: steps side by side, suppressions, policy levels, one report (``run``)."""

from theodore_plugin.engine.run import Watcher, run

__all__ = ["Watcher", "run"]
