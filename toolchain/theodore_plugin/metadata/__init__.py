"""What a plugin says about itself, read from its source without running it."""

from theodore_plugin.metadata.construct import Problem
from theodore_plugin.metadata.reading import MetadataReading, read_metadata

__all__ = ["MetadataReading", "Problem", "read_metadata"]
