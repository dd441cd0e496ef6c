"""A host that judges everything it has: what decides changes meanwhile, and others start at the same time."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.installed import InstalledPlugin
from theodore_loader.preparation import ATTEMPTS, Judged, Preparation, Wanted
from theodore_loader.trust.decisions.chain import verify_chain
from theodore_loader.trust.trust_file import TrustFile
from theodore_plugin.signing.enrol import enrol_local

NAMES = ("acme-first", "acme-second", "acme-third")


class Meddled(Preparation):
    """A host in whose judging somebody meddles: ``after`` is called when a plugin was judged, with its number."""

    after: Callable[[int], object] = staticmethod(lambda number: None)
    judged = 0

    def _judged(self, plugin: InstalledPlugin, wanted: Wanted) -> Judged:
        found = super()._judged(plugin, wanted)
        self.judged += 1
        self.after(self.judged)
        return found


@pytest.fixture(scope="module")
def wheels(workshop, tmp_path_factory) -> tuple[Path, ...]:
    """Three plugins, signed by the workshop's instance."""
    folder = tmp_path_factory.mktemp("wheels")
    made = [workshop.write(folder, name=name) for name in NAMES]
    for path, wheel in made:
        workshop.sign(path, wheel)
    return tuple(path for path, _ in made)


@pytest.fixture
def home(workshop, wheels, tmp_path) -> Path:
    """A state folder with all three installed."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    enrol_local(workshop.policy, home / "trust.toml")
    preparation = Preparation(home, None, workshop.policy)
    for path in wheels:
        preparation.install(path)
    return home


@pytest.fixture
def meddled(home, workshop) -> Meddled:
    return Meddled(home, None, workshop.policy)


def rules(judged: tuple[Judged, ...]) -> dict[str, Any]:
    return {one.plugin.name: getattr(one.problem, "rule", one.problem) for one in judged}


def swap(path: Path, text: str) -> None:
    """Put another file in the place of ``path``, as an editor does."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.chmod(0o600)
    fresh.replace(path)


def revoke(home: Path, sha256: str, sequence: int = 1) -> None:
    entry = {"sha256": sha256, "action": "block-load", "reason": "malicious", "url": "https://example.com/1"}
    document = {"schema": 1, "sequence": sequence, "issued": "2026-01-01T00:00:00Z", "entries": [entry]}
    swap(home / "revocations.json", json.dumps(document))


def test_a_list_that_comes_while_a_host_starts_counts_for_what_was_judged_before(home, meddled) -> None:
    first = meddled._index.get(NAMES[0]).sha256
    meddled.after = lambda number: revoke(home, first) if number == 2 else None
    assert rules(meddled.verify_installed()) == {NAMES[0]: "revoked", NAMES[1]: None, NAMES[2]: None}
    assert meddled.judged == 2 * len(NAMES)


def test_a_list_that_is_damaged_while_a_host_starts_lets_nothing_through(home, meddled) -> None:
    meddled.after = lambda number: swap(home / "revocations.json", "[") if number == 1 else None
    judged = meddled.verify_installed()
    assert [type(one.problem) for one in judged] == [ConfigurationProblem] * len(NAMES)


def test_a_publisher_that_is_believed_no_more_half_way_is_believed_for_none(home, meddled) -> None:
    path = home / "trust.toml"
    without = path.read_text().replace('plugins = ["*"]', 'plugins = ["nobody"]')
    meddled.after = lambda number: swap(path, without) if number == 2 else None
    assert set(rules(meddled.verify_installed()).values()) == {"signer-not-trusted"}


@pytest.mark.parametrize("meddle", ["trust file", "root", "removed"])
def test_a_trust_file_that_is_damaged_half_way_ends_the_start(home, meddled, meddle: str) -> None:
    path = home / "trust.toml" if meddle != "root" else next((home / "roots").iterdir())

    def damage(number: int) -> None:
        if number == 2 and meddle == "removed":
            path.unlink()
        elif number == 2:
            swap(path, "{}")

    meddled.after = damage
    if meddle == "removed":  # then nobody is believed
        assert set(rules(meddled.verify_installed()).values()) == {"signer-not-trusted"}
    else:
        with pytest.raises(ConfigurationProblem):
            meddled.verify_installed()


def test_what_never_keeps_still_ends_the_start(home, meddled) -> None:
    meddled.after = lambda number: revoke(home, "0" * 64, sequence=number)
    with pytest.raises(ConfigurationProblem, match="changed while"):
        meddled.verify_installed()
    assert meddled.judged == ATTEMPTS * len(NAMES)


def test_a_trust_file_that_is_exchanged_while_it_is_read_is_noticed_afterwards(
    home, workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    preparation = Preparation(home, None, workshop.policy)
    path = home / "trust.toml"
    real = TrustFile.of_home

    def exchanged(*arguments: Any) -> TrustFile:
        read = real(*arguments)
        swap(path, path.read_text() + "\n")
        return read

    monkeypatch.setattr(TrustFile, "of_home", exchanged)
    prepared = preparation.prepare(NAMES[0])
    monkeypatch.undo()
    assert prepared.stamp != preparation.stamp()
    assert preparation.prepare(NAMES[0]).stamp == preparation.stamp()


def test_hosts_that_start_at_once_judge_all_and_record_all(home, workshop) -> None:
    hosts = [Preparation(home, None, workshop.policy) for _ in range(4)]
    with ThreadPoolExecutor(len(hosts)) as pool:
        found = list(pool.map(lambda host: host.verify_installed(), hosts))
    assert [rules(judged) for judged in found] == [dict.fromkeys(NAMES)] * len(hosts)
    chain = verify_chain(home)
    assert chain.broken is None
    assert chain.entries == len(NAMES) * (1 + len(hosts))


def test_a_plugin_that_is_exchanged_on_disk_while_others_are_judged_is_refused(home, meddled, tmp_path) -> None:
    last = home / "store" / meddled._index.get(NAMES[2]).sha256 / "tree"

    def exchange(number: int) -> None:
        if number == 2:
            module = next(last.rglob("plugin.py"))
            module.chmod(0o644)
            module.write_text("import os")

    meddled.after = exchange
    assert rules(meddled.verify_installed()) == {NAMES[0]: None, NAMES[1]: None, NAMES[2]: "record-mismatch"}


def test_a_digest_is_always_made_from_the_bytes(wheels) -> None:
    from theodore_loader.trust.files import read_signed

    files = read_signed(wheels[0])
    known = files.sha256
    assert replace(files, data=files.data + b"x").sha256 != known
    with pytest.raises((TypeError, ValueError)):
        replace(files, _sha256="0" * 64)
