"""The input of a check: a source tree or a wheel, read once into memory, never imported, never executed."""

from theodore_plugin.project.model import (
    IgnoredConfig,
    PluginProject,
    SkippedFile,
    SourceFile,
    UnreadableFile,
)

__all__ = ["IgnoredConfig", "PluginProject", "SkippedFile", "SourceFile", "UnreadableFile"]
