"""The trust file: strict, every problem at once, and only its owner may write it."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from theodore_loader.data import policies_dir
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import HOME_VARIABLE
from theodore_loader.trust.describe import describe
from theodore_loader.trust.edit import TrustEditor
from theodore_loader.trust.trust_file import (
    Publisher,
    Revoker,
    SignerRule,
    TrustFile,
    TrustFileProblems,
    Verifier,
    parse,
)

ROOT = b'{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'
DIGEST = hashlib.sha256(ROOT).hexdigest()
POLICY = "a" * 64
GOOD = f"""\
schema = 1

[[root]]
id = "acme"
file = "roots/acme.json"
sha256 = "{DIGEST}"

[[publisher]]
plugins = ["acme-*", "hello"]
root = "acme"
issuer = "https://token.example.com"
identity = "https://git.example.com/acme/*"
claims = {{ source_repository_owner_id = "42" }}

[[verifier]]
id = "urn:acme:registry"
root = "acme"
issuer = "https://token.example.com"
identity = "https://registry.example.com"
policies = ["{POLICY}"]
max_age_days = 14

[loader]
mode = "enforce"
max_revocation_age_days = 30
allow_unsigned_sha256 = [{{ sha256 = "{POLICY}", reason = "built here", expires = 2027-03-01 }}]
"""

REVOKING = (
    GOOD.replace('["acme-*", "hello"]', '["acme-*", "hello"]\nregistry = "acme.example"', 1)
    + """
[[revoker]]
id = "acme.example"
root = "acme"
issuer = "https://token.example.com"
identity = "https://registry.example.com"
claims = { source_repository_owner_id = "42" }
max_age_days = 7
url = "https://registry.example.com/acme.sigstore.json"
"""
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    (tmp_path / "roots").mkdir(mode=0o700)
    (tmp_path / "roots" / "acme.json").write_bytes(ROOT)
    return tmp_path / "trust.toml"


def written(place: Path, text: str) -> Path:
    place.write_text(text)
    place.chmod(0o600)
    return place


def problems(place: Path, text: str) -> list[tuple[int, str]]:
    with pytest.raises(TrustFileProblems) as failure:
        parse(text.encode(), place)
    return list(failure.value.problems)


def test_a_good_file_is_read_in_full(place: Path) -> None:
    trust = TrustFile.load(written(place, GOOD))
    signer = SignerRule(
        "acme",
        "https://token.example.com",
        "https://git.example.com/acme/*",
        {"source_repository_owner_id": "42"},
    )
    assert trust.roots["acme"].document == ROOT
    assert trust.publishers == (Publisher(("acme-*", "hello"), signer),)
    assert trust.verifiers[0].policies == frozenset({POLICY})
    assert trust.verifiers[0].max_age_days == 14
    assert trust.loader.max_revocation_age_days == 30
    assert trust.loader.unsigned[0].expires == date(2027, 3, 1)
    assert trust.found


def test_a_revoker_is_read_in_full(place: Path) -> None:
    trust = TrustFile.load(written(place, REVOKING))
    claims = {"source_repository_owner_id": "42"}
    signer = SignerRule("acme", "https://token.example.com", "https://registry.example.com", claims)
    url = "https://registry.example.com/acme.sigstore.json"
    assert trust.revokers == (Revoker("acme.example", signer, 7, url),)
    assert trust.publishers[0].registry == "acme.example"
    lines = list(describe(trust))
    for expected in (
        "revoker acme.example",
        "    max age   7 days",
        f"    url       {url}",
        "    registry  acme.example",
    ):
        assert expected in lines


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('id = "acme.example"', 'id = "../acme"', 30, "lower-case letters, digits, dots and hyphens"),
        ('id = "acme.example"', 'id = "Acme.example"', 30, "lower-case"),
        ('id = "acme.example"', "", 29, "id is missing"),
        ('registry = "acme.example"', 'registry = "acme.exampel"', 10, "did you mean acme.example?"),
        ('registry = "acme.example"', "registry = 5", 10, "registry is text"),
        ("max_age_days = 7", "max_age_days = -7", 35, "number of days"),
        ('url = "https', 'url = "file', 36, "https:// or http:// address"),
        ("[[revoker]]", "[[revokers]]", 29, "did you mean revoker?"),
        ("[[revoker]]", "[revoker]", 29, "write [[revoker]]"),
        ("max_age_days = 7", "policies = []", 35, "unknown key 'policies'"),
    ],
)
def test_what_is_wrong_with_a_revoker_is_named(place: Path, old: str, new: str, line: int, says: str) -> None:
    found = problems(place, REVOKING.replace(old, new, 1))
    assert any(where == line and says in message for where, message in found), found


def test_two_revokers_of_one_id_are_a_problem(place: Path) -> None:
    again = REVOKING[REVOKING.index("[[revoker]]") :]
    assert (39, "a second revoker named 'acme.example'") in problems(place, f"{REVOKING}\n{again}")


def test_it_can_be_described(place: Path) -> None:
    lines = list(describe(TrustFile.load(written(place, GOOD))))
    assert any("publisher of acme-*, hello" in line for line in lines)
    assert any("claim     source_repository_owner_id = 42" in line for line in lines)
    assert lines[-1].startswith("revocations none known")


def test_every_problem_is_reported_with_its_line(place: Path) -> None:
    text = (
        GOOD.replace('id = "acme"', 'idd = "acme"')
        .replace("max_age_days = 14", "max_age_days = 0")
        .replace('mode = "enforce"', 'mode = "warn"')
        .replace('plugins = ["acme-*", "hello"]', 'plugins = ["Acme_*", 5]')
    )
    found = problems(place, text)
    assert [line for line, _ in found] == [3, 4, 9, 9, 10, 17, 21, 24]
    messages = [message for _, message in found]
    assert "id is missing" in messages
    assert "unknown key 'idd'; did you mean id?" in messages
    assert "no acceptable [[root]] has the id 'acme'" in messages
    assert "mode can only be 'enforce'" in messages
    assert "max_age_days is not a number of days from 1 to 36500" in messages


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("schema = 1", "schema = 2", 1, "schema = 1 is missing"),
        ("[[publisher]]", "[[publishers]]", 8, "did you mean publisher?"),
        ("[[root]]", "[root]", 3, "write [[root]]"),
        ("[loader]", "[[loader]]", 23, "write [loader]"),
        (f'sha256 = "{DIGEST}"', f'sha256 = "{POLICY}"', 6, "has another digest"),
        (f'sha256 = "{DIGEST}"', 'sha256 = "abc"', 6, "not a SHA-256"),
        ("roots/acme.json", "roots/absent.json", 5, "No such file"),
        ('issuer = "https://token.example.com"', 'issuer = "https://*"', 11, "an issuer is exact"),
        ('issuer = "https://token.example.com"', "", 8, "issuer is missing"),
        ('"https://git.example.com/acme/*"', '"**"', 12, "everybody"),
        ('"https://git.example.com/acme/*"', '"a\\u0000b"', 12, "unprintable"),
        ('"https://git.example.com/acme/*"', "5", 12, "identity is text"),
        ("source_repository_owner_id", "owner", 13, "unknown claim 'owner'"),
        ('claims = { source_repository_owner_id = "42" }', "claims = []", 13, "claims are"),
        ('["acme-*", "hello"]', "[]", 9, "matches nothing"),
        ('["acme-*", "hello"]', '"acme"', 9, "plugins is a list"),
        (f'["{POLICY}"]', '["default"]', 20, "'default' is not a SHA-256"),
        ("max_age_days = 14", "max_age_days = true", 21, "number of days"),
        ("expires = 2027-03-01", 'expires = "2027-03-01"', 26, "ends on a date"),
        ("expires = 2027-03-01", "expires = 2027-03-01T00:00:00Z", 26, "ends on a date"),
        (', reason = "built here"', "", 26, "nothing else"),
        ('reason = "built here"', 'reason = " "', 26, "gives its reason"),
        ("allow_unsigned_sha256 = [", "allow_unsigned_sha256 = [1, ", 26, "nothing else"),
        ("[[root]]", '[[root]]\nid = "other"', 1, "not TOML"),
    ],
)
def test_what_is_wrong_is_named_where_it_is(place: Path, old: str, new: str, line: int, says: str) -> None:
    found = problems(place, GOOD.replace(old, new, 1))
    assert any(where == line and says in message for where, message in found), found


def test_two_roots_of_one_id_are_a_problem(place: Path) -> None:
    root = GOOD[GOOD.index("[[root]]") : GOOD.index("[[publisher]]")]
    assert (9, "a second root named 'acme'") in problems(place, GOOD.replace(root, root * 2))


@pytest.mark.parametrize("data", [b"\xff\xfe", b"schema = [" + b"[" * 5000, b"\0"])
def test_what_is_no_toml_is_one_problem(place: Path, data: bytes) -> None:
    with pytest.raises(TrustFileProblems):
        parse(data, place)


def test_the_published_schema_gives_the_same_answers(place: Path) -> None:
    schema = json.loads((policies_dir() / "schemas" / "trust-file.schema.json").read_bytes())
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    document = json.loads(json.dumps(tomllib.loads(REVOKING), default=date.isoformat))
    validator.validate(document)
    for path in list(places(document)):
        for wrong in (None, "", 5, [], {}, ["*"], "**"):
            changed = copy.deepcopy(document)
            if path[0] == "revoker":  # that it is one of them is beyond a schema
                del changed["publisher"][0]["registry"]
            put(changed, path, wrong)
            accepted = validator.is_valid(changed)
            assert accepted == parses(changed, place), (path, wrong, accepted)


def places(value: Any, path: tuple[Any, ...] = ()) -> Any:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in entries:
        yield (*path, key)
        yield from places(item, (*path, key))


def put(document: Any, path: tuple[Any, ...], wrong: Any) -> None:
    """Replace a value; ``None`` stands for leaving it out, since TOML has no null."""
    *way, last = path
    for step in way:
        document = document[step]
    if wrong is None:
        del document[last]
    else:
        document[last] = wrong


def parses(document: Any, place: Path) -> bool:
    """Tell whether the reader accepts the shape: problems with roots that are not there do not count."""
    from theodore_loader.trust.edit import _toml

    lines = [f"schema = {_toml(document['schema'])}"] if "schema" in document else []
    for section, value in document.items():
        if section != "schema":
            lines.append(f"{section} = {_toml(value)}")
    text = "\n".join(lines).replace('expires = "2027-03-01"', "expires = 2027-03-01")
    try:
        parse(text.encode(), place)
    except TrustFileProblems as failure:
        beyond = ("no acceptable [[root]]", "No such file", "Is a directory", "another digest", "a second root")
        return all(any(text in message for text in beyond) for _, message in failure.problems)
    return True


# --- who may write it


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_is_refused(place: Path, mode: int) -> None:
    written(place, GOOD).chmod(mode)
    with pytest.raises(ConfigurationProblem, match="can be written by other users"):
        TrustFile.load(place)


def test_a_folder_that_others_can_write_is_refused(place: Path) -> None:
    written(place, GOOD)
    place.parent.chmod(0o777)
    with pytest.raises(ConfigurationProblem, match="can be written by other users"):
        TrustFile.load(place)
    place.parent.chmod(0o1777)
    assert TrustFile.load(place).found


def test_a_file_of_another_user_is_refused(place: Path, monkeypatch) -> None:
    written(place, GOOD)
    if os.geteuid() == 0:
        os.chown(place, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(ConfigurationProblem, match="belongs to another user"):
        TrustFile.load(place)


def test_a_file_beyond_any_reason_is_refused(place: Path) -> None:
    written(place, GOOD + "#" * (1 << 20))
    with pytest.raises(ConfigurationProblem, match="larger than"):
        TrustFile.load(place)


# --- where it is not


def test_this_users_missing_file_believes_nobody(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    trust = TrustFile.load()
    assert not trust.found
    assert trust.publishers == trust.verifiers == ()


def test_a_named_file_that_is_missing_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationProblem, match="no such trust file"):
        TrustFile.load(tmp_path / "absent.toml")


# --- adding to it


SIGNER = SignerRule("acme", "https://token.example.com", 'https://example.com/"quoted"\\\x7f'.replace("\x7f", "ü"))


def test_what_is_added_is_what_is_read_back(place: Path) -> None:
    publisher = Publisher(("hello",), SignerRule("acme", "i", SIGNER.identity, {"runner_environment": "self-hosted"}))
    verifier = Verifier("urn:x", SIGNER, frozenset({POLICY, DIGEST}), 7)
    with TrustEditor(place) as editor:
        editor.add_root("acme", ROOT)
        editor.add_publisher(publisher, "why")
        editor.add_verifier(verifier)
    trust = TrustFile.load(place)
    assert trust.publishers == (publisher,)
    assert trust.verifiers == (verifier,)
    assert "# why\n[[publisher]]" in place.read_text()
    assert place.stat().st_mode & 0o777 == 0o600


def test_adding_the_same_again_changes_nothing(place: Path) -> None:
    def add() -> None:
        with TrustEditor(place) as editor:
            editor.add_root("acme", ROOT)
            editor.add_publisher(Publisher(("hello",), SIGNER))
            editor.add_verifier(Verifier("urn:x", SIGNER, frozenset({POLICY})))

    add()
    before = place.read_bytes()
    add()
    assert place.read_bytes() == before


def test_comments_and_order_survive_additions(place: Path) -> None:
    written(place, "# mine\n" + GOOD.rstrip("\n"))
    with TrustEditor(place) as editor:
        editor.add_publisher(Publisher(("hello",), SIGNER))
    assert place.read_text().startswith("# mine\n" + GOOD)
    assert len(TrustFile.load(place).publishers) == 2


def test_another_root_of_the_same_id_is_refused_and_nothing_changes(place: Path) -> None:
    written(place, GOOD)
    with TrustEditor(place) as editor, pytest.raises(ConfigurationProblem, match="another root named 'acme'"):
        editor.add_root("acme", b"{}")
    assert place.read_text() == GOOD


def test_an_addition_that_makes_no_sense_is_refused_and_nothing_changes(place: Path) -> None:
    written(place, GOOD)
    with pytest.raises(ConfigurationProblem, match="stays as it is:\n  no acceptable"), TrustEditor(place) as editor:
        editor.add_publisher(Publisher(("hello",), SignerRule("absent", "i", "me")))
    assert place.read_text() == GOOD


def test_additions_from_many_threads_all_arrive(place: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def add(number: int) -> None:
        with TrustEditor(place) as editor:
            editor.add_root("acme", ROOT)
            editor.add_publisher(Publisher((f"plugin-{number}",), SIGNER))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(12)))
    names = {publisher.plugins[0] for publisher in TrustFile.load(place).publishers}
    assert names == {f"plugin-{number}" for number in range(12)}


def test_a_pipe_in_place_of_a_trust_file_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    place = tmp_path / "trust.toml"
    os.mkfifo(place, 0o600)
    with pytest.raises(ConfigurationProblem, match="no regular file"):
        TrustFile.load(place)
