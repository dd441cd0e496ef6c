"""Receipts spare the cryptography, and nothing else; a receipt that does not fit exactly is none."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from theodore_loader.artifact.store import Store
from theodore_loader.errors import Refused
from theodore_loader.paths import HOME_VARIABLE
from theodore_loader.preparation import Preparation
from theodore_loader.trust import receipts as receipts_module
from theodore_loader.trust.decisions.history import newest_first
from theodore_loader.trust.receipts import Receipts
from theodore_loader.trust.trust_file import LoaderRules, Publisher, TrustFile
from theodore_loader.trust.verify import verify
from theodore_plugin.signing.enrol import enrol_local

FILES = ("data", "filename", "bundle", "attestations", "unpacked")


def run(bench, receipts: Receipts | None, **changes):
    beside = {name: changes.pop(name) for name in FILES if name in changes}
    return verify(
        replace(bench.files, **beside), **{"trust": bench.trust, "policy": bench.policy, **changes}, receipts=receipts
    )


def used(verified) -> bool:
    return "nothing that rests on has changed" in verified.steps[1].detail


@pytest.fixture
def receipts(tmp_path: Path) -> Receipts:
    return Receipts(tmp_path)


def test_the_second_decision_rests_on_the_receipt_of_the_first(bench, receipts) -> None:
    first, second = run(bench, receipts), run(bench, receipts)
    assert (used(first), used(second)) == (False, True)
    assert (first.publisher, first.verifier, first.verdict, first.grants) == (
        second.publisher,
        second.verifier,
        second.verdict,
        second.grants,
    )
    assert [step.number for step in second.steps] == list(range(1, 9))


def test_sigstore_is_not_imported_for_it(bench, receipts, workshop, tmp_path: Path) -> None:
    run(bench, receipts)
    script = """
import sys
from pathlib import Path
from theodore_loader.policy import load_policy
from theodore_loader.trust.files import read_signed
from theodore_loader.trust.receipts import Receipts
from theodore_loader.trust.trust_file import TrustFile
from theodore_loader.trust.verify import verify
files = read_signed(Path(sys.argv[1]))
verified = verify(files, trust=TrustFile.load(), policy=load_policy(), receipts=Receipts(Path(sys.argv[2])))
print(verified.steps[1].detail)
print(sorted(name for name in sys.modules if name.partition(".")[0] in ("sigstore", "cryptography", "pydantic")))
"""
    # the receipt was written for the bytes of the signed files beside this wheel
    command = [sys.executable, "-c", script, str(bench.path), str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    detail, modules = result.stdout.splitlines()
    assert "nothing that rests on has changed" in detail
    assert modules == "[]"


def test_it_is_for_its_owner_only(bench, receipts, tmp_path: Path) -> None:
    run(bench, receipts)
    folder = tmp_path / "receipts"
    assert {path.name for path in folder.iterdir()} == {"secret", bench.wheel.sha256}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def edited(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"made":"2', b'"made":"3', 1))


def resealed_with_another_secret(path: Path) -> None:
    (path.parent / "secret").write_bytes(b"x" * 32)


def readable_secret(path: Path) -> None:
    (path.parent / "secret").chmod(0o644)


def short_secret(path: Path) -> None:
    (path.parent / "secret").write_bytes(b"")


def lost_secret(path: Path) -> None:
    (path.parent / "secret").unlink()


def writable_by_others(path: Path) -> None:
    path.chmod(0o666)


@pytest.mark.parametrize(
    "spoil",
    [
        edited,
        resealed_with_another_secret,
        readable_secret,
        short_secret,
        lost_secret,
        writable_by_others,
        Path.unlink,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-10]),
        lambda path: path.write_bytes(b"\n" + path.read_bytes().split(b"\n", 1)[1]),
    ],
)
def test_a_receipt_that_was_tampered_with_is_none_and_the_wheel_is_verified_in_full(
    spoil, bench, receipts, tmp_path: Path
) -> None:
    run(bench, receipts)
    spoil(tmp_path / "receipts" / bench.wheel.sha256)
    assert not used(run(bench, receipts))


def test_anything_the_decision_rests_on_may_not_change(bench, receipts) -> None:
    run(bench, receipts)
    verifier = bench.trust.verifiers[0]
    more = Publisher(("other",), bench.trust.publishers[0].signer)
    for changes in (
        {"bundle": bench.bundle + b" "},
        {"attestations": bench.attestations + b"\n"},
        {"trust": replace(bench.trust, publishers=(*bench.trust.publishers, more))},
        {"trust": replace(bench.trust, verifiers=(replace(verifier, max_age_days=5),))},
        {"trust": replace(bench.trust, roots={"local": replace(bench.trust.roots["local"], document=rerooted(bench))})},
    ):
        assert not used(run(bench, Receipts(receipts._folder.parent), **changes))
        run(bench, receipts)


def rerooted(bench) -> bytes:
    return bench.trust.roots["local"].document + b"\n"


def test_withdrawn_trust_is_withdrawn_at_once(bench, receipts) -> None:
    run(bench, receipts)
    for changes, rule in (
        ({"trust": replace(bench.trust, publishers=())}, "signer-not-trusted"),
        ({"trust": replace(bench.trust, verifiers=())}, "signer-not-trusted"),
        ({"bundle": None}, "unsigned-artifact"),
        ({"attestations": None}, "verdict-missing"),
        ({"data": bench.data + b"\0"}, "digest-mismatch"),
        ({"now": datetime.now(UTC) + timedelta(days=400)}, "verdict-stale"),
        ({"trust": replace(bench.trust, loader=LoaderRules(max_revocation_age_days=1))}, "revocation-list-stale"),
        ({"policy": replace(bench.policy, permissions={})}, "policy-denied"),
    ):
        with pytest.raises(Refused) as refusal:
            run(bench, receipts, **changes)
        assert refusal.value.rule == rule


def test_a_refused_wheel_leaves_no_receipt(bench, receipts, tmp_path: Path) -> None:
    with pytest.raises(Refused):
        run(bench, receipts, now=datetime.now(UTC) + timedelta(days=400))
    assert not (tmp_path / "receipts").exists()


def test_where_no_receipt_can_be_kept_the_wheel_is_verified_all_the_same(bench, tmp_path: Path) -> None:
    (tmp_path / "receipts").write_text("a file in the way")
    receipts = Receipts(tmp_path)
    assert run(bench, receipts).verdict
    assert not used(run(bench, receipts))


def test_many_at_once_share_one_secret(bench, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: run(bench, Receipts(tmp_path)), range(16)))
    assert used(run(bench, Receipts(tmp_path)))
    assert {path.name for path in (tmp_path / "receipts").iterdir()} == {"secret", bench.wheel.sha256}


def test_an_unsigned_exception_gets_no_receipt(bench, receipts, tmp_path: Path) -> None:
    from datetime import date

    from theodore_loader.trust.trust_file import UnsignedException

    exception = UnsignedException(bench.wheel.sha256, "built here", date(2999, 1, 1))
    trust = replace(bench.trust, loader=LoaderRules(unsigned=(exception,)))
    assert run(bench, receipts, bundle=None, trust=trust).publisher is None
    assert not (tmp_path / "receipts").exists()


# --- a load by receipt, from disk ------------------------------------------------------------------------------------


@pytest.fixture
def installed(workshop, bench, tmp_path) -> tuple[Preparation, Path]:
    """The bench's wheel installed in a state folder of its own."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    enrol_local(workshop.policy, home / "trust.toml")
    preparation = Preparation(home, None, workshop.policy)
    preparation.install(bench.path)
    return preparation, home


def test_a_fresh_process_loads_without_sigstore_and_cryptography(installed, monkeypatch) -> None:
    _, home = installed
    script = """
import sys
from theodore_loader.host import PluginHost
host = PluginHost()
prepared = host._preparation.prepare("acme-hello")
print(prepared.verification[1])
print(sorted({name.partition(".")[0] for name in sys.modules} & {"sigstore", "cryptography", "pydantic"}))
"""
    monkeypatch.setenv(HOME_VARIABLE, str(home))
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=300)
    detail, modules = result.stdout.splitlines()
    assert "nothing that rests on has changed" in detail
    assert modules == "[]"


def test_what_is_handed_on_by_receipt_is_what_reading_the_wheel_gives(installed, bench) -> None:
    _, home = installed
    sha256 = bench.wheel.sha256
    unpacked = Store(home).unpacked(sha256)
    by_receipt = run(bench, Receipts(home), unpacked=unpacked, trust=TrustFile.of_home(home))
    in_full = run(bench, None, trust=TrustFile.of_home(home))
    assert used(by_receipt)
    assert by_receipt.wheel.entries is unpacked
    assert dict(by_receipt.wheel.entries) == dict(in_full.wheel.entries)
    for field in ("filename", "name", "version", "tags", "sha256", "dist_info", "native_files", "manifest", "data"):
        assert getattr(by_receipt.wheel, field) == getattr(in_full.wheel, field)
    assert (by_receipt.terms, by_receipt.grants) == (in_full.terms, in_full.grants)


def changed_file(tree: Path) -> None:
    (tree / "acme_hello" / "plugin.py").chmod(0o644)
    (tree / "acme_hello" / "plugin.py").write_bytes(b"import os\n")


def added_file(tree: Path) -> None:
    (tree / "acme_hello" / "evil.py").write_bytes(b"")


def added_startup_hook(tree: Path) -> None:
    (tree / "evil.pth").write_bytes(b"import evil\n")


def removed_file(tree: Path) -> None:
    (tree / "acme_hello" / "plugin.py").unlink()


def linked_file(tree: Path) -> None:
    path = tree / "acme_hello" / "plugin.py"
    path.rename(tree.parent / "plugin.py")
    path.symlink_to(tree.parent / "plugin.py")


def pipe(tree: Path) -> None:
    os.mkfifo(tree / "acme_hello" / "pipe.py")


def linked_folder(tree: Path) -> None:
    (tree / "acme_hello").rename(tree.parent / "acme_hello")
    (tree / "acme_hello").symlink_to(tree.parent / "acme_hello")


def changed_wheel(tree: Path) -> None:
    wheel = next((tree.parent / "wheel").iterdir())
    wheel.parent.chmod(0o755)
    wheel.chmod(0o644)
    wheel.write_bytes(wheel.read_bytes()[:-1] + b"\1")


@pytest.mark.parametrize(
    "spoil",
    [
        changed_file,
        added_file,
        added_startup_hook,
        removed_file,
        linked_file,
        linked_folder,
        pipe,
        changed_wheel,
    ],
)
def test_whatever_was_done_on_disk_is_refused_on_the_next_load(spoil, installed, bench) -> None:
    preparation, home = installed
    tree = home / "store" / bench.wheel.sha256 / "tree"
    for folder in (tree.parent, tree, tree / "acme_hello"):
        folder.chmod(0o755)
    spoil(tree)
    with pytest.raises(Refused) as refusal:
        preparation.prepare("acme-hello")
    assert refusal.value.rule == "record-mismatch"
    (judged,) = preparation.verify_installed()
    assert judged.problem is not None


def test_another_version_of_what_verified_makes_it_lapse(bench, receipts, monkeypatch) -> None:
    run(bench, receipts)
    other = {"theodore-plugin": "99", "sigstore": "4", "cryptography": "1"}
    monkeypatch.setattr(receipts_module, "versions", lambda: other)
    assert not used(run(bench, Receipts(receipts._folder.parent)))


def test_the_receipt_of_another_wheel_does_not_open_this_one(workshop, bench, receipts, tmp_path) -> None:
    other = workshop.bench(tmp_path, name="acme-other")
    run(bench, receipts)
    run(other, receipts)
    theirs = tmp_path / "receipts" / other.wheel.sha256
    theirs.write_bytes((tmp_path / "receipts" / bench.wheel.sha256).read_bytes())
    again = run(other, receipts, unpacked=dict(bench.wheel.entries))
    assert not used(again)
    assert again.manifest.info.name == "acme-other"


def test_files_of_another_wheel_are_not_taken_for_this_one(workshop, bench, receipts, tmp_path) -> None:
    other = workshop.bench(tmp_path, name="acme-other")
    run(bench, receipts)
    verified = run(bench, receipts, unpacked=dict(other.wheel.entries))
    assert used(verified)
    assert dict(verified.wheel.entries) == dict(bench.wheel.entries)


def test_a_comment_in_the_trust_file_changes_nothing_a_rule_does(installed, bench) -> None:
    preparation, home = installed
    path = home / "trust.toml"
    path.write_text("# a comment\n" + path.read_text())
    assert "nothing that rests on has changed" in preparation.prepare("acme-hello").verification[1]
    lines = path.read_text().splitlines()
    where = next(newest_first(home)).steps[2].where
    assert lines[int(where.rpartition(":")[2]) - 1] == "[[publisher]]"
    path.write_text(path.read_text().replace('plugins = ["*"]', 'plugins = ["acme-*"]'))
    assert "none is used" in preparation.prepare("acme-hello").verification[1]
