"""Tries one act per call, by name, and says what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox_probe import ordinary, unseen
from theodore_sdk import (
    HealthStatus,
    PermissionType,
    PluginCategory,
    PluginConfig,
    PluginContext,
    PluginInfo,
    PluginPermission,
    PluginResourceLimits,
    TransformerPlugin,
    TransformRequest,
    TransformResult,
    ValidationResult,
    VersionRange,
)


class SandboxProbePlugin(TransformerPlugin):
    """``options["act"]`` names the act, ``options["via"]`` the way, ``options["target"]`` what it is tried on."""

    def get_plugin_info(self) -> PluginInfo:
        """Describe the plugin; read statically, never run by a host."""
        return PluginInfo(
            name="sandbox-probe",
            version="1.0.0",
            description="Tries, on request, one harmless act that its sandbox should refuse.",
            author="Theodore Team",
            email="team@theodore.example",
            homepage="https://theodore.example/plugins/sandbox-probe",
            license="Apache-2.0",
            category=PluginCategory.TRANSFORMER,
            interfaces=["TransformerPlugin"],
            dependencies=[],
            compatible_versions=VersionRange(">=2.0.0,<3.0.0"),
            min_python_version="3.11",
            max_python_version=None,
            required_packages=[],
            optional_packages=[],
            configuration_schema={"type": "object", "properties": {}, "additionalProperties": False},
            permissions=[
                PluginPermission(
                    PermissionType.NETWORK, "Reaches one host, so that another can be tried.", "localhost:*"
                ),
                PluginPermission(
                    PermissionType.FILE_SYSTEM, "Reads its own folder, so that another can be tried.", "r:{data}/**"
                ),
                PluginPermission(PermissionType.SUBPROCESS, "Runs one program, so that another can be tried.", "false"),
                PluginPermission(
                    PermissionType.NATIVE, "Calls the C library, where no audit event is raised.", "libc.so.6"
                ),
            ],
            resource_limits=PluginResourceLimits(max_memory_mb=256, max_subprocess_count=1),
            tags=["example"],
        )

    async def initialize(self, container: PluginContext, config: PluginConfig) -> None:
        """Keep nothing: each call stands alone."""

    async def validate_configuration(self, config: Mapping[str, Any]) -> ValidationResult:
        """Accept the empty configuration."""
        return ValidationResult.success()

    async def transform(self, request: TransformRequest) -> TransformResult:
        """Try the act; what it returns is the proof that it got through."""
        way = unseen if request.options.get("via") == "ctypes" else ordinary
        act = {"read": way.read, "connect": way.connect, "spawn": way.spawn}[str(request.options["act"])]
        return TransformResult(records=({"evidence": act(str(request.options["target"]))},), changed_count=1)

    async def health_check(self) -> HealthStatus:
        """Nothing can be unhealthy here."""
        return HealthStatus.healthy()

    async def cleanup(self) -> None:
        """Nothing was kept."""
