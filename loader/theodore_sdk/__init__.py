"""What plugin authors import: ``from theodore_sdk import ScraperPlugin, ScrapingRequest, ...``.

Standard library only. Names are loaded on first use (PEP 562), because every worker starts by importing this
package and needs one category of the ten.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from theodore_sdk.config import PluginConfig
    from theodore_sdk.context import PluginContext
    from theodore_sdk.errors import (
        PluginConfigurationError,
        PluginError,
        PluginPermissionError,
        PluginSecurityError,
        ResourceLimitExceeded,
    )
    from theodore_sdk.http import HttpClient, HttpResponse
    from theodore_sdk.info import (
        PackageDependency,
        PermissionType,
        PluginCategory,
        PluginDependency,
        PluginInfo,
        PluginPermission,
        PluginResourceLimits,
    )
    from theodore_sdk.plugin import PluginInterface
    from theodore_sdk.ports import CATEGORY_BASES
    from theodore_sdk.ports.ai_provider import (
        AIProviderPlugin,
        CompletionChunk,
        CompletionRequest,
        CompletionResult,
        EmbeddingResult,
        FinishReason,
        ModelInfo,
        TokenUsage,
    )
    from theodore_sdk.ports.discovery import (
        DiscoveryPlugin,
        DiscoveryStrategy,
        DomainDiscoveryRequest,
        DomainDiscoveryResult,
        DomainValidationLevel,
    )
    from theodore_sdk.ports.exporter import ExporterPlugin, ExportRequest, ExportResult
    from theodore_sdk.ports.monitor import Alert, AlertSeverity, MetricKind, MetricSample, MetricSummary, MonitorPlugin
    from theodore_sdk.ports.scraper import RateLimit, ScraperPlugin, ScrapingRequest, ScrapingResult
    from theodore_sdk.ports.search_tool import (
        CompanyMatch,
        MCPSearchParams,
        MCPSearchResult,
        SearchCapabilities,
        SearchCapability,
        SearchToolPlugin,
    )
    from theodore_sdk.ports.security import (
        AuthenticationRequest,
        AuthenticationResult,
        AuthorizationDecision,
        AuthorizationRequest,
        Principal,
        SecurityPlugin,
    )
    from theodore_sdk.ports.storage import (
        SimilarityMetric,
        StorageInfo,
        StoragePlugin,
        VectorMatch,
        VectorQuery,
        VectorQueryResult,
        VectorRecord,
        VectorWriteResult,
    )
    from theodore_sdk.ports.transformer import TransformerPlugin, TransformInfo, TransformRequest, TransformResult
    from theodore_sdk.ports.webhook import WebhookDelivery, WebhookEvent, WebhookPlugin
    from theodore_sdk.progress import ProgressCallback, report_progress
    from theodore_sdk.status import HealthStatus, ValidationResult
    from theodore_sdk.values import Metadata, Scalar
    from theodore_sdk.versions import VersionRange

__all__ = [
    "CATEGORY_BASES",
    "AIProviderPlugin",
    "Alert",
    "AlertSeverity",
    "AuthenticationRequest",
    "AuthenticationResult",
    "AuthorizationDecision",
    "AuthorizationRequest",
    "CompanyMatch",
    "CompletionChunk",
    "CompletionRequest",
    "CompletionResult",
    "DiscoveryPlugin",
    "DiscoveryStrategy",
    "DomainDiscoveryRequest",
    "DomainDiscoveryResult",
    "DomainValidationLevel",
    "EmbeddingResult",
    "ExportRequest",
    "ExportResult",
    "ExporterPlugin",
    "FinishReason",
    "HealthStatus",
    "HttpClient",
    "HttpResponse",
    "MCPSearchParams",
    "MCPSearchResult",
    "Metadata",
    "MetricKind",
    "MetricSample",
    "MetricSummary",
    "ModelInfo",
    "MonitorPlugin",
    "PackageDependency",
    "PermissionType",
    "PluginCategory",
    "PluginConfig",
    "PluginConfigurationError",
    "PluginContext",
    "PluginDependency",
    "PluginError",
    "PluginInfo",
    "PluginInterface",
    "PluginPermission",
    "PluginPermissionError",
    "PluginResourceLimits",
    "PluginSecurityError",
    "Principal",
    "ProgressCallback",
    "RateLimit",
    "ResourceLimitExceeded",
    "Scalar",
    "ScraperPlugin",
    "ScrapingRequest",
    "ScrapingResult",
    "SearchCapabilities",
    "SearchCapability",
    "SearchToolPlugin",
    "SecurityPlugin",
    "SimilarityMetric",
    "StorageInfo",
    "StoragePlugin",
    "TokenUsage",
    "TransformInfo",
    "TransformRequest",
    "TransformResult",
    "TransformerPlugin",
    "ValidationResult",
    "VectorMatch",
    "VectorQuery",
    "VectorQueryResult",
    "VectorRecord",
    "VectorWriteResult",
    "VersionRange",
    "WebhookDelivery",
    "WebhookEvent",
    "WebhookPlugin",
    "report_progress",
]

_HOMES = {
    "config": ("PluginConfig",),
    "context": ("PluginContext",),
    "errors": (
        "PluginConfigurationError",
        "PluginError",
        "PluginPermissionError",
        "PluginSecurityError",
        "ResourceLimitExceeded",
    ),
    "http": (
        "HttpClient",
        "HttpResponse",
    ),
    "info": (
        "PackageDependency",
        "PermissionType",
        "PluginCategory",
        "PluginDependency",
        "PluginInfo",
        "PluginPermission",
        "PluginResourceLimits",
    ),
    "plugin": ("PluginInterface",),
    "ports": ("CATEGORY_BASES",),
    "ports.ai_provider": (
        "AIProviderPlugin",
        "CompletionChunk",
        "CompletionRequest",
        "CompletionResult",
        "EmbeddingResult",
        "FinishReason",
        "ModelInfo",
        "TokenUsage",
    ),
    "ports.discovery": (
        "DiscoveryPlugin",
        "DiscoveryStrategy",
        "DomainDiscoveryRequest",
        "DomainDiscoveryResult",
        "DomainValidationLevel",
    ),
    "ports.exporter": (
        "ExportRequest",
        "ExportResult",
        "ExporterPlugin",
    ),
    "ports.monitor": (
        "Alert",
        "AlertSeverity",
        "MetricKind",
        "MetricSample",
        "MetricSummary",
        "MonitorPlugin",
    ),
    "ports.scraper": (
        "RateLimit",
        "ScraperPlugin",
        "ScrapingRequest",
        "ScrapingResult",
    ),
    "ports.search_tool": (
        "CompanyMatch",
        "MCPSearchParams",
        "MCPSearchResult",
        "SearchCapabilities",
        "SearchCapability",
        "SearchToolPlugin",
    ),
    "ports.security": (
        "AuthenticationRequest",
        "AuthenticationResult",
        "AuthorizationDecision",
        "AuthorizationRequest",
        "Principal",
        "SecurityPlugin",
    ),
    "ports.storage": (
        "SimilarityMetric",
        "StorageInfo",
        "StoragePlugin",
        "VectorMatch",
        "VectorQuery",
        "VectorQueryResult",
        "VectorRecord",
        "VectorWriteResult",
    ),
    "ports.transformer": (
        "TransformInfo",
        "TransformRequest",
        "TransformResult",
        "TransformerPlugin",
    ),
    "ports.webhook": (
        "WebhookDelivery",
        "WebhookEvent",
        "WebhookPlugin",
    ),
    "progress": (
        "ProgressCallback",
        "report_progress",
    ),
    "status": (
        "HealthStatus",
        "ValidationResult",
    ),
    "values": (
        "Metadata",
        "Scalar",
    ),
    "versions": ("VersionRange",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
