"""Taking things out of a trust file: what was meant goes, everything else stays as it was written."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.trust.edit import TrustEditor
from theodore_loader.trust.trust_file import Publisher, SignerRule, TrustFile, Verifier

ONE, TWO = b'{"one": 1}', b'{"two": 2}'
WRITTEN = """\
# About this file: it is ours.
schema = 1

# the first machine
[[root]]
id = "one"   # kept
file = "roots/one.json"
sha256 = "ONE"

# ---- who publishes ----

# bought from them
[[publisher]]
plugins = [
    "acme-*",  # all of theirs
]
root = "one"
issuer = "https://issuer"
identity = "https://acme"
[[publisher]]
plugins = ["beta"]
root = "two"
issuer = "https://issuer"
identity = "https://beta"

[[root]]
id = "two"
file = "roots/two.json"
sha256 = "TWO"
until = 2027-06-01

# ---- the rest ----
[loader]
max_revocation_age_days = 30  # a month"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    (tmp_path / "roots").mkdir(mode=0o700)
    text = WRITTEN
    for name, document in (("one", ONE), ("two", TWO)):
        (tmp_path / "roots" / f"{name}.json").write_bytes(document)
        text = text.replace(f'"{name.upper()}"', f'"{hashlib.sha256(document).hexdigest()}"')
    (tmp_path / "trust.toml").write_text(text)
    (tmp_path / "trust.toml").chmod(0o600)
    return tmp_path / "trust.toml"


def test_a_publisher_goes_with_its_own_comment_and_nothing_else(path: Path) -> None:
    before = path.read_text()
    with TrustEditor(path) as editor:
        assert editor.remove_publishers(lambda rule: rule.signer.identity == "https://acme") == (
            "publisher of acme-*: https://acme",
        )
    start, end = before.index("# bought from them"), before.index('[[publisher]]\nplugins = ["beta"]')
    assert path.read_text() == before[:start] + before[end:] + "\n"


def test_a_root_that_is_referred_to_goes_only_with_what_refers_to_it(path: Path) -> None:
    before = path.read_bytes()
    with (
        pytest.raises(ConfigurationProblem, match="is referred to: publisher of acme") as problem,
        TrustEditor(path) as editor,
    ):
        editor.remove_root("one")
    assert "--with-rules" in problem.value.help
    assert path.read_bytes() == before
    with TrustEditor(path) as editor:
        assert editor.remove_root("one", with_rules=True) == ("root one", "publisher of acme-*: https://acme")
    trust = TrustFile.load(path)
    assert list(trust.roots) == ["two"]
    assert [rule.plugins for rule in trust.publishers] == [("beta",)]
    text = path.read_text()
    assert "the first machine" not in text
    for kept in ("# About this file: it is ours.", "# ---- who publishes ----", "# ---- the rest ----", "# a month"):
        assert kept in text


def test_what_was_added_is_taken_back_to_the_byte(path: Path) -> None:
    with TrustEditor(path):
        pass
    before = path.read_bytes()
    signer = SignerRule("three", "https://issuer", "https://three", {"source_repository_id": "3"})
    with TrustEditor(path) as editor:
        editor.add_root("three", b"{}")
        editor.add_publisher(Publisher(("three-*",), signer), "a comment")
        editor.add_verifier(Verifier("https://three", signer, frozenset({"a" * 64}), 30))
    (document,) = (path.parent / "roots").glob("three-*.json")
    with TrustEditor(path) as editor:
        assert len(editor.remove_root("three", with_rules=True)) == 3
    assert path.read_bytes().rstrip() == before.rstrip()
    assert not document.exists()


def test_removing_and_adding_in_one_edit_keeps_both(path: Path) -> None:
    with TrustEditor(path) as editor:
        editor.remove_publishers(lambda rule: rule.plugins == ("beta",))
        editor.add_publisher(Publisher(("gamma",), SignerRule("two", "https://issuer", "https://gamma")))
    assert [rule.plugins for rule in TrustFile.load(path).publishers] == [("acme-*",), ("gamma",)]


def test_a_root_is_given_a_last_day_and_an_earlier_one_stays(path: Path) -> None:
    with TrustEditor(path) as editor:
        editor.limit_root("one", date(2027, 3, 1))
        editor.limit_root("two", date(2027, 9, 1))
    trust = TrustFile.load(path)
    assert {name: root.until for name, root in trust.roots.items()} == {
        "one": date(2027, 3, 1),
        "two": date(2027, 6, 1),
    }
    with TrustEditor(path) as editor:
        editor.limit_root("two", date(2027, 5, 1))
    assert TrustFile.load(path).roots["two"].until == date(2027, 5, 1)
    assert "# kept" in path.read_text()


def test_after_its_last_day_a_root_grants_nothing(path: Path) -> None:
    trust = TrustFile.load(path)
    assert trust.at(date(2027, 6, 1)) is trust
    later = trust.at(date(2027, 6, 2))
    assert [rule.plugins for rule in later.publishers] == [("acme-*",)]
    assert [root.id for root in later.lapsed] == ["two"]
    assert later.roots == trust.roots


@pytest.mark.parametrize("until", ['"2027-03-01"', "20270301", "2027-03-01T00:00:00Z", "true"])
def test_a_last_day_that_is_no_date_is_refused_with_its_line(until: str, path: Path) -> None:
    path.write_text(path.read_text().replace("until = 2027-06-01", f"until = {until}"))
    with pytest.raises(ConfigurationProblem, match=r"trust.toml:\d+: until is a date"):
        TrustFile.load(path)


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda text: text.replace('[[root]]\nid = "two"', '[[ "root" ]]\nid = "two"'),
        lambda text: text.replace("# bought from them\n", 'note = """\n').replace("schema = 1", "schema = 1"),
    ],
    ids=["quoted-header", "no-toml"],
)
def test_a_file_that_cannot_be_edited_safely_stays_as_it_is(rewrite, path: Path) -> None:
    path.write_text(rewrite(path.read_text()))
    before = path.read_bytes()
    with pytest.raises(ConfigurationProblem), TrustEditor(path) as editor:
        editor.remove_root("two", with_rules=True)
    assert path.read_bytes() == before


def test_an_unknown_root_is_named_with_those_there_are(path: Path) -> None:
    with pytest.raises(ConfigurationProblem, match="no root 'three'; it has: one, two"), TrustEditor(path) as editor:
        editor.remove_root("three")


def test_a_revoker_goes_unless_plugins_are_offered_by_its_registry(path: Path) -> None:
    from theodore_loader.trust.trust_file import Revoker

    signer = SignerRule("one", "https://issuer", "https://registry")
    with TrustEditor(path) as editor:
        for name in ("used", "unused"):
            editor.add_revoker(Revoker(name, signer))
        editor.add_publisher(Publisher(("gamma",), SignerRule("two", "https://issuer", "https://gamma"), "used"))
    for remove in (
        lambda editor: editor.remove_revokers(lambda rule: rule.id == "used"),
        lambda editor: editor.remove_root("one", with_rules=True),
    ):
        with (
            pytest.raises(ConfigurationProblem, match="revoker 'used' is the registry of gamma"),
            TrustEditor(path) as editor,
        ):
            remove(editor)
    with TrustEditor(path) as editor:
        assert editor.remove_revokers(lambda rule: rule.id == "unused") == ("revoker unused",)
    with TrustEditor(path) as editor:
        editor.remove_publishers(lambda rule: rule.plugins == ("gamma",))
        assert len(editor.remove_root("one", with_rules=True)) == 3
    assert TrustFile.load(path).revokers == ()
