"""Exporters: render records in a file format."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

from theodore_sdk.info import PluginCategory
from theodore_sdk.plugin import PluginInterface
from theodore_sdk.values import Metadata


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """Records to render in ``format``, one of the names from ``get_supported_formats``.

    ``fields`` chooses and orders the columns; empty means every field, in the order first met.
    """

    records: tuple[Metadata, ...]
    format: str
    fields: tuple[str, ...] = ()
    options: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExportResult:
    """A rendered file: the host decides where ``content`` goes. ``file_extension`` carries no dot."""

    content: bytes
    media_type: str
    file_extension: str
    record_count: int
    warnings: tuple[str, ...] = ()


class ExporterPlugin(PluginInterface):
    """Base class of plugins that render records."""

    category: ClassVar[PluginCategory] = PluginCategory.EXPORTER

    @abstractmethod
    async def export(self, request: ExportRequest) -> ExportResult:
        """Render the records.

        Raises:
            ValueError: the format is not supported.

        """

    @abstractmethod
    async def get_supported_formats(self) -> tuple[str, ...]:
        """Return the format names this exporter understands, its preferred one first."""
