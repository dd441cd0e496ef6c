"""The configuration: what is refused, with its line, and what it means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.signing.service.config import ConfigProblems, ServiceConfig, parse

GOOD = """\
schema = 1

[service]
url = "https://sign.acme.example"
listen = "127.0.0.1:8443"

[limits]
connections = 10

[[issuer]]
issuer = "https://login.acme.example"
audience = "sigstore"
algorithms = ["ES256"]
identity_email = "email"
"""
PLACES = {line: number for number, line in enumerate(GOOD.splitlines(), 1)}


def problems(text: str, folder: Path = Path("/nowhere")) -> tuple[tuple[int, str], ...]:
    with pytest.raises(ConfigProblems) as found:
        parse(text.encode(), folder / "service.toml")
    assert found.value.help
    return found.value.problems


def test_a_configuration_is_read_with_its_standards() -> None:
    config = parse(GOOD.encode(), Path("/etc/service.toml"))
    rule = config.issuers["https://login.acme.example"]
    assert (rule.jwks, rule.single_use, rule.skew, rule.max_lifetime, rule.email) == ("discovery", True, 30, 3600, True)
    assert (config.place.instance, config.place.threads, config.limits.connections) == ("team", 8, 10)
    assert config.place.hosts == {"sign.acme.example", "127.0.0.1:8443"}
    assert config.interactive is None


CASES: dict[str, tuple[str, str, str]] = {
    # what is replaced, by what, and what is said
    "schema": ("schema = 1", "schema = 2", "schema = 1 is missing"),
    "section": ("[limits]", "[limit]", "did you mean limits?"),
    "key": ("connections = 10", "conections = 10", "unknown key 'conections'; did you mean connections?"),
    "number": ("connections = 10", "connections = 0", "a whole number from 1"),
    "number-as-text": ("connections = 10", 'connections = "10"', "a whole number from 1"),
    "flag": ("connections = 10", "connections = true", "a whole number from 1"),
    "no-url": ('url = "https://sign.acme.example"', "", "url is missing"),
    "plain-url": ("https://sign.acme.example", "http://sign.acme.example", "is not https://HOST"),
    "url-with-a-path": ("https://sign.acme.example", "https://sign.acme.example/x", "is not https://HOST"),
    "url-with-a-user": ("https://sign.acme.example", "https://x@sign.acme.example", "is not https://HOST"),
    "url-in-cyrillic": ("https://sign.acme.example", "https://sign.\u0430cme.example", "is not https://HOST"),
    "url-in-capitals": ("https://sign.acme.example", "https://Sign.acme.example", "is not https://HOST"),
    "listen": ("127.0.0.1:8443", "8443", "is not ADDRESS:PORT"),
    "listen-by-name": ("127.0.0.1:8443", "sign.acme.example:8443", "is not ADDRESS:PORT"),
    "listen-port": ("127.0.0.1:8443", "127.0.0.1:99999", "is not ADDRESS:PORT"),
    "in-the-clear": ("127.0.0.1:8443", "0.0.0.0:8443", "in the clear"),
    "in-the-clear-ipv6": ("127.0.0.1:8443", "[::]:8443", "in the clear"),
    "half-of-tls": ("[limits]", 'tls_key = "key.pem"\n[limits]', "belong together"),
    "tls-files": ("[limits]", 'tls_key = "k"\ntls_certificate = "c"\n[limits]', "no such file"),
    "own-instance": ("[limits]", 'instance = "default"\n[limits]', "signs with as itself"),
    "instance-name": ("[limits]", 'instance = "../x"\n[limits]', "no instance name"),
    "proxies": ("[limits]", 'trusted_proxies = ["proxy"]\n[limits]', "'proxy'"),
    "no-issuer": ("[[issuer]]", "[[issuers]]", "there is no [[issuer]]"),
    "issuer-table": ("[[issuer]]", "[issuer]", "write [[issuer]]"),
    "issuer-http": ("https://login.acme.example", "http://login.acme.example", "not an https URL"),
    "issuer-in-capitals": ("https://login.acme.example", "https://LOGIN.acme.example", "not an https URL"),
    "issuer-in-cyrillic": ("https://login.acme.example", "https://login.\u0430cme.example", "not an https URL"),
    "issuer-with-a-query": ("https://login.acme.example", "https://login.acme.example?a", "not an https URL"),
    "issuer-of-machines": ("https://login.acme.example", "https://local.theodore.invalid/", "no service may speak for"),
    "issuer-for-everybody": ("https://login.acme.example", "https://accounts.google.com", "anybody can have a token"),
    "no-audience": ('audience = "sigstore"', "", "audience is missing"),
    "audience-list": ('audience = "sigstore"', 'audience = ["sigstore"]', "audience is a text"),
    "alg-none": ('"ES256"', '"none"', "'none' is none of"),
    "alg-secret": ('"ES256"', '"HS256"', "'HS256' is none of"),
    "alg-empty": ('["ES256"]', "[]", "at least one"),
    "no-identity": ('identity_email = "email"', "", "say what is the identity"),
    "two-identities": (
        "identity_email",
        'identity_uri = "https://x/{sub}"\nidentity_email',
        "say what is the identity",
    ),
    "template-brace": ('identity_email = "email"', 'identity_uri = "https://x/{sub"', "has no partner"),
    "template-without-claim": ('identity_email = "email"', 'identity_uri = "https://x/"', "names no claim"),
    "template-format": ('identity_email = "email"', 'identity_uri = "https://x/{sub!r}"', "names no claim"),
    "everybody": ("identity_email", 'identities = ["**"]\nidentity_email', "an identity of stars"),
    "profile": ("identity_email", 'profile = "github-action"\nidentity_email', "did you mean github-actions?"),
    "statement": ("identity_email", 'statements = { owner = "{o}" }\nidentity_email', "unknown statement 'owner'"),
    "require": ("identity_email", "require = { owner = 5 }\nidentity_email", "require is"),
    "jwks-file": ("identity_email", 'jwks = "keys.json"\nidentity_email', "no such file"),
    "jwks-plain": ("identity_email", 'jwks = "http://x.example/keys"\nidentity_email', "is not an https URL"),
    "unprintable": ('audience = "sigstore"', 'audience = "sig\\u202Estore"', "can be printed"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_named_with_its_line(case: str) -> None:
    old, new, said = CASES[case]
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    found = problems(text)
    assert any(said in message for _, message in found), found
    lines = text.splitlines()
    for line, message in found:
        assert 1 <= line <= len(lines), (line, message)


def test_every_mistake_is_named_at_once_and_in_order() -> None:
    text = GOOD.replace("= 10", "= 0").replace('"ES256"', '"none"').replace("https://sign", "ftp://sign")
    found = problems(text)
    assert [line for line, _ in found] == [4, 8, 13]


@pytest.mark.parametrize("second", ["https://login.acme.example", "https://login.acme.example/"])
def test_issuers_that_can_be_mistaken_for_each_other_are_refused(second: str) -> None:
    again = GOOD[GOOD.index("[[issuer]]") :].replace("https://login.acme.example", second)
    assert "can be mistaken" in problems(GOOD + again)[0][1]


def test_one_issuer_is_for_browsers() -> None:
    one = GOOD.replace("identity_email", "interactive = true\nidentity_email")
    config = parse(one.encode(), Path("/etc/service.toml"))
    assert config.interactive is not None
    again = one[one.index("[[issuer]]") :].replace("login.acme", "login2.acme")
    assert "two are interactive" in problems(one + again)[0][1]


@pytest.mark.parametrize(
    ("data", "line"),
    [(b"\xff\xfe", 1), (b"schema = 1\n\xff", 2), (b"schema = 1\n[service", 2), (b"a = " + b"[" * 5000, 1)],
    ids=["utf-16", "latin", "bracket", "depth"],
)
def test_what_is_no_toml_is_named_with_its_line(data: bytes, line: int) -> None:
    with pytest.raises(ConfigProblems) as found:
        parse(data, Path("service.toml"))
    assert found.value.problems[0][0] == line


def test_a_configuration_that_others_can_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "service.toml"
    path.write_text(GOOD)
    path.chmod(0o666)
    with pytest.raises(ConfigurationProblem, match="can be written by other users"):
        ServiceConfig.load(path)
    with pytest.raises(ConfigurationProblem, match="No such file"):
        ServiceConfig.load(tmp_path / "absent.toml")


def test_a_key_that_everybody_can_use_is_refused(tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(0o644)
    text = GOOD.replace("[limits]", 'tls_certificate = "cert.pem"\ntls_key = "key.pem"\n[limits]')
    assert "chmod 600" in problems(text, tmp_path)[0][1]


def test_plain_http_on_other_addresses_is_for_proxies_to_say(tmp_path: Path) -> None:
    text = GOOD.replace("127.0.0.1:8443", "0.0.0.0:8443").replace("[limits]", "behind_proxy = true\n[limits]")
    assert parse(text.encode(), tmp_path / "service.toml").place.host == "0.0.0.0"


def test_an_issuer_for_everybody_counts_with_a_restriction() -> None:
    shared = GOOD.replace("https://login.acme.example", "https://token.actions.githubusercontent.com")
    for restriction in ('require = { repository_owner_id = "9" }', 'identities = ["https://github.com/acme/**"]'):
        text = shared.replace('identity_email = "email"', f'profile = "github-actions"\n{restriction}')
        (rule,) = parse(text.encode(), Path("service.toml")).issuers.values()
        assert rule.identity.claims == ("job_workflow_ref",)
        assert json.dumps(sorted(rule.statements))


def test_the_example_of_the_guide_is_acceptable(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "guide" / "team-instance.md").read_text()
    example = guide.split("```toml\n", 1)[1].split("```", 1)[0]
    for name in ("fullchain.pem", "key.pem"):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(0o600)
    config = parse(example.encode(), tmp_path / "service.toml")
    assert len(config.issuers) == 2
    assert config.interactive is not None
