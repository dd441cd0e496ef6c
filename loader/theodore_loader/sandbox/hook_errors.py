"""What a refusal by either hook raises, where the SDK's own error is not enough."""

from __future__ import annotations

from theodore_sdk.errors import PluginPermissionError


class NativeImportDeniedError(PluginPermissionError, ImportError):
    """Native code is not granted. Also an ``ImportError``, so that optional accelerators stay optional."""
