"""A revoked dependency is a revoked plugin: refused at installation and load, receipt or none, and both are named."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from theodore_loader.artifact.lock import LockedPackage, locked_packages
from theodore_loader.errors import Refused
from theodore_loader.preparation import Preparation
from theodore_loader.trust.decisions.history import newest_first
from theodore_loader.trust.pins import NO_CONSENT, Consent
from theodore_loader.trust.receipts import Receipts
from theodore_loader.trust.revocations.index import Subject
from theodore_loader.trust.revocations.lookup import Revocations
from theodore_loader.trust.trust_file import TrustFile
from theodore_loader.trust.verify import verify
from theodore_plugin.cli.program import main

LEFT, RIGHT = "1" * 64, "2" * 64
WHY = {"action": "block-load", "reason": "mines coins", "url": "https://example.com/4"}


def locking(**packages: Mapping[str, str]) -> bytes:
    """A lock that names each package with one version and wheels by file name."""
    text = 'lock-version = "1.0"\ncreated-by = "test"\n'
    for name, wheels in packages.items():
        files = [f'{{ path = "{file}", hashes = {{ sha256 = "{digest}" }} }}' for file, digest in wheels.items()]
        version = next(iter(wheels)).split("-")[1]
        text += f'[[packages]]\nname = "{name}"\nversion = "{version}"\nwheels = [{", ".join(files)}]\n'
    return text.encode()


LOCK = locking(
    parsing={"parsing-4.9.1-cp311-cp311-linux_x86_64.whl": LEFT, "parsing-4.9.1-cp311-cp311-win_amd64.whl": RIGHT},
    colours={"colours-1.0-py3-none-any.whl": "3" * 64},
)


@dataclass
class Desk:
    """A signed plugin with two locked dependencies, and the owner's list beside a trust file of its own."""

    bench: Any
    home: Path
    registry: str | None = None

    @property
    def trust(self) -> TrustFile:
        offered = tuple(replace(rule, registry=self.registry) for rule in self.bench.trust.publishers)
        return replace(self.bench.trust, path=self.home / "trust.toml", publishers=offered)

    def revoke(self, **entry: str) -> None:
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        path = self.home / "revocations.json"
        path.write_text(json.dumps({"schema": 1, "sequence": 1, "issued": stamp, "entries": [{**WHY, **entry}]}))
        path.chmod(0o600)

    def verify(self, purpose: Any = "load", consent: Consent = NO_CONSENT) -> Any:
        return verify(
            self.bench.files,
            trust=self.trust,
            policy=self.bench.policy,
            receipts=Receipts(self.home),
            purpose=purpose,
            consent=consent,
        )

    def refusal(self, purpose: Any = "load") -> Refused:
        with pytest.raises(Refused) as refused:
            self.verify(purpose)
        return refused.value


@pytest.fixture(scope="module")
def locked(workshop, tmp_path_factory) -> Any:
    return workshop.bench(tmp_path_factory.mktemp("locked"), lock=LOCK)


@pytest.fixture
def desk(locked, tmp_path) -> Desk:
    tmp_path.chmod(0o700)
    return Desk(locked, tmp_path)


@pytest.mark.parametrize("sha256", [LEFT, RIGHT])
@pytest.mark.parametrize("received", [False, True])
def test_a_revoked_wheel_of_a_dependency_refuses_with_a_receipt_and_without(
    desk: Desk, sha256: str, received: bool
) -> None:
    if received:
        assert "none is used" in desk.verify().steps[1].detail
        assert "authenticated on" in desk.verify().steps[1].detail
    desk.revoke(sha256=sha256)
    for purpose in ("install", "load"):
        refusal = desk.refusal(purpose)
        assert refusal.rule == "revoked"
        for named in ("list 1", "acme-hello 1.2.0", "parsing 4.9.1", "mines coins (https://example.com/4)"):
            assert named in refusal.message
        assert "lock another parsing" in (refusal.help or "")


def test_what_is_not_listed_is_looked_up_and_said(desk: Desk) -> None:
    desk.revoke(sha256="4" * 64)
    assert "nor is any of 2 locked dependencies" in desk.verify().steps[5].detail


@pytest.mark.parametrize(
    ("registry", "entry", "meant"),
    [
        (None, {"registry": "index", "plugin": "parsing", "versions": "<5"}, True),
        (None, {"registry": "index", "plugin": "parsing", "versions": "<4.9.1"}, False),
        (None, {"registry": "index", "plugin": "parsing-too", "versions": "<5"}, False),
        (None, {"registry": "acme", "plugin": "parsing", "versions": "<5"}, False),
        ("acme", {"registry": "acme", "plugin": "parsing", "versions": "<5"}, True),
        (None, {"registry": "index", "plugin": "acme-hello", "versions": "<5"}, False),
    ],
)
def test_versions_are_those_of_the_index_or_of_the_registry_that_offers_the_plugin(
    desk: Desk, registry: str | None, entry: dict[str, str], meant: bool
) -> None:
    desk.registry = registry
    desk.revoke(**entry)
    if meant:
        assert "parsing 4.9.1" in desk.refusal().message
    else:
        desk.verify()


def test_less_than_a_block_acts_on_dependencies_as_on_plugins(desk: Desk) -> None:
    desk.revoke(sha256=LEFT, action="yank")
    assert desk.refusal("install").rule == "version-yanked"
    said = desk.verify("load").warnings
    assert said == ("yanked: its dependency parsing 4.9.1: mines coins (https://example.com/4)",)
    assert desk.verify("install", Consent(yanked=True)).marks == ("yanked",)
    desk.revoke(sha256=LEFT, action="block-install")
    assert desk.refusal("install").rule == "revoked"
    assert desk.verify("load").marks == ("not to be installed",)


def test_a_wheel_that_is_locked_under_many_names_is_spoken_of_once(desk: Desk) -> None:
    desk.revoke(sha256=LEFT, action="warn")
    many = tuple(LockedPackage(f"alias{number}", "1", (LEFT,)) for number in range(1000))
    lists = Revocations.of(desk.trust, desk.home)
    standing = lists.check(Subject("0" * 64, "acme-hello", "1.2.0", brings=many), "load")
    assert len(standing.warnings) == 1
    assert "its dependency alias0 1: mines coins" in standing.warnings[0]


def test_a_package_locked_in_parts_is_one_dependency() -> None:
    parts = [{"parsing-4.9.1-cp311-cp311-linux_x86_64.whl": LEFT}, {"parsing-4.9.1-cp311-cp311-win_amd64.whl": RIGHT}]
    text = b"\n".join([locking(parsing=parts[0]), *locking(parsing=parts[1]).splitlines()[2:]])
    assert [(str(one), one.sha256) for one in locked_packages(text)] == [("parsing 4.9.1", (LEFT, RIGHT))]
    assert locked_packages(None) == ()


def test_a_lock_that_cannot_be_read_is_looked_up_nowhere_and_refused(workshop, tmp_path) -> None:
    bench = workshop.bench(tmp_path, lock=b"lock-version = [")
    with pytest.raises(Refused) as refusal:
        bench.verify()
    assert refusal.value.rule == "unpinned-lock"


# --- installed, with the dependency on disk --------------------------------------------------------------------------


def dependency() -> tuple[str, bytes]:
    """A wheel of another project, as an index has it."""
    info = "parsing-4.9.1.dist-info"
    files = {
        "parsing/__init__.py": b"X = 1\n",
        f"{info}/METADATA": b"Metadata-Version: 2.4\nName: parsing\nVersion: 4.9.1\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{name},sha256={_encoded(data)},{len(data)}" for name, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return "parsing-4.9.1-py3-none-any.whl", buffer.getvalue()


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def test_a_dependency_revoked_after_installation_ends_loading_and_the_record_names_it(
    workshop, tmp_path, monkeypatch, capsys
) -> None:
    filename, data = dependency()
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / filename).write_bytes(data)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    digest = hashlib.sha256(data).hexdigest()
    bench = workshop.bench(tmp_path, metadata="Requires-Dist: parsing\n", lock=locking(parsing={filename: digest}))
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    trust = replace(TrustFile.load(workshop.home / "trust.toml"), path=home / "trust.toml")
    host = Preparation(home, trust, workshop.policy, (tmp_path / "index",))
    host.install(bench.path)
    host.prepare("acme-hello")
    Desk(bench, home).revoke(sha256=digest)
    for again in (host, Preparation(home, trust, workshop.policy)):
        with pytest.raises(Refused, match=r"acme-hello 1\.2\.0 is locked to, its dependency parsing 4\.9\.1: mines"):
            again.prepare("acme-hello")
    (judged,) = host.verify_installed()
    assert judged.prepared is None
    assert "parsing 4.9.1" in next(iter(newest_first(home, "acme-hello"))).message
    assert _asked(home, bench, monkeypatch, capsys) == (5, ["parsing 4.9.1"])


def _asked(home: Path, bench: Any, monkeypatch, capsys) -> tuple[int, list[str]]:
    """Ask as somebody at a terminal: the exit code, and the dependencies the answer names."""
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(home))
    for name in ("trust.toml", "roots"):
        place = bench.trust.path.parent / name
        (shutil.copytree if place.is_dir() else shutil.copy2)(place, home / name)
    code = main(["revocations", "check", "acme-hello", "--format", "json"])
    return code, [entry["dependency"] for entry in json.loads(capsys.readouterr().out)["entries"]]
