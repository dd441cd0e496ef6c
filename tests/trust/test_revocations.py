"""Signed revocation lists: what is taken in, what a load looks up, and what stays when things break."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import math
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import pytest
from eventually import eventually

from theodore_loader.errors import ConfigurationProblem, Quarantined, Refused
from theodore_loader.host import PluginHost
from theodore_loader.preparation import Preparation
from theodore_loader.sandbox.tier import available
from theodore_loader.supervise.settings import Supervision
from theodore_loader.supervise.status import State
from theodore_loader.trust.decisions.history import newest_first
from theodore_loader.trust.pins import Consent
from theodore_loader.trust.revocations.document import Document, Entry, write_statement
from theodore_loader.trust.revocations.index import Subject, authority_names
from theodore_loader.trust.revocations.intake import TakenIn, take_in
from theodore_loader.trust.revocations.kept import Place
from theodore_loader.trust.revocations.lookup import Revocations
from theodore_loader.trust.revocations.signed import MAX_BUNDLE
from theodore_loader.trust.trust_file import LoaderRules, Revoker, SignerRule, TrustFile
from theodore_loader.trust.verify import NotVerified, Verified, verify
from theodore_plugin.cli.failure import exit_code
from theodore_plugin.cli.program import main
from theodore_plugin.revocations import update
from theodore_plugin.revocations.update import update_from_url
from theodore_plugin.signing.instances import Local, local
from theodore_plugin.signing.revoke import adding, before, sign_next

BAD = "b" * 64
"""The digest that the list in place blocks, whatever else is tried."""
WHY = {"reason": "steals tokens", "url": "https://example.com/1"}
WORKING = b"""
from theodore_sdk import HealthStatus, ScraperPlugin, ScrapingResult, ValidationResult

class Plugin(ScraperPlugin):
    def get_plugin_info(self):
        raise NotImplementedError
    async def initialize(self, container, config):
        pass
    async def validate_configuration(self, config):
        return ValidationResult.success()
    async def health_check(self):
        return HealthStatus.healthy()
    async def cleanup(self):
        pass
    async def scrape_content(self, request):
        return ScrapingResult("", "", 200, True)
"""

Edit = Callable[[dict[str, Any]], object]


def blocking(sha256: str = BAD, action: str = "block-load") -> Entry:
    return Entry(action=action, sha256=sha256, **WHY)  # type: ignore[arg-type]


def nothing(_: dict[str, Any]) -> None:
    """Change nothing."""


@dataclass
class Desk:
    """A host with one revoker, ``acme``, and whoever signs in its name."""

    home: Path
    trust: TrustFile
    signers: dict[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        return Place(self.home, "acme")

    @property
    def revocations(self) -> Revocations:
        return Revocations(self.trust, self.home)

    def list(
        self,
        sequence: int = 2,
        *entries: Entry,
        revoker: str = "acme",
        by: str = "default",
        days: float = 30,
        issued: datetime | None = None,
        edit: Edit = nothing,
    ) -> bytes:
        """Sign a list, by default one that blocks ``BAD``, after ``edit`` changed its statement."""
        issued = issued or datetime.now(UTC).replace(microsecond=0)
        document = Document(1, sequence, issued, list(entries) or [blocking()], issued + timedelta(days=days))
        statement = json.loads(write_statement(revoker, document))
        edit(statement)
        return self.signed(json.dumps(statement).encode(), by)

    def signed(self, payload: bytes, by: str = "default") -> bytes:
        from sigstore.dsse import Statement

        return self.signers[by].sign_dsse(Statement(payload)).to_json().encode()  # type: ignore[no-any-return]

    def predicate(self, edit: Edit) -> bytes:
        """Sign list 3 with its predicate edited, and a subject that fits what came of it."""
        from theodore_loader import strict_json
        from theodore_loader.trust.revocations.document import _digest

        def change(statement: dict[str, Any]) -> None:
            edit(statement["predicate"])
            statement["subject"][0]["digest"]["sha256"] = _digest(statement["predicate"])
            strict_json.canonical(statement)

        return self.list(3, edit=change)

    def take(self, data: bytes, **options: Any) -> TakenIn:
        return take_in(data, self.trust, self.home, datetime.now(UTC), **options)

    def sequence(self) -> int:
        return self.revocations.sources()[0].facts.sequence

    def rule_of(self, sha256: str = BAD) -> str | None:
        try:
            self.revocations.check(Subject(sha256, "x", "1"), "load")
        except Refused as refusal:
            return refusal.rule
        return None


class Pen(contextlib.ExitStack):
    """Signs as an instance, with one certificate for many lists.

    One is good for minutes, and a connection that nobody uses for seconds: on a slow machine neither lasts for all.
    """

    def __init__(self, instance: Local) -> None:
        super().__init__()
        self._instance = instance
        self._made = self._used = -math.inf

    def sign_dsse(self, statement: Any) -> Any:
        if time.monotonic() > min(self._made + 120, self._used + 10):
            self.close()
            self._signer = self.enter_context(self._instance.signer())
            self._made = time.monotonic()
        self._used = time.monotonic()
        return self._signer.sign_dsse(statement)


@pytest.fixture(scope="module")
def signers(workshop) -> Iterator[dict[str, Pen]]:
    """Two instances, each with a certificate for many lists of this file."""
    with Pen(workshop.instance()) as ours, Pen(workshop.instance("rogue")) as rogue:
        yield {"default": ours, "rogue": rogue}


@pytest.fixture
def desk(workshop, signers, tmp_path) -> Desk:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    known = TrustFile.load(workshop.home / "trust.toml")
    signer = known.publishers[0].signer
    return Desk(
        home, replace(known, path=home / "trust.toml", revokers=(Revoker("acme", signer),), sha256=None), signers
    )


# --- what is refused leaves what is there ----------------------------------------------------------------------------


def _edited_bundle(data: bytes, edit: Edit) -> bytes:
    bundle = json.loads(data)
    edit(bundle)
    return json.dumps(bundle).encode()


def _swap_payload(desk: Desk) -> bytes:
    """Put the payload of another list into a signed bundle."""
    other = json.loads(desk.list(9))["dsseEnvelope"]["payload"]
    return _edited_bundle(desk.list(3), lambda bundle: bundle["dsseEnvelope"].update(payload=other))


def _duplicated_key(desk: Desk) -> bytes:
    payload = base64.b64decode(json.loads(desk.list(3))["dsseEnvelope"]["payload"])
    return desk.signed(payload.replace(b'"sequence":', b'"sequence": 1, "sequence":', 1))


HOSTILE: dict[str, tuple[str, Callable[[Desk], bytes]]] = {
    "an older list": ("revocation-list-went-back", lambda desk: desk.list(1)),
    "another list of the same sequence": ("revocation-list-went-back", lambda desk: desk.list(2, blocking("c" * 64))),
    "a list by another instance": ("signer-not-trusted", lambda desk: desk.list(3, by="rogue")),
    "a list of another revoker": ("revocation-list-invalid", lambda desk: desk.list(3, revoker="acme2")),
    "a list of a revoker in another case": ("revocation-list-invalid", lambda desk: desk.list(3, revoker="ACME")),
    "an expired list": (
        "revocation-list-stale",
        lambda desk: desk.list(3, issued=datetime.now(UTC) - timedelta(days=31)),
    ),
    "a list from the future": (
        "revocation-list-invalid",
        lambda desk: desk.list(3, issued=datetime.now(UTC) + timedelta(hours=1)),
    ),
    "nothing": ("signature-invalid", lambda desk: b""),
    "no bundle": ("signature-invalid", lambda desk: b"\x7fELF"),
    "a truncated list": ("signature-invalid", lambda desk: desk.list(3)[:-40]),
    "a huge list": ("revocation-list-invalid", lambda desk: b" " * (MAX_BUNDLE + 1)),
    "nested without end": ("signature-invalid", lambda desk: b"[" * 100_000),
    "a key twice in the bundle": (
        "signature-invalid",
        lambda desk: desk.list(3).replace(b'{"mediaType"', b'{"mediaType":"x","mediaType"', 1),
    ),
    "a key twice in the list": ("revocation-list-invalid", _duplicated_key),
    "another payload under the signature": ("signature-invalid", _swap_payload),
    "another payload type under the signature": (
        "signature-invalid",
        lambda desk: _edited_bundle(
            desk.list(3), lambda bundle: bundle["dsseEnvelope"].update(payloadType="text/plain")
        ),
    ),
    "no log entry": (
        "signature-invalid",
        lambda desk: _edited_bundle(desk.list(3), lambda bundle: bundle["verificationMaterial"]["tlogEntries"].clear()),
    ),
    "a statement of another type": (
        "revocation-list-invalid",
        lambda desk: desk.list(3, edit=lambda it: it.update(predicateType="https://slsa.dev/verification_summary/v1")),
    ),
    "a subject that is another list": (
        "revocation-list-invalid",
        lambda desk: desk.list(3, edit=lambda it: it["subject"][0]["digest"].update(sha256="0" * 64)),
    ),
    "two subjects": (
        "revocation-list-invalid",
        lambda desk: desk.list(3, edit=lambda it: it["subject"].append(it["subject"][0])),
    ),
    "versions of another's registry": (
        "revocation-list-invalid",
        lambda desk: desk.list(3, Entry(action="yank", registry="shop", plugin="acme-hello", versions="<2", **WHY)),
    ),
    "a root by its name on some host": (
        "revocation-list-invalid",
        lambda desk: desk.list(
            3,
            Entry(action="warn", root="local", issuer="https://i", identity="me", since=datetime.now(UTC), **WHY),
        ),
    ),
    "a bare name": (
        "revocation-list-invalid",
        lambda desk: desk.predicate(lambda it: it["entries"].append({"plugin": "acme-hello", "action": "warn", **WHY})),
    ),
    "an unknown action": (
        "revocation-list-invalid",
        lambda desk: desk.predicate(lambda it: it["entries"][0].update(action="allow")),
    ),
    "an unknown field": ("revocation-list-invalid", lambda desk: desk.predicate(lambda it: it.update(final=True))),
    "no expiry": ("revocation-list-invalid", lambda desk: desk.predicate(lambda it: it.pop("expires"))),
    "expired before it was issued": ("revocation-list-invalid", lambda desk: desk.list(3, days=-1)),
    "sequence 0": ("revocation-list-invalid", lambda desk: desk.predicate(lambda it: it.update(sequence=0))),
    "a sequence that is text": (
        "revocation-list-invalid",
        lambda desk: desk.predicate(lambda it: it.update(sequence="3")),
    ),
    "a time without a zone": (
        "revocation-list-invalid",
        lambda desk: desk.predicate(lambda it: it.update(issued="2026-11-01T00:00:00")),
    ),
    "another schema": ("revocation-list-invalid", lambda desk: desk.predicate(lambda it: it.update(schema=2))),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_refused_leaves_the_list_in_place(name: str, desk: Desk) -> None:
    rule, make = HOSTILE[name]
    assert desk.take(desk.list(2)).changed
    before = {path.name: path.read_bytes() for path in desk.place.bundle.parent.iterdir()}
    with pytest.raises(Refused) as refusal:
        desk.take(make(desk))
    assert refusal.value.rule == rule
    assert refusal.value.help
    assert exit_code(refusal.value) == 5
    assert {path.name: path.read_bytes() for path in desk.place.bundle.parent.iterdir()} == before
    assert (desk.sequence(), desk.rule_of()) == (2, "revoked")


def test_the_cases_are_refused_for_what_was_changed(desk: Desk) -> None:
    assert desk.take(desk.list(2)).before is None
    again = desk.take(desk.place.bundle.read_bytes())
    assert not again.changed
    taken = desk.take(desk.predicate(nothing))
    assert (taken.before.sequence, taken.signed.facts.sequence) == (2, 3)  # type: ignore[union-attr]
    assert desk.take(desk.list(7)).changed  # a revoker may leave numbers out
    assert desk.sequence() == 7


def test_a_wheels_own_signatures_are_no_list(desk: Desk, bench) -> None:
    for data in (bench.bundle, bench.attestations.split(b"\n")[0]):
        with pytest.raises(Refused) as refusal:
            desk.take(data)
        assert refusal.value.rule in {"signature-invalid", "revocation-list-invalid"}


def test_the_revokers_signer_is_matched_like_every_other(desk: Desk) -> None:
    known = desk.trust.revokers[0].signer

    def under(rule: SignerRule) -> str | None:
        trust = replace(desk.trust, revokers=(Revoker("acme", rule),))
        try:
            take_in(desk.list(5), trust, desk.home, datetime.now(UTC))
        except Refused as refusal:
            return refusal.rule
        return None

    stranger = "signer-not-trusted"
    assert under(replace(known, identity=known.identity[:-1])) == stranger
    assert under(replace(known, identity=known.identity + "0")) == stranger
    assert under(replace(known, identity=known.identity.upper())) == stranger
    assert under(replace(known, issuer="https://evil.example")) == stranger
    assert under(replace(known, claims={"source_repository_id": "1"})) == stranger
    assert under(replace(known, identity="urn:theodore:**")) is None
    nobody = replace(desk.trust, revokers=())
    with pytest.raises(Refused, match=r"no \[\[revoker\]\]"):
        take_in(desk.list(6), nobody, desk.home, datetime.now(UTC))


def test_of_two_revokers_with_one_signer_each_has_its_own_lists(desk: Desk) -> None:
    both = replace(desk.trust, revokers=(*desk.trust.revokers, Revoker("other", desk.trust.revokers[0].signer)))
    desk.trust = both
    assert desk.take(desk.list(4, revoker="other")).signed.revoker.id == "other"
    with pytest.raises(Refused, match="that of revoker 'other'"):
        desk.take(desk.list(5, revoker="other"), revoker="acme")
    with pytest.raises(ConfigurationProblem, match="names no revoker 'third'"):
        desk.take(desk.list(5), revoker="third")
    with pytest.raises(Refused, match="no revocation list of acme"):
        desk.revocations.check(Subject(BAD, "x", "1"), "load")
    shutil.copy(Place(desk.home, "other").bundle, desk.place.bundle)
    with pytest.raises(Refused, match="that of revoker 'other'") as swapped:
        desk.revocations.check(Subject(BAD, "x", "1"), "load")
    assert swapped.value.rule == "revocation-list-invalid"


# --- files that somebody put back, took away, or damaged -------------------------------------------------------------


def test_an_older_list_put_back_is_refused_at_every_load(desk: Desk) -> None:
    desk.take(desk.list(2))
    older = desk.place.bundle.read_bytes()
    desk.take(desk.list(3, blocking(), blocking("c" * 64)))
    desk.place.bundle.write_bytes(older)
    assert desk.rule_of("d" * 64) == "revocation-list-went-back"
    desk.place.index.unlink()
    assert desk.rule_of("d" * 64) == "revocation-list-went-back"
    assert desk.take(desk.list(4)).changed  # the way out: a newer list
    assert desk.rule_of("d" * 64) is None


def test_a_list_that_is_gone_or_damaged_stops_every_load_and_can_be_taken_in_again(desk: Desk) -> None:
    data = desk.list(2)
    assert desk.rule_of("d" * 64) == "revocation-list-stale"
    desk.take(data)
    desk.place.bundle.unlink()
    assert desk.rule_of("d" * 64) == "revocation-list-stale"
    assert desk.take(data).changed
    assert desk.rule_of("d" * 64) is None
    desk.place.bundle.write_bytes(data[:-10])
    assert desk.rule_of("d" * 64) == "signature-invalid"
    assert desk.take(data).changed
    desk.place.bundle.chmod(0o666)
    with pytest.raises(ConfigurationProblem, match="can be written by other users"):
        desk.rule_of()


def test_whoever_was_killed_between_list_and_sequence_has_the_new_list_for_good(desk: Desk) -> None:
    desk.take(desk.list(2))
    before = desk.place.sequence.read_bytes()
    replayed = desk.place.bundle.read_bytes()
    desk.take(desk.list(3))
    desk.place.sequence.write_bytes(before)
    desk.place.index.unlink()
    with pytest.raises(Refused, match="another list with sequence 3"):
        desk.take(desk.list(3, blocking("c" * 64)))
    desk.place.sequence.write_bytes(before)
    assert (desk.sequence(), desk.rule_of()) == (3, "revoked")
    desk.place.index.unlink()
    desk.place.bundle.touch()
    assert desk.sequence() == 3
    with pytest.raises(Refused, match="has sequence 2, and 3 was here already"):
        desk.take(replayed)


def test_a_damaged_sequence_stops_everything_until_somebody_looks(desk: Desk) -> None:
    data = desk.list(2)
    desk.take(data)
    for damaged in (b"", b"{}", b'{"schema":1,"sequence":1e3,"sha256":"x"}', b"9" * 5000):
        desk.place.sequence.write_bytes(damaged)
        for ask in (desk.rule_of, lambda: desk.take(data)):
            with pytest.raises(ConfigurationProblem):
                ask()
    desk.place.sequence.unlink()
    assert desk.rule_of() == "revoked"


def test_no_edit_of_what_is_kept_makes_a_revocation_disappear(desk: Desk) -> None:
    desk.take(desk.list(2, blocking(), *(blocking(f"{number:064x}") for number in range(40))))
    kept = desk.place.index.read_bytes()
    for position in range(0, len(kept), max(1, len(kept) // 60)):
        desk.place.index.write_bytes(kept[:position] + bytes([kept[position] ^ 1]) + kept[position + 1 :])
        desk.place.bundle.touch()  # makes this process open both again
        assert _refused_or_damaged(desk), position
    for data in (b"", kept[:70], kept[: len(kept) // 2], kept + b"x", kept.replace(b"bbbb", b"cccc")):
        desk.place.index.write_bytes(data)
        desk.place.bundle.touch()
        assert _refused_or_damaged(desk)


def _refused_or_damaged(desk: Desk) -> bool:
    try:
        return desk.rule_of() == "revoked"
    except ConfigurationProblem:
        return True


def test_what_another_home_has_sealed_is_not_believed(desk: Desk, tmp_path: Path) -> None:
    desk.take(desk.list(2, blocking("c" * 64)))
    harmless = desk.place.index.read_bytes()
    other = Desk(tmp_path / "other", replace(desk.trust, path=tmp_path / "other" / "trust.toml"), desk.signers)
    other.home.mkdir(mode=0o700)
    other.take(desk.list(2))
    other.place.index.write_bytes(harmless)
    other.place.bundle.touch()
    assert other.rule_of() == "revoked"


def test_lists_taken_in_at_once_end_with_the_newest(desk: Desk) -> None:
    lists = [desk.list(sequence, blocking(f"{sequence:064x}")) for sequence in range(2, 10)]

    def take(data: bytes) -> str | None:
        try:
            desk.take(data)
        except Refused as refusal:
            return refusal.rule
        return None

    with ThreadPoolExecutor(8) as pool:
        outcomes = set(pool.map(take, [*lists, *reversed(lists)]))
    assert outcomes <= {None, "revocation-list-went-back"}
    assert desk.sequence() == 9
    assert json.loads(desk.place.sequence.read_bytes())["sequence"] == 9


# --- at a load -------------------------------------------------------------------------------------------------------


def test_a_warm_lookup_imports_no_sigstore_and_reads_a_list_once(desk: Desk) -> None:
    desk.take(desk.list(2, blocking(), *(blocking(f"{number:064x}") for number in range(500))))
    asked = f"""
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from theodore_loader.trust.revocations.index import Subject
from theodore_loader.trust.revocations.lookup import Revocations
from theodore_loader.trust.trust_file import Revoker, Root, SignerRule, TrustFile
home, opened = Path({str(desk.home)!r}), Counter()
root = Root("local", "", Path({str(_root_file(desk))!r}).read_bytes())
signer = SignerRule("local", {desk.trust.revokers[0].signer.issuer!r}, {desk.trust.revokers[0].signer.identity!r})
trust = TrustFile(home / "trust.toml", roots={{"local": root}}, revokers=(Revoker("acme", signer),))
sys.addaudithook(lambda event, args: opened.update([str(args[0])]) if event == "open" else None)
refused = 0
for number in range(1000):
    revocations = Revocations(trust, home)
    revocations.refuse_stale(datetime.now(UTC))
    try:
        revocations.check(Subject(f"{{number:064x}}", "x", "1"), "load")
    except Exception as problem:
        assert problem.rule == "revoked", problem
        refused += 1
folder = str(home / "revocations")
print(refused, [name for name in sys.modules if name.startswith("sigstore")],
      {{Path(path).suffixes[-1]: count for path, count in opened.items() if path.startswith(folder)}})
"""
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    refused, modules, opened = done.stdout.split(" ", 2)
    assert (refused, modules) == ("500", "[]")
    assert json.loads(opened.replace("'", '"'))[".index"] == 1


def _root_file(desk: Desk) -> Path:
    path = desk.home / "root.json"
    path.write_bytes(desk.trust.roots["local"].document)
    return path


@pytest.mark.parametrize(
    ("revoker", "general", "age", "fine"),
    [
        (None, None, 29, True),
        (None, None, 31, False),
        (7, None, 6, True),
        (7, None, 8, False),
        (None, 7, 8, False),
        (20, 7, 19, True),
        (20, 60, 21, False),
        (None, None, -1, False),
    ],
)
def test_each_revokers_list_is_held_to_its_expiry_and_its_bound(
    desk: Desk, revoker: int | None, general: int | None, age: int, fine: bool
) -> None:
    desk.take(desk.list(2))
    trust = replace(
        desk.trust,
        revokers=(replace(desk.trust.revokers[0], max_age_days=revoker),),
        loader=LoaderRules(max_revocation_age_days=general),
    )
    moment = datetime.now(UTC) + timedelta(days=age)
    if fine:
        Revocations(trust, desk.home).refuse_stale(moment)
        return
    with pytest.raises(Refused) as refusal:
        Revocations(trust, desk.home).refuse_stale(moment)
    assert refusal.value.rule == "revocation-list-stale"


def test_verification_looks_into_every_list(desk: Desk, bench) -> None:
    def outcome(*entries: Entry, sequence: int) -> str:
        desk.take(desk.list(sequence, *entries))
        try:
            return verified().steps[5].detail
        except NotVerified as refusal:
            return f"{refusal.rule} at {refusal.number}"

    def verified() -> Verified:
        return verify(bench.files, trust=trust, policy=bench.policy, revocations=Revocations(trust, desk.home))

    trust = desk.trust
    signer = trust.publishers[0].signer
    named = {"issuer": signer.issuer, "identity": signer.identity, "since": datetime(2020, 1, 1, tzinfo=UTC)}
    authority = authority_names(trust.roots[signer.root].document)[-1]
    offered = {"registry": "acme", "plugin": "acme-hello", "versions": "<2"}
    assert "not among 1 revocations (list 2 of acme)" in outcome(blocking(), sequence=2)
    assert outcome(blocking(bench.wheel.sha256), sequence=3) == "revoked at 6"
    assert outcome(Entry(action="block-load", root=authority, **named, **WHY), sequence=4) == "revoked at 6"
    assert "not among" in outcome(Entry(action="block-load", root="0" * 64, **named, **WHY), sequence=5)
    assert "not among" in outcome(Entry(action="block-load", **offered, **WHY), sequence=6)
    trust = replace(trust, publishers=(replace(trust.publishers[0], registry="acme"),))
    assert outcome(Entry(action="block-load", **offered, **WHY), sequence=7) == "revoked at 6"
    assert "yanked: steals tokens" in outcome(Entry(action="yank", **offered, **WHY), sequence=8)


def test_a_yank_keeps_what_is_installed_and_what_is_not_away(desk: Desk, workshop, tmp_path: Path) -> None:
    path, wheel = workshop.write(tmp_path, version="2.0.0", permissions=())
    workshop.sign(path, wheel)
    preparation = Preparation(desk.home, desk.trust, workshop.policy)
    desk.take(desk.list(2, blocking(wheel.sha256, "yank")))
    for act in (preparation.install, preparation.prepare):
        with pytest.raises(Refused, match="steals tokens") as refusal:
            act(path)
        assert refusal.value.rule == "version-yanked"
    preparation.install(path, Consent(yanked=True))
    assert preparation.prepare("acme-hello").marks == ("yanked",)
    assert preparation.prepare(path).marks == ("yanked",)
    desk.take(desk.list(3, blocking(wheel.sha256, "block-install")))
    assert preparation.prepare("acme-hello").marks == ("not to be installed",)
    with pytest.raises(Refused) as blocked:
        preparation.install(path, Consent(yanked=True))
    assert blocked.value.rule == "revoked"
    desk.take(desk.list(4, blocking(wheel.sha256)))
    with pytest.raises(Refused) as revoked:
        preparation.prepare("acme-hello")
    assert revoked.value.rule == "revoked"


async def test_a_running_plugin_ends_when_a_list_that_revokes_it_is_taken_in(desk: Desk, workshop, tmp_path) -> None:
    path, wheel = workshop.write(tmp_path, version="2.0.0", permissions=(), extra=WORKING)
    workshop.sign(path, wheel)
    told: list[str] = []
    desk.take(desk.list(2))
    async with PluginHost(
        home=desk.home,
        trust=desk.trust,
        policy=workshop.policy,
        minimum_tier=available().tier,
        supervision=Supervision(ping_seconds=0.1, most_missed=10_000),  # a busy machine is no dead worker
        on_event=lambda event: told.append(event.kind.value),
    ) as host:
        plugin = await host.load(path)
        assert (await plugin.health_check()).is_healthy
        await asyncio.to_thread(desk.take, desk.list(3, blocking(wheel.sha256)))
        await _until(host, State.REVOKED)
        (status,) = host.plugins()
        assert status.pid is None
        assert "steals tokens" in (status.last_error or "")
        assert told[-1] == "revoked"
        with pytest.raises(Quarantined, match="steals tokens"):
            await plugin.health_check()
        with pytest.raises(Refused, match="revokes it"):
            await host.release("acme-hello")
        newer, content = workshop.write(tmp_path, version="2.0.1", permissions=(), extra=WORKING)
        workshop.sign(newer, content)
        assert (await host.reload("acme-hello", newer)).version == "2.0.1"
        assert (await plugin.health_check()).is_healthy
        await host.unload("acme-hello")
        await asyncio.to_thread(desk.take, desk.list(4))
        await host.load(path)
        await asyncio.to_thread(desk.take, desk.list(5, blocking(wheel.sha256)))
        await _until(host, State.REVOKED)
        await asyncio.to_thread(desk.take, desk.list(6))
        await host.release("acme-hello")
        assert host.plugins()[0].state is State.READY
        await asyncio.to_thread(desk.take, desk.list(7, blocking(wheel.sha256, "warn")))
        await host.unload("acme-hello")
        await host.load(path)
        assert told[-1] == "warned"
        assert host.plugins()[0].marks == ("warning",)


async def _until(host: PluginHost, state: State) -> None:
    assert await eventually(lambda: host.plugins()[0].state is state)


# --- fetching --------------------------------------------------------------------------------------------------------


@dataclass
class Web:
    """A web server on loopback, with one file."""

    url: str
    asked: list[str | None] = field(default_factory=list)
    body: bytes = b""
    status: int = 200
    location: str | None = None


@pytest.fixture
def web() -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get("If-None-Match")
            served.asked.append(known)
            etag = f'"{hash(served.body)}"'
            self.send_response(304 if known == etag else served.status)
            self.send_header("ETag", etag)
            if served.location:
                self.send_header("Location", served.location)
            self.send_header("Content-Length", "0" if known == etag else str(len(served.body)))
            self.end_headers()
            if known != etag:
                self.wfile.write(served.body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served = Web(f"http://127.0.0.1:{server.server_port}/acme.sigstore.json")
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield served
        server.shutdown()


def test_a_list_is_fetched_only_when_it_has_changed_or_is_not_in_place(desk: Desk, web: Web) -> None:
    def update() -> TakenIn | None:
        return update_from_url(web.url, desk.trust, desk.home, "acme")

    web.body = desk.list(2)
    assert update().changed  # type: ignore[union-attr]
    assert update() is None
    web.body = desk.list(3)
    assert update().changed  # type: ignore[union-attr]
    desk.place.bundle.write_bytes(b"damaged")
    assert update().changed  # type: ignore[union-attr]
    assert [known is None for known in web.asked] == [True, False, False, True]
    assert desk.sequence() == 3


def test_what_cannot_be_fetched_or_is_refused_changes_nothing(desk: Desk, web: Web) -> None:
    desk.take(desk.list(2))

    def update(**served: Any) -> BaseException:
        web.__dict__.update({"status": 200, "location": None, **served})
        with pytest.raises((ConfigurationProblem, Refused)) as problem:
            update_from_url(web.url, desk.trust, desk.home)
        assert desk.sequence() == 2
        return problem.value

    assert "404" in str(update(status=404))
    assert "not allowed" in str(update(status=302, location="file:///etc/passwd"))
    assert "larger than 48 MiB" in str(update(body=b" " * (MAX_BUNDLE + 1)))
    assert getattr(update(body=desk.list(1)), "rule", None) == "revocation-list-went-back"
    assert getattr(update(body=b"<html>"), "rule", None) == "signature-invalid"
    for unsafe in ("ftp://example.com/list", "http://example.com/list", "https://me:secret@example.com/list"):
        with pytest.raises(ConfigurationProblem, match="not https"):
            update_from_url(unsafe, desk.trust, desk.home)


def test_a_server_that_never_ends_its_answer_is_left(desk: Desk, monkeypatch) -> None:
    monkeypatch.setattr(update, "FETCH_SECONDS", 0.3)
    for drip in (b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n"):
        enough = threading.Event()
        with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
            pool.submit(_dripping, listener, drip, enough)
            try:
                with pytest.raises(ConfigurationProblem, match="not there after 0 s"):
                    update_from_url(f"http://127.0.0.1:{listener.getsockname()[1]}/", desk.trust, desk.home)
            finally:
                enough.set()


def _dripping(listener: socket.socket, beginning: bytes, enough: threading.Event) -> None:
    listener.settimeout(60)
    connection, _ = listener.accept()
    with connection, contextlib.suppress(OSError):
        connection.sendall(beginning)
        while not enough.wait(0.02):
            connection.sendall(b"x")


def test_no_mutation_of_a_list_is_taken_in_as_another_one(desk: Desk) -> None:
    desk.take(desk.list(2))
    good, random = desk.list(3, blocking(), blocking("c" * 64)), Random(25)
    digest = None
    outcomes: Counter[str] = Counter()
    for _ in range(250):
        data = bytearray(good)
        for _ in range(random.randint(1, 3)):
            data[random.randrange(len(data))] = random.choice(b'0aAz"{}[]:,=\\ \x00\xff')
        try:
            taken = desk.take(bytes(data))
        except Refused as refusal:
            outcomes[refusal.rule] += 1
        else:  # bytes of the bundle that nobody signs: the list is the very same
            digest = digest or taken.signed.facts.sha256
            assert taken.signed.facts.sha256 == digest
            assert taken.signed.facts.entries == 2
            outcomes["taken in"] += 1
    assert outcomes.keys() <= {"taken in", "signature-invalid", "revocation-list-invalid", "signer-not-trusted"}
    assert outcomes["signature-invalid"] > 200
    assert desk.rule_of() == "revoked"


# --- the command line ------------------------------------------------------------------------------------------------


@pytest.fixture
def run(desk: Desk, workshop, capsys, monkeypatch) -> Callable[..., tuple[int, str, str]]:
    """Run the program as the owner of a fresh home whose trust file names revoker ``acme``."""
    from theodore_plugin.signing.enrol import enrol_local

    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(desk.home))
    instance = enrol_local(workshop.policy).instance

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    signer = ("--root", "local", "--issuer", "https://local.theodore.invalid", "--identity", instance.identity)
    assert run("trust", "add-revoker", "--id", "acme", *signer)[0] == 0
    return run


def test_from_signing_a_list_to_its_withdrawal(desk: Desk, run, tmp_path: Path) -> None:
    made, said = tmp_path / "acme.sigstore.json", ("--reason", "steals tokens", "--url", "https://example.com/1")
    code, _, printed = run("revocations", "show")
    assert (code, "no revocation list of acme" in printed) == (5, True)
    assert run("revocations", "add", made, "--revoker", "acme", "--sha256", BAD, *said)[0] == 0
    first = made.read_bytes()
    code, printed, _ = run("revocations", "update", made)
    assert (code, "took in list 1 of acme" in printed) == (0, True)
    code, printed, _ = run("revocations", "check", BAD)
    assert (code, "block-load: steals tokens (https://example.com/1) (list 1 of acme)" in printed) == (5, True)
    assert run("revocations", "withdraw", made, "--sha256", BAD, "--reason", "it was the server")[0] == 0
    code, printed, _ = run("revocations", "update", made)
    assert (code, "0 hold, 1 withdrawn" in printed) == (0, True)
    code, printed, _ = run("revocations", "check", BAD, "--format", "json")
    (found,) = json.loads(printed)["entries"]
    assert (code, found["withdrawn"]["reason"]) == (0, "it was the server")
    made.write_bytes(first)
    code, _, printed = run("revocations", "update", made)
    assert (code, "error[revocation-list-went-back]" in printed) == (5, True)
    code, printed, _ = run("revocations", "show", "--entries")
    assert code == 0
    for expected in ("list 2 of acme", "withdrawn block-load", "it was the server", "identity  urn:theodore:local"):
        assert expected in printed
    recorded = [(entry.outcome, entry.rule) for entry in newest_first(desk.home) if entry.purpose == "revocations"]
    assert recorded == [("refused", "revocation-list-went-back"), ("accepted", None), ("accepted", None)]


def test_a_lost_list_is_not_begun_anew_behind_what_this_machine_has_seen(run, tmp_path: Path) -> None:
    made, said = tmp_path / "acme.sigstore.json", ("--reason", "r", "--url", "https://example.com/1")
    for digit in "123":
        assert run("revocations", "add", made, "--revoker", "acme", "--sha256", digit * 64, *said)[0] == 0
    assert run("revocations", "update", made)[0] == 0
    made.unlink()
    code, printed, _ = run("revocations", "add", made, "--revoker", "acme", "--sha256", BAD, *said)
    assert (code, "signed list 4 of acme" in printed) == (0, True)


def test_where_every_list_is_lost_the_revoker_says_how_far_it_was(run, tmp_path: Path) -> None:
    made, said = tmp_path / "acme.sigstore.json", ("--reason", "r", "--url", "https://example.com/1")
    code, printed, _ = run("revocations", "add", made, "--revoker", "acme", "--sha256", BAD, *said, "--after", 41)
    assert (code, "signed list 42 of acme" in printed) == (0, True)


def test_of_two_changes_at_once_one_is_told_to_look_again(desk: Desk, run, tmp_path: Path) -> None:
    made, said = tmp_path / "acme.sigstore.json", ("--reason", "r", "--url", "https://example.com/1")
    trust = TrustFile.load()
    last = before(made, "acme", trust)
    assert run("revocations", "add", made, "--revoker", "acme", "--sha256", BAD, *said)[0] == 0
    with pytest.raises(ConfigurationProblem, match="changed meanwhile"):
        sign_next(made, last, adding(blocking()), local(), days=1)
    assert before(made, None, trust).document.sequence == 1  # type: ignore[union-attr]


def test_somebody_elses_list_is_not_signed_again(desk: Desk, run, tmp_path: Path) -> None:
    made = tmp_path / "acme.sigstore.json"
    made.write_bytes(desk.list(4, by="rogue"))
    code, _, printed = run("revocations", "sign", made)
    assert (code, "error[signer-not-trusted]" in printed) == (5, True)


def test_a_list_is_not_taken_in_where_that_cannot_be_recorded(desk: Desk, run, tmp_path: Path) -> None:
    made, said = tmp_path / "acme.sigstore.json", ("--reason", "r", "--url", "https://example.com/1")
    assert run("revocations", "add", made, "--revoker", "acme", "--sha256", BAD, *said)[0] == 0
    (desk.home / "decisions").write_text("in the way")
    code, _, printed = run("revocations", "update", made)
    assert (code, "error[decision-not-recorded]" in printed) == (5, True)
    assert not desk.place.bundle.exists()


def test_entries_written_by_hand_are_signed_as_the_next_list(run, tmp_path: Path) -> None:
    written = tmp_path / "entries.json"
    entry = {"registry": "acme", "plugin": "acme-hello", "versions": "<1.2", "action": "yank", **WHY}
    written.write_text(json.dumps({"schema": 1, "entries": [entry]}))
    assert run("revocations", "sign", written)[0] == 2  # whose list?
    code, printed, _ = run("revocations", "sign", written, "--revoker", "acme")
    assert (code, "signed list 1 of acme" in printed) == (0, True)
    made = tmp_path / "acme.sigstore.json"
    assert "signed list 2 of acme" in run("revocations", "sign", made, "--days", "5")[1]
    assert run("revocations", "update", made)[0] == 0
    shown = json.loads(run("revocations", "show", "--entries", "--format", "json")[1])
    assert shown["lists"][0]["entries"] == [entry]
    written.write_text(json.dumps({"schema": 1, "entries": [{**entry, "registry": "another"}]}))
    code, _, printed = run("revocations", "sign", written, "--revoker", "acme")
    assert (code, "no host would accept" in printed) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("update", "{tmp}/absent.json"), 2),
        (("update",), 2),
        (("update", "--revoker", "nobody", "{tmp}/x"), 2),
        (("update", "{tmp}"), 2),
        (("check", "nobody"), 2),
        (("check", "B" * 64), 2),
        (("add", "{tmp}/l", "--sha256", BAD, "--reason", "r", "--url", "https://x"), 2),
        (("add", "{tmp}/l", "--revoker", "acme", "--reason", "r", "--url", "https://x"), 2),
        (("add", "{tmp}/l", "--revoker", "acme", "--sha256", "zz", "--reason", "r", "--url", "https://x"), 2),
        (("add", "{tmp}/l", "--revoker", "acme", "--sha256", BAD, "--plugin", "x", "--reason", "r", "--url", "u"), 2),
        (("add", "{tmp}/l", "--revoker", "acme", "--plugin", "x", "--reason", "r", "--url", "https://x"), 2),
        (("add", "{tmp}/l", "--revoker", "../x", "--sha256", BAD, "--reason", "r", "--url", "https://x"), 2),
        (("withdraw", "{tmp}/l", "--sha256", BAD, "--reason", "r"), 2),
        (("sign", "{tmp}/trash.json", "--revoker", "acme"), 2),
        (("sign", "{tmp}/trash.sigstore.json"), 5),
    ],
)
def test_wrong_input_is_told_with_a_way_out(run, tmp_path: Path, arguments: tuple[str, ...], code: int) -> None:
    for name in ("trash.json", "trash.sigstore.json"):
        (tmp_path / name).write_bytes(b"\x00trash")
    before = sorted(tmp_path.iterdir())
    answer, printed, problem = run("revocations", *(argument.format(tmp=tmp_path) for argument in arguments))
    assert answer == code, problem
    assert not printed
    assert "help:" in problem
    assert "this is a bug" not in problem
    assert sorted(tmp_path.iterdir()) == before
