"""A workshop for signed wheels: real wheels, real instances, real bundles, and every way to tamper with them."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import stat
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from theodore_loader import strict_json
from theodore_loader.artifact.wheel import Wheel
from theodore_loader.manifest import MANIFEST_NAME, Manifest, to_json
from theodore_loader.paths import HOME_VARIABLE
from theodore_loader.policy import Policy, load_policy
from theodore_loader.trust.files import SignedFiles
from theodore_loader.trust.predicates import KINDS
from theodore_loader.trust.statements import write_verdict
from theodore_loader.trust.trust_file import TrustFile
from theodore_loader.trust.verify import Verified, verify
from theodore_plugin.coverage import Coverage, State
from theodore_plugin.packaging.build_record import BuildRecord
from theodore_plugin.packaging.facts import BuildFacts, BuildRequirement
from theodore_plugin.packaging.git_tree import GitTree
from theodore_plugin.report.model import (
    AdvisoryLabel,
    DeclaredPermission,
    InferredPermission,
    PermissionTable,
    PolicyLabel,
    ProjectLabel,
    Report,
    ScannerRun,
)
from theodore_plugin.signing.attest import verdict_of
from theodore_plugin.signing.enrol import enrol_local
from theodore_plugin.signing.evidence import Background
from theodore_plugin.signing.instances import Local, local
from theodore_plugin.signing.sign import Signed, sign
from theodore_sdk.info import PermissionType, PluginCategory, PluginInfo, PluginPermission, PluginResourceLimits
from theodore_sdk.versions import VersionRange

NETWORK = PluginPermission(PermissionType.NETWORK, "reads the pages it is asked for", "api.example.com:443")


def plugin_info(
    name: str, version: str, permissions: Sequence[PluginPermission], homepage: str = "https://example.com"
) -> PluginInfo:
    return PluginInfo(
        name=name,
        version=version,
        description="says hello",
        author="Acme",
        email="dev@example.com",
        homepage=homepage,
        license="MIT",
        category=PluginCategory.SCRAPER,
        interfaces=("ScraperPlugin",),
        dependencies=(),
        compatible_versions=VersionRange(">=2.0.0,<3.0.0"),
        min_python_version="3.11",
        max_python_version=None,
        required_packages=(),
        optional_packages=(),
        configuration_schema={"type": "object"},
        permissions=tuple(permissions),
        resource_limits=PluginResourceLimits(),
        tags=(),
    )


def wheel_bytes(
    name: str,
    version: str,
    permissions: Sequence[PluginPermission],
    extra: bytes = b"",
    homepage: str = "https://example.com",
    metadata: str = "",
    lock: bytes | None = None,
    usage: bytes | None = None,
) -> bytes:
    package = name.replace("-", "_")
    dist_info = f"{package}-{version}.dist-info"
    manifest = Manifest(plugin_info(name, version, permissions, homepage), f"{package}.plugin:Plugin")
    entries = {
        f"{package}/__init__.py": b"",
        f"{package}/plugin.py": b"class Plugin: ...\n" + extra,
        f"{dist_info}/METADATA": f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{metadata}".encode(),
        f"{dist_info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{dist_info}/{MANIFEST_NAME}": to_json(manifest),
        f"{dist_info}/sboms/{name}.cdx.json": json.dumps({"bomFormat": "CycloneDX", "name": name}).encode(),
    }
    if lock is not None:
        entries[f"{dist_info}/pylock.toml"] = lock
    if usage is not None:
        entries[f"{dist_info}/api-usage.json"] = usage
    record = io.StringIO()
    writer = csv.writer(record, lineterminator="\n")
    for path, data in entries.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        writer.writerow((path, f"sha256={digest}", len(data)))
    writer.writerow((f"{dist_info}/RECORD", "", ""))
    entries[f"{dist_info}/RECORD"] = record.getvalue().encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in entries.items():
            entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.create_system = 3
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return buffer.getvalue()


TREE = GitTree("https://github.com/acme/hello", "c" * 40, None)
FACTS = BuildFacts("hatchling.build", (BuildRequirement("hatchling", "1.27.0", "b" * 64, "h.whl"),), "3.11.9", 10**9)


def build_record(wheel: Wheel, tree: GitTree | None = TREE) -> BuildRecord:
    """The record `package` would have left of the build of ``wheel``."""
    finished = datetime.now(UTC)
    return BuildRecord(wheel.sha256, tree, FACTS, finished - timedelta(seconds=3), finished, "0.1.0")


def passing_report(wheel: Wheel, policy: Policy) -> Report:
    """The report a check of ``wheel`` would give, without running the scanners (the engine has its own tests)."""
    files = [path for path in wheel.entries if path.endswith(".py")]
    scanners = ("bandit", "mypy", "pip-audit", "secrets")
    info = wheel.manifest.info
    return Report(
        tool_version="0.1.0",
        rule_set="5" * 64,
        project=ProjectLabel(wheel.name, wheel.version, wheel.filename, "wheel", wheel.sha256),
        policy=PolicyLabel(policy.name, policy.digest),
        findings=(),
        suppressions=(),
        coverage=tuple(Coverage.uniform(name, files, State.ANALYSED) for name in ("theodore", *scanners)),
        scanners=tuple(ScannerRun(name, "1.0", "ok", 0.1, sandbox="standard") for name in scanners),
        permissions=PermissionTable(
            tuple(DeclaredPermission(one.type.value, one.pattern, one.description) for one in info.permissions),
            (InferredPermission("network", "connect", "api.example.com:443", "high", ()),),
        ),
        advisories=AdvisoryLabel("snapshot", "a" * 64, datetime.now(UTC).date().isoformat()),
        sources={},
    )


@dataclass(frozen=True)
class Bench:
    """One signed wheel and the host that trusts its signer; every field can be replaced before verifying."""

    wheel: Wheel
    filename: str
    data: bytes
    bundle: bytes | None
    attestations: bytes | None
    trust: TrustFile
    policy: Policy
    instance: Local
    path: Path
    sbom: bytes | None = None

    def verify(self, **changes: Any) -> Verified:
        asked = {
            key: changes.pop(key) for key in ("now", "revocations", "purpose", "pins", "consent") if key in changes
        }
        bench = replace(self, **changes)
        return verify(bench.files, trust=bench.trust, policy=bench.policy, **asked)

    @property
    def files(self) -> SignedFiles:
        """What is given to the verifier."""
        return SignedFiles(self.filename, self.data, self.bundle, self.attestations, self.sbom)

    def attest(self, change: Callable[[dict[str, Any]], object] = lambda statement: None, **signer: Local) -> bytes:
        """Sign a verdict about this wheel after ``change`` edited its statement: a lying verifier."""
        verdict = verdict_of(passing_report(self.wheel, self.policy), self.policy, self.verifier_id, datetime.now(UTC))
        statement = json.loads(write_verdict(verdict, self.filename, self.wheel.sha256))
        change(statement)
        return sign_payload(signer.get("by", self.instance), json.dumps(statement).encode())

    @property
    def verifier_id(self) -> str:
        return self.instance.verifier_id

    def restate(
        self,
        label: str,
        change: Callable[[dict[str, Any]], object] = lambda statement: None,
        by: Local | None = None,
        raw: Callable[[bytes], bytes] = lambda payload: payload,
    ) -> bytes:
        """State one kind once more, edited (``raw``: as bytes) and truly signed; unchanged it is the same payload."""
        statement = payload_of(self.lines[label])
        change(statement)
        return sign_payload(by or self.instance, raw(strict_json.canonical(statement)))

    @property
    def lines(self) -> dict[str, bytes]:
        """The bundles beside the wheel by what they are: provenance, verdict, vulnerabilities, SBOM reference."""
        bundles = (self.attestations or b"").splitlines()
        return {KINDS[payload_of(line)["predicateType"]].label: line for line in bundles}


def payload_of(line: bytes) -> dict[str, Any]:
    """The statement inside one bundle."""
    statement: dict[str, Any] = json.loads(base64.b64decode(json.loads(line)["dsseEnvelope"]["payload"]))
    return statement


def sign_payload(instance: Local, payload: bytes) -> bytes:
    from sigstore.dsse import Statement

    with instance.signer() as signer:
        return signer.sign_dsse(Statement(payload)).to_json().encode() + b"\n"


def sign_bytes(instance: Local, data: bytes) -> bytes:
    with instance.signer() as signer:
        return signer.sign_artifact(data).to_json().encode()


@dataclass(frozen=True)
class Workshop:
    """Makes wheels and signs them, in one home folder."""

    home: Path
    policy: Policy

    def instance(self, name: str = "default") -> Local:
        return local(name, self.home)

    def write(
        self,
        folder: Path,
        name: str = "acme-hello",
        version: str = "1.2.0",
        permissions: Sequence[PluginPermission] = (NETWORK,),
        extra: bytes = b"",
        **declared: Any,
    ) -> tuple[Path, Wheel]:
        path = folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        path.write_bytes(wheel_bytes(name, version, permissions, extra, **declared))
        return path, Wheel.read(path.read_bytes(), path.name)

    def sign(self, path: Path, wheel: Wheel, instance: Local | None = None, tree: GitTree | None = TREE) -> Signed:
        background = Background(build=build_record(wheel, tree))
        report = passing_report(wheel, self.policy)
        return sign(path, wheel, report, self.policy, instance or self.instance(), background)

    def bench(self, folder: Path, tree: GitTree | None = TREE, **wheel: Any) -> Bench:
        path, content = self.write(folder, **wheel)
        signed = self.sign(path, content, tree=tree)
        return Bench(
            content,
            path.name,
            content.data,
            signed.bundle.read_bytes(),
            signed.attestations.read_bytes(),
            TrustFile.load(self.home / "trust.toml"),
            self.policy,
            self.instance(),
            path,
        )


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    home = tmp_path_factory.mktemp("home", numbered=True)
    home.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(home))
        policy = load_policy("default")
        enrol_local(policy)
    return Workshop(home, policy)


@pytest.fixture(scope="session")
def bench(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return workshop.bench(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(autouse=True)
def _home(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(workshop.home))


@pytest.fixture(scope="session")
def reports(workshop: Workshop) -> Callable[[Wheel], Report]:
    return lambda wheel: passing_report(wheel, workshop.policy)
