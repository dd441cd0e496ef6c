"""Revocation lists: whom an entry means, what it does to installing and loading, and damaged lists stop everything."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from theodore_loader.data import policies_dir
from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.trust.revocations.document import ListInvalid, read_document, read_statement
from theodore_loader.trust.revocations.index import Subject, root_names
from theodore_loader.trust.revocations.lookup import Revocations
from theodore_loader.trust.signatures import Signer
from theodore_loader.trust.trust_file import LoaderRules, Publisher, Root, SignerRule, TrustFile

DIGEST = "a" * 64
STAMP = "2026-11-01T00:00:00Z"
SIGNER = Signer("acme", "https://issuer", "https://me/repo", 1, datetime(2026, 11, 10, tzinfo=UTC))
WHY = {"action": "block-load", "reason": "stolen key", "url": "https://example.com/1"}
BY_DIGEST = {"sha256": DIGEST, **WHY}
BY_SIGNER = {"root": "acme", "issuer": "https://issuer", "identity": "https://me/repo", "from": STAMP, **WHY}
BY_VERSION = {"registry": "shop", "plugin": "acme-hello", "versions": ">=1.0,<2.0", **WHY}
ANOTHER = Subject("b" * 64, "acme-hello", "1.5", frozenset({"shop"}), (SIGNER,))
ROOT = Root("acme", "", b'{"certificateAuthorities":[{"certChain":{"certificates":[{"rawBytes":"Y2VydA=="}]}}]}')
"""Its one authority's certificate is the bytes ``cert``."""


def listed(folder: Path, *entries: dict[str, Any], **changes: Any) -> Revocations:
    document = {"schema": 1, "sequence": 4, "issued": STAMP, "entries": list(entries), **changes}
    path = folder / "revocations.json"
    path.write_text(json.dumps(document))
    path.chmod(0o600)
    folder.chmod(0o700)
    return Revocations(TrustFile(folder / "trust.toml", roots={"acme": ROOT}), folder)


def by_digest(sha256: str = DIGEST) -> Subject:
    return Subject(sha256, "acme-hello", "1.2.0")


def refused(revocations: Revocations, subject: Subject, purpose: Any = "load") -> str:
    with pytest.raises(Refused) as refusal:
        revocations.check(subject, purpose)
    assert "stolen key (https://example.com/1)" in refusal.value.message
    assert refusal.value.help
    return refusal.value.rule


def test_no_list_is_said_to_be_none(tmp_path: Path) -> None:
    none = Revocations(TrustFile(tmp_path / "trust.toml"), tmp_path)
    assert "no revocation list" in str(none.check(ANOTHER, "load"))


@pytest.mark.parametrize("entry", [BY_DIGEST, BY_SIGNER, BY_VERSION])
def test_what_is_listed_is_refused_with_reason_and_address(tmp_path: Path, entry: dict[str, Any]) -> None:
    subject = by_digest() if "sha256" in entry else ANOTHER
    assert refused(listed(tmp_path, entry), subject) == "revoked"


@pytest.mark.parametrize("field", ["root", "issuer", "identity"])
def test_another_signer_is_not_meant(tmp_path: Path, field: str) -> None:
    assert "not among 1" in str(listed(tmp_path, {**BY_SIGNER, field: "other"}).check(ANOTHER, "load"))


def test_a_root_is_named_by_its_id_its_file_or_the_certificate_of_an_authority(tmp_path: Path) -> None:
    for name in ("acme", *root_names(ROOT.document)):
        assert refused(listed(tmp_path, {**BY_SIGNER, "root": name}), ANOTHER) == "revoked"
    assert len(root_names(ROOT.document)) == 2
    assert len(root_names(b"no root")) == 1


@pytest.mark.parametrize(
    ("identity", "meant"),
    [
        ("https://me/*", True),
        ("https://**", True),
        ("https://me/rep", False),
        ("https://m*", False),
        ("https://me/repo*", True),
        ("*/repo", False),
        ("HTTPS://me/repo", False),
    ],
)
def test_identities_fit_exactly_or_by_an_anchored_glob(tmp_path: Path, identity: str, meant: bool) -> None:
    revocations = listed(tmp_path, {**BY_SIGNER, "identity": identity})
    if meant:
        assert refused(revocations, ANOTHER) == "revoked"
    else:
        assert "not among" in str(revocations.check(ANOTHER, "load"))


def test_signatures_before_the_moment_stay_good_and_undated_ones_do_not(tmp_path: Path) -> None:
    revocations = listed(tmp_path, BY_SIGNER)

    def signed(moment: datetime | None) -> Subject:
        return Subject(
            "b" * 64, "x", "1", frozenset(), (Signer("acme", "https://issuer", "https://me/repo", 1, moment),)
        )

    assert "not among" in str(revocations.check(signed(datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC)), "load"))
    assert refused(revocations, signed(datetime(2026, 11, 1, tzinfo=UTC))) == "revoked"
    assert refused(revocations, signed(None)) == "revoked"


@pytest.mark.parametrize(
    ("versions", "version", "meant"),
    [
        ("<2.0", "2.0rc1", True),
        ("<2.0", "1.9.9.post1", True),
        ("<2.0", "2.0", False),
        (">1.0", "1.0.post1", True),
        ("==1.2.0", "1.2.0+mine", True),
        ("==1.2.0", "1.2", True),
        (">=1.0,<1.2,!=1.1", "1.1", False),
        (">=1.0,<1.2,!=1.1", "1.1.1", True),
        ("<1!0", "9.9", True),
        ("==1.2+evil", "1.2+evil", True),
        ("==1.2+evil", "1.2", False),
        ("!=1.2+good", "1.2+good", False),
    ],
)
def test_versions_are_in_plain_order_so_that_none_slips_through(
    tmp_path: Path, versions: str, version: str, meant: bool
) -> None:
    revocations = listed(tmp_path, {**BY_VERSION, "versions": versions})
    subject = Subject("b" * 64, "acme-hello", version, frozenset({"shop"}))
    if meant:
        assert refused(revocations, subject) == "revoked"
    else:
        assert "not among" in str(revocations.check(subject, "load"))


def test_a_name_means_nothing_without_the_registry_that_offers_it(tmp_path: Path) -> None:
    revocations = listed(tmp_path, BY_VERSION)
    for subject in (
        Subject("b" * 64, "acme-hello", "1.5"),
        Subject("b" * 64, "acme-hello", "1.5", frozenset({"shop2", "sho"})),
        Subject("b" * 64, "acme-hello2", "1.5", frozenset({"shop"})),
    ):
        assert "not among" in str(revocations.check(subject, "load"))


def test_the_registries_of_a_plugin_are_those_of_the_rules_that_fit_its_publisher(tmp_path: Path) -> None:
    def rule(plugins: str, registry: str | None, **other: str) -> Publisher:
        signer = SignerRule(**{"root": "acme", "issuer": "https://issuer", "identity": "https://me/*", **other})
        return Publisher((plugins,), signer, registry)

    rules = (
        rule("acme-*", "a"),
        rule("*", "b"),
        rule("acme-hello", None),
        rule("other", "c"),
        rule("*", "d", root="x"),
        rule("*", "e", identity="https://you/*"),
    )
    revocations = Revocations(TrustFile(tmp_path / "trust.toml", publishers=rules), tmp_path)
    assert revocations.registries("acme-hello", SIGNER) == {"a", "b"}
    assert revocations.registries("acme-hello", None) == frozenset()


@pytest.mark.parametrize(
    ("action", "at_install", "at_load"),
    [
        ("block-load", "revoked", "revoked"),
        ("block-install", "revoked", "not to be installed: stolen key"),
        ("yank", "version-yanked", "yanked: stolen key"),
        ("warn", "warning: stolen key", "warning: stolen key"),
    ],
)
def test_each_action_blocks_what_it_is_for_and_is_said_otherwise(
    tmp_path: Path, action: str, at_install: str, at_load: str
) -> None:
    revocations = listed(tmp_path, {**BY_DIGEST, "action": action})
    for purpose, expected in (("install", at_install), ("load", at_load)):
        if " " in expected:
            standing = revocations.check(by_digest(), purpose)  # type: ignore[arg-type]
            assert expected in str(standing)
            assert standing.warnings
        else:
            assert refused(revocations, by_digest(), purpose) == expected


def test_only_a_yank_can_be_lifted(tmp_path: Path) -> None:
    lifted = listed(tmp_path, {**BY_DIGEST, "action": "yank"}).check(by_digest(), "install", accept_yanked=True)
    assert lifted.warnings == ("yanked: stolen key (https://example.com/1)",)
    for action in ("block-install", "block-load"):
        with pytest.raises(Refused, match="revokes it"):
            listed(tmp_path, {**BY_DIGEST, "action": action}).check(by_digest(), "install", accept_yanked=True)


def test_what_blocks_decides_whatever_stands_before_it(tmp_path: Path) -> None:
    entries = [{**BY_DIGEST, "action": action} for action in ("warn", "yank", "block-install", "block-load")]
    assert refused(listed(tmp_path, *entries), by_digest(), "install") == "revoked"


def test_a_withdrawn_entry_decides_nothing_and_stays_visible(tmp_path: Path) -> None:
    undone = {**BY_DIGEST, "withdrawn": {"at": STAMP, "reason": "it was the server"}}
    revocations = listed(tmp_path, undone)
    standing = revocations.check(by_digest(), "install")
    assert "not among 0 revocations (list 4)" in str(standing)
    assert not standing.warnings
    (hit,) = revocations.about(by_digest())
    assert hit.entry.withdrawn is not None
    assert hit.entry.withdrawn.reason == "it was the server"
    assert refused(listed(tmp_path, undone, BY_DIGEST), by_digest()) == "revoked"


@pytest.mark.parametrize(
    "entries",
    [
        [{"sha256": DIGEST}],
        [{**BY_DIGEST, "action": "allow"}],
        [{**BY_DIGEST, "name": "acme-hello"}],
        [{**BY_DIGEST, **BY_SIGNER}],
        [WHY],
        [{key: value for key, value in BY_SIGNER.items() if key != "from"}],
        [{**BY_SIGNER, "from": "2026-11-01T00:00:00"}],
        [{**BY_SIGNER, "identity": "**"}],
        [{**BY_DIGEST, "sha256": DIGEST.upper()}],
        [{**BY_DIGEST, "sha256": DIGEST + "\n"}],
        [{**BY_DIGEST, "reason": ""}],
        [{**BY_DIGEST, "reason": "\x1b[2Jnothing"}],
        [{**BY_DIGEST, "url": "javascript:alert(1)"}],
        [{**BY_DIGEST, "withdrawn": {"at": STAMP}}],
        [{**BY_VERSION, "versions": "*"}],
        [{**BY_VERSION, "versions": " "}],
        [{**BY_VERSION, "versions": "==1.*"}],
        [{**BY_VERSION, "versions": "~=1.2"}],
        [{**BY_VERSION, "plugin": "Acme_Hello"}],
        [{key: value for key, value in BY_VERSION.items() if key != "registry"}],
        "none",
    ],
)
def test_a_list_that_is_not_understood_stops_everything(tmp_path: Path, entries: Any) -> None:
    with pytest.raises(ConfigurationProblem, match="is damaged"):
        listed(tmp_path, entries=entries).check(ANOTHER, "load")


def test_the_published_schema_refuses_no_list_that_is_read_and_most_that_are_not() -> None:
    schema = json.loads((policies_dir() / "schemas" / "revocations.schema.json").read_bytes())
    validator = Draft202012Validator(schema)
    undone = {**BY_DIGEST, "withdrawn": {"at": STAMP, "reason": "it was the server"}}
    document = {"schema": 1, "sequence": 4, "issued": STAMP, "expires": "2026-12-01T00:00:00+01:00"}
    good = {**document, "entries": [BY_DIGEST, {**BY_SIGNER, "root": DIGEST}, BY_VERSION, undone]}
    assert read_document(json.dumps(good).encode()).entries
    validator.validate(good)
    for bad in (WHY, {**BY_DIGEST, "name": "x"}, {**BY_DIGEST, **BY_VERSION}, {**BY_VERSION, "plugin": "Acme_Hello"}):
        assert not validator.is_valid({**document, "entries": [bad]})
    assert not validator.is_valid({**good, "issued": "2026-11-01T00:00:00"})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"schema":1,"schema":1,"sequence":1,"issued":"2026-11-01T00:00:00Z","entries":[]}',
        b'{"schema":2,"sequence":1,"issued":"2026-11-01T00:00:00Z","entries":[]}',
        b'{"schema":1,"sequence":true,"issued":"2026-11-01T00:00:00Z","entries":[]}',
        b'{"schema":1,"sequence":1e9999,"issued":"2026-11-01T00:00:00Z","entries":[]}',
        b'{"schema":1,"sequence":99999999999999999999,"issued":"2026-11-01T00:00:00Z","entries":[]}',
        b"[" * 100_000,
    ],
)
def test_no_reading_gives_two_meanings_or_a_crash(data: bytes) -> None:
    for read in (read_document, read_statement):
        with pytest.raises(ListInvalid):
            read(data)


def test_a_list_that_others_can_write_stops_everything(tmp_path: Path) -> None:
    revocations = listed(tmp_path)
    (tmp_path / "revocations.json").chmod(0o666)
    with pytest.raises(ConfigurationProblem, match="can be written by other users"):
        revocations.check(ANOTHER, "load")


def test_a_change_of_the_list_is_seen_at_the_next_question(tmp_path: Path) -> None:
    revocations = listed(tmp_path)
    before = revocations.stamp()
    assert "not among 0" in str(revocations.check(by_digest(), "load"))
    listed(tmp_path, BY_DIGEST)
    assert revocations.stamp() != before
    assert refused(revocations, by_digest()) == "revoked"


def test_the_owners_list_is_held_to_the_bound_where_it_is_the_only_one(tmp_path: Path) -> None:
    issued = datetime(2026, 11, 1, tzinfo=UTC)
    bounded = Revocations(TrustFile(tmp_path / "trust.toml", loader=LoaderRules(30)), tmp_path)
    with pytest.raises(Refused, match="missing") as missing:
        bounded.refuse_stale(issued)
    listed(tmp_path)
    bounded.refuse_stale(issued + timedelta(days=30))
    with pytest.raises(Refused, match="30 days") as old:
        bounded.refuse_stale(issued + timedelta(days=30, seconds=1))
    with pytest.raises(Refused, match="after this machine") as early:
        bounded.refuse_stale(issued - timedelta(days=1))
    assert {missing.value.rule, old.value.rule, early.value.rule} == {"revocation-list-stale"}
