"""Two state folders are two machines: neither believes the other until it is told to, and then no more than that."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.paths import HOME_VARIABLE
from theodore_loader.trust.bundles import parse_bundle
from theodore_loader.trust.edit import TrustEditor
from theodore_loader.trust.files import SignedFiles
from theodore_loader.trust.receipts import Receipts
from theodore_loader.trust.signatures import Signatures
from theodore_loader.trust.trust_file import TrustFile
from theodore_loader.trust.verify import NotVerified, verify
from theodore_plugin.cli import main
from theodore_plugin.signing.enrol import enrol_local, exported
from theodore_plugin.signing.exchange import Granted, import_instance, read_exported
from theodore_plugin.signing.instances import Local
from theodore_plugin.signing.local import rotation
from theodore_plugin.signing.local.instance import instance_dir, open_or_create
from theodore_plugin.signing.rotate import rotate

At = Callable[[Path], object]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> At:
    """Go to a machine: its state folder is this user's from now on."""
    return lambda home: monkeypatch.setenv(HOME_VARIABLE, str(home))


@pytest.fixture
def machine(tmp_path: Path) -> Callable[[str], Path]:
    def made(name: str) -> Path:
        home = tmp_path / name
        home.mkdir(mode=0o700)
        return home

    return made


@pytest.fixture
def moved(bench, tmp_path: Path) -> Path:
    """The first machine's wheel with its signatures, carried over."""
    folder = tmp_path / "moved"
    folder.mkdir()
    for path in bench.path.parent.glob(f"{bench.filename}*"):
        shutil.copy(path, folder)
    return folder / bench.filename


def test_a_second_machine_believes_the_first_one_only_for_what_it_was_told(
    workshop, moved: Path, machine, tmp_path: Path, at: At, capsys
) -> None:
    """The whole road over the command line, two state folders, nothing shared but the folder that is handed over."""
    second, handed_over = machine("second"), str(tmp_path / "handed-over")
    at(second)
    assert main(["verify", str(moved)]) == 5
    at(workshop.home)
    capsys.readouterr()
    assert main(["trust", "export", handed_over]) == 0
    shown = capsys.readouterr().out.splitlines()
    start = next(number for number, line in enumerate(shown) if line.startswith("fingerprint "))
    fingerprint = "\n".join(shown[start : start + 2]).removeprefix("fingerprint ")
    at(second)
    assert main(["trust", "import", handed_over, "--plugin", "acme-*"]) == 2
    asked = capsys.readouterr()
    assert fingerprint in asked.out
    assert "--fingerprint" in asked.err
    granted = ["--plugin", "acme-*", "--verifier", "--policy", "default"]
    other = fingerprint.translate(str.maketrans("0123456789", "1234567890"))
    assert main(["trust", "import", handed_over, *granted, "--fingerprint", other]) == 5
    assert not (second / "trust.toml").exists()
    assert main(["trust", "import", handed_over, *granted, "--fingerprint", fingerprint]) == 0
    assert main(["verify", str(moved)]) == 0
    root = next(iter(TrustFile.load(second / "trust.toml").roots))
    assert main(["trust", "limit-root", root, "2026-01-01"]) == 0
    assert main(["verify", str(moved)]) == 5
    assert f"root {root!r} counted until 2026-01-01" in "".join(capsys.readouterr().err.splitlines())
    assert main(["trust", "remove-root", root]) == 2
    assert main(["trust", "remove-verifier", "--root", root]) == 0
    assert main(["verify", str(moved)]) == 5
    assert main(["trust", "remove-publisher", "--plugin", "acme-*"]) == 0
    assert main(["trust", "remove-publisher", "--plugin", "acme-*"]) == 3
    assert main(["trust", "remove-publisher"]) == 2
    assert main(["trust", "remove-root", root]) == 0
    assert main(["verify", str(moved)]) == 5


def test_the_log_of_a_machine_is_audited_with_bundles_as_witnesses(bench, moved: Path, at: At, machine, capsys) -> None:
    bundle = str(moved.with_name(f"{moved.name}.sigstore.json"))
    assert main(["trust", "log", bundle]) == 0
    assert "everything holds, as 1 of its bundles" in capsys.readouterr().out
    at(machine("second"))
    assert main(["trust", "log"]) == 2
    enrol_local(bench.policy)
    assert main(["trust", "log", bundle]) == 2
    path = instance_dir() / "ct.checkpoints"
    open_or_create().trees.ct.append(b"promised", 1)
    with path.open("ab") as file:
        file.write(path.read_bytes().splitlines()[2].replace(b"\\n1\\n", b"\\n2\\n") + b"\n")
    assert main(["trust", "log"]) == 1
    assert "does not hold" in capsys.readouterr().err


def refusal(bench, trust: TrustFile, **changes) -> str:
    with pytest.raises(NotVerified) as refused:
        bench.verify(trust=trust, **changes)
    return refused.value.rule


def imported(bench, home: Path, plugins: Sequence[str], *, verifier: bool) -> TrustFile:
    granted = Granted(tuple(plugins), frozenset({bench.policy.digest}) if verifier else frozenset())
    one = exported(bench.instance.instance)
    import_instance(one, granted, one.fingerprint, trust_file=home / "trust.toml")
    return TrustFile.load(home / "trust.toml")


@pytest.mark.parametrize("plugins", [("acme-hello",), ("acme-*",), ("other", "acme-he*")])
def test_names_that_were_granted_are_accepted(plugins: tuple[str, ...], bench, machine) -> None:
    assert bench.verify(trust=imported(bench, machine("second"), plugins, verifier=True)).publisher


@pytest.mark.parametrize("plugins", [("acme",), ("acme-hell",), ("acme-hello-*",), ("beta-*",), ("*-acme-hello",)])
def test_names_that_were_not_granted_are_refused(plugins: tuple[str, ...], bench, machine) -> None:
    assert refusal(bench, imported(bench, machine("second"), plugins, verifier=True)) == "signer-not-trusted"


def test_a_publisher_that_was_taken_in_is_no_verifier(bench, machine) -> None:
    assert refusal(bench, imported(bench, machine("second"), ["acme-*"], verifier=False)) == "signer-not-trusted"


def test_trust_is_not_returned(bench, machine, at: At, workshop) -> None:
    second = machine("second")
    at(second)
    enrol_local(bench.policy)
    imported(bench, second, ["acme-*"], verifier=True)
    stranger = Local(open_or_create())
    at(workshop.home)
    wheel = stranger.signer
    with wheel() as signer:
        bundle = signer.sign_artifact(bench.data).to_json().encode()
    assert refusal(bench, bench.trust, bundle=bundle) == "signer-not-trusted"


# --- what is handed over


def test_a_single_file_does_as_well_as_a_folder(bench, tmp_path: Path, capsys) -> None:
    assert main(["trust", "export", str(tmp_path / "first.json")]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["first.json"]
    assert main(["trust", "export", str(tmp_path / "folder")]) == 0
    assert read_exported(tmp_path / "first.json") == read_exported(tmp_path / "folder")


def with_another_authority(document: dict, other: dict) -> None:
    document["trustedRoot"]["certificateAuthorities"] += other["trustedRoot"]["certificateAuthorities"]


def with_another_log(document: dict, other: dict) -> None:
    document["trustedRoot"]["tlogs"] += other["trustedRoot"]["tlogs"]


def with_another_stamper(document: dict, other: dict) -> None:
    document["trustedRoot"]["timestampAuthorities"] = other["trustedRoot"]["timestampAuthorities"]


def with_another_issuer(document: dict, other: dict) -> None:
    document["issuer"] = "https://issuer.example.com"


SLIPPED_IN = [with_another_authority, with_another_log, with_another_stamper, with_another_issuer]


@pytest.mark.parametrize("slip", SLIPPED_IN)
@pytest.mark.parametrize("restated", [False, True], ids=["as-it-was", "fingerprint-restated"])
def test_what_was_slipped_in_on_the_way_changes_the_fingerprint(
    slip, restated: bool, bench, machine, tmp_path: Path
) -> None:
    from theodore_plugin.signing.exchange import Exported

    told = exported(bench.instance.instance)
    document = json.loads(told.to_json())
    slip(document, json.loads(exported(open_or_create("stranger", tmp_path)).to_json()))
    if restated:
        document["fingerprint"] = Exported(
            document["issuer"], document["identity"], document["trustedRoot"]
        ).fingerprint
    (tmp_path / "changed.json").write_text(json.dumps(document))
    home = machine("second")
    with pytest.raises((Refused, ConfigurationProblem), match="fingerprint"):
        import_instance(
            read_exported(tmp_path / "changed.json"),
            Granted(("acme-*",)),
            told.fingerprint,
            trust_file=home / "trust.toml",
        )
    assert not (home / "trust.toml").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"identity": "https://example.com/*"},
        {"identity": "urn:theodore:local:" + "0" * 64},
        {"identity": "https://example.com/\x1b[2J"},
        {"issuer": ""},
        {"issuer": 5},
        {"mediaType": "application/json"},
        {"more": 1},
        {"trustedRoot": []},
        {"trustedRoot": {}},
        {"fingerprint": "0" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_no_machine_exports_is_refused(change: dict, bench, tmp_path: Path) -> None:
    from theodore_plugin.signing.exchange import Exported

    document = {**json.loads(exported(bench.instance.instance).to_json()), **change}
    if "fingerprint" not in change:
        document["fingerprint"] = Exported(
            document["issuer"], document["identity"], document["trustedRoot"]
        ).fingerprint
    (tmp_path / "changed.json").write_text(json.dumps(document))
    with pytest.raises(ConfigurationProblem):
        read_exported(tmp_path / "changed.json")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"{}", b"[" * 100_000, b'{"a":1,"a":2}'])
def test_files_that_are_nothing_of_the_kind_are_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "instance.json").write_bytes(data)
    for place in (tmp_path, tmp_path / "instance.json"):
        with pytest.raises(ConfigurationProblem, match="not what another machine exported"):
            read_exported(place)


@pytest.mark.parametrize("typed", ["", "0bbc", "0" * 63, "0" * 65, "g" * 64, "0" * 64])
def test_a_part_of_a_fingerprint_is_none(typed: str, bench, machine) -> None:
    home, one = machine("second"), exported(bench.instance.instance)
    for attempt in (typed, one.fingerprint[:-1], f"{one.fingerprint} {typed}x"):
        with pytest.raises(Refused) as refused:
            import_instance(one, Granted(("acme-*",)), attempt, trust_file=home / "trust.toml")
        assert refused.value.rule == "digest-mismatch"
    import_instance(one, Granted(("acme-*",)), one.fingerprint.upper(), trust_file=home / "trust.toml")


def test_an_instance_whose_days_are_counted_is_not_taken_in_again_as_if_they_were_not(bench, machine) -> None:
    home = machine("second")
    before = imported(bench, home, ["acme-*"], verifier=True)
    with TrustEditor(before.path) as editor:
        editor.limit_root(next(iter(before.roots)), today() - timedelta(days=1))
    with pytest.raises(ConfigurationProblem, match="counts until"):
        imported(bench, home, ["beta-*"], verifier=False)
    assert len(TrustFile.load(before.path).publishers) == 1


# --- rotation


@pytest.fixture
def rotated_home(bench, machine, at: At) -> Path:
    """A machine that trusts its own instance, with one wheel's bundle and verdict by it."""
    home = machine("rotated")
    at(home)
    enrol_local(bench.policy)
    return home


def today() -> date:
    """Return the day, of now: a session may begin before midnight and come here after it."""
    return datetime.now(UTC).date()


def test_a_rotation_leaves_old_signatures_good_until_its_day_and_makes_new_ones_at_once(
    bench, rotated_home: Path, workshop, tmp_path: Path, reports
) -> None:
    from theodore_plugin.signing.sign import sign

    path, wheel = workshop.write(tmp_path)

    def signed(instance: Local) -> SignedFiles:
        made = sign(path, wheel, reports(wheel), bench.policy, instance)
        return SignedFiles(path.name, wheel.data, made.bundle.read_bytes(), made.attestations.read_bytes())

    old = signed(Local(open_or_create()))
    before = open_or_create()
    day = today()
    done = rotate(day, keep_days=10, rekor=2)
    new = signed(Local(open_or_create()))
    trust = TrustFile.load(rotated_home / "trust.toml")
    assert open_or_create().fingerprint == done.instance.fingerprint != before.fingerprint
    assert [
        json.loads(files.bundle)["verificationMaterial"]["tlogEntries"][0]["kindVersion"]["version"]
        for files in (old, new)
    ] == ["0.0.1", "0.0.2"]
    assert (done.old_root, done.until) == ("local", day + timedelta(days=10))
    moments = {days: datetime.combine(day + timedelta(days=days), time.max, UTC) for days in (0, 10, 11)}
    receipts = Receipts(rotated_home)
    for files in (old, new):
        for days in (0, 10):
            verify(files, trust=trust, policy=bench.policy, now=moments[days], receipts=receipts)
    verify(new, trust=trust, policy=bench.policy, now=moments[11], receipts=receipts)
    with pytest.raises(NotVerified, match="root 'local' counted until") as refused:
        verify(old, trust=trust, policy=bench.policy, now=moments[11], receipts=receipts)
    assert refused.value.rule == "signer-not-trusted"


def test_after_a_rotation_nobody_can_sign_as_the_old_instance(rotated_home: Path) -> None:
    (before := open_or_create()).trees.ct.append(b"kept", 1)
    rotate(today())
    (old,) = rotation.predecessors(instance_dir())
    assert not list(old.glob("*.key"))
    assert (old / "log.sqlite3").exists()
    assert json.loads((old / "trusted_root.json").read_bytes()) == before.trusted_root()
    with pytest.raises(ConfigurationProblem, match="of another log"):
        before.trees.ct.append(b"by who had the old keys in memory", 1)
    assert open_or_create().log.bodies("ct") == []


def test_a_compromised_instance_is_believed_no_longer(bench, rotated_home: Path) -> None:
    with Local(open_or_create()).signer() as signer:
        bundle = signer.sign_artifact(bench.data).to_json().encode()
    before = TrustFile.load(rotated_home / "trust.toml")
    rule = before.publishers[0].signer
    Signatures(before.roots).artifact(bench.data, parse_bundle(bundle), rule)
    done = rotate(today(), compromised=True)
    trust = TrustFile.load(rotated_home / "trust.toml")
    assert list(trust.roots) == [done.root]
    assert done.until is None
    assert {rule.signer.root for rule in (*trust.publishers, *trust.verifiers)} == {done.root}
    assert refusal(bench, trust, bundle=bundle) == "signer-not-trusted"


def test_whoever_imports_a_rotated_instance_is_told_what_it_replaced(
    rotated_home: Path, machine, at: At, tmp_path: Path, capsys
) -> None:
    old = open_or_create()
    importer = machine("importer")

    def import_(place: Path) -> str:
        capsys.readouterr()
        told = read_exported(place)
        argv = ["trust", "import", str(place), "--plugin", "acme-*", "--fingerprint", told.fingerprint]
        assert main(argv) == 0
        return "".join(capsys.readouterr().out.split())

    assert main(["trust", "export", str(tmp_path / "old.json")]) == 0
    at(importer)
    assert "replaced" not in import_(tmp_path / "old.json")
    known = next(iter(TrustFile.load(importer / "trust.toml").roots))
    at(rotated_home)
    rotate(today())
    rotate(today())
    assert main(["trust", "export", str(tmp_path / "new.json")]) == 0
    assert old.identity in "".join(capsys.readouterr().out.split())
    assert old.identity in read_exported(tmp_path / "new.json").replaces
    assert len(read_exported(tmp_path / "new.json").replaces) == 2
    assert read_exported(tmp_path / "new.json").fingerprint == exported(open_or_create()).fingerprint
    at(importer)
    said = import_(tmp_path / "new.json")
    assert f"itreplacedroot{known},whichstillcountshere" in said
    assert f"remove-root{known}--with-rules" in said
    trust = TrustFile.load(importer / "trust.toml")
    assert trust.roots[known].until is None  # a claim takes nothing away
    assert len(trust.roots) == 2


@pytest.mark.parametrize("claimed", [{}, "urn:x", [1], ["urn:*"], ["a\nb"], ["urn:x"] * 65, [""]])
def test_a_claim_of_what_was_replaced_that_is_none_is_refused(claimed: object, bench, tmp_path: Path) -> None:
    place = tmp_path / "instance.json"
    place.write_text(json.dumps(json.loads(exported(bench.instance.instance).to_json()) | {"replaces": claimed}))
    with pytest.raises(ConfigurationProblem, match="what it replaces"):
        read_exported(place)


def test_rotating_again_and_again_ends_with_one_instance_and_short_names(rotated_home: Path) -> None:
    ids = {rotate(today(), keep_days=7).root for _ in range(3)}
    trust = TrustFile.load(rotated_home / "trust.toml")
    assert set(trust.roots) == {"local", *ids}
    assert all(len(root) <= len("local-01234567") for root in trust.roots)
    assert sum(root.until is None for root in trust.roots.values()) == 1
    assert len(rotation.predecessors(instance_dir())) == 3


def test_a_damaged_instance_and_one_of_an_earlier_version_can_be_rotated(rotated_home: Path) -> None:
    for name, content in (("log.key", "damaged"), ("instance.json", '{"schema": 1, "created": 0}')):
        (instance_dir() / name).write_text(content)
        with pytest.raises(ConfigurationProblem, match=r"is damaged|another version"):
            open_or_create()
        rotate(today())
        open_or_create().trees.ct.append(b"good", 1)
    assert len(TrustFile.load(rotated_home / "trust.toml").roots) == 3


@pytest.mark.parametrize("step", range(0, 6, 2))
def test_a_rotation_that_is_killed_leaves_the_old_instance_or_the_new_one_and_it_is_trusted(
    step: int, rotated_home: Path, monkeypatch
) -> None:
    """Stop at every rename and removal that a rotation makes, and open the instance again."""
    before, left = open_or_create().fingerprint, [step]

    def stopping(real):
        def act(*arguments, **keywords):
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            return real(*arguments, **keywords)

        return act

    with monkeypatch.context() as patch:
        patch.setattr(rotation, "destroy_keys", stopping(rotation.destroy_keys))
        patch.setattr(rotation, "flush_folder", stopping(rotation.flush_folder))
        patch.setattr(Path, "rename", stopping(Path.rename))
        try:
            rotate(today())
        except KeyboardInterrupt:
            assert step < 6
    instance = open_or_create()
    trust = TrustFile.load(rotated_home / "trust.toml")
    assert instance.identity in {rule.signer.identity for rule in trust.publishers}
    instance.trees.ct.append(b"works", 1)
    if instance.fingerprint != before:
        assert all(not list(old.glob("*.key")) for old in rotation.predecessors(instance_dir()))
    assert not list(instance_dir().parent.glob(".default.next"))
