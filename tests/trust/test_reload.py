"""Replacing a running, signed plugin: only by the same signer, and nothing that was revoked in the meantime."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from theodore_loader.errors import Quarantined, Refused, WorkerCrashed
from theodore_loader.host import PluginHost
from theodore_loader.sandbox.tier import available
from theodore_loader.supervise.settings import Supervision
from theodore_loader.trust.trust_file import TrustFile
from theodore_plugin.signing.enrol import enrol_local
from theodore_sdk import ScrapingRequest

WORKING = b"""
import os
from theodore_sdk import HealthStatus, ScraperPlugin, ScrapingResult, ValidationResult

class Plugin(ScraperPlugin):
    def get_plugin_info(self):
        raise NotImplementedError
    async def initialize(self, container, config):
        pass
    async def validate_configuration(self, config):
        return ValidationResult.success()
    async def health_check(self):
        return HealthStatus.healthy("fine")
    async def cleanup(self):
        pass
    async def scrape_content(self, request):
        os._exit(3)
"""


@pytest.fixture
def signed(workshop, tmp_path):
    """Return a function that writes and signs a version, as this machine's own instance or another believed one."""
    trust = tmp_path / "trust" / "trust.toml"
    for name in ("default", "second"):
        enrol_local(workshop.policy, trust, name)

    def make(version: str, instance: str = "default", **options):
        path, wheel = workshop.write(tmp_path, version=version, extra=WORKING, permissions=(), **options)
        workshop.sign(path, wheel, workshop.instance(instance))
        return path

    return make


async def test_another_signer_does_not_take_over_and_a_revoked_plugin_does_not_come_back(signed, workshop, tmp_path):
    trust = TrustFile.load(tmp_path / "trust" / "trust.toml")
    first, second, stolen = signed("1.0.0"), signed("1.1.0"), signed("1.2.0", "second")
    async with PluginHost(
        home=tmp_path / "home",
        trust=trust,
        policy=workshop.policy,
        minimum_tier=available().tier,
        supervision=Supervision(ping_seconds=600),  # nobody looks whether a list has changed before the worker ends
    ) as host:
        plugin = await host.load(first)
        assert host.plugins()[0].marks == ()
        assert (await host.reload("acme-hello", second)).version == "1.1.0"
        with pytest.raises(Refused, match=r"signed by .*root local-second.*1\.1\.0 was signed by") as refusal:
            await host.reload("acme-hello", stolen)
        assert refusal.value.rule == "signer-changed"
        assert (await plugin.health_check()).is_healthy
        entry = {
            "sha256": host._loaded["acme-hello"].prepared.signatures.sha256,
            "action": "block-load",
            "reason": "it steals",
            "url": "https://example.com/1",
        }
        revocations = {"schema": 1, "sequence": 1, "issued": datetime.now(UTC).isoformat(), "entries": [entry]}
        path = trust.path.with_name("revocations.json")
        path.write_text(json.dumps(revocations))
        path.chmod(0o600)
        assert (await plugin.health_check()).is_healthy
        with pytest.raises(WorkerCrashed):
            await plugin.scrape_content(ScrapingRequest(url=""))
        with pytest.raises(Quarantined, match="it steals"):
            await plugin.health_check()
        with pytest.raises(Refused, match="it steals"):
            await host.release("acme-hello")
