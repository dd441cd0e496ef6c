"""The unmodified sigstore library against the service, and every way to an instance and to an identity."""

from __future__ import annotations

import http.server
import io
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sigstore.models import Bundle, ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext
from sigstore.verify import Verifier, policy
from team_service import ISSUER_KEYS, Team, serving_team
from tuf_repository import TufRepository

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.trust.certificate import identity_of
from theodore_plugin.signing import instances, oidc
from theodore_plugin.signing.oidc import Credentials, SigningError

if TYPE_CHECKING:
    from oidc_provider import Provider

DATA = b"a wheel"
ME = "jo@acme.example"


@pytest.fixture(autouse=True)
def _no_ci(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever runs these tests lends them no identity and keeps its own files."""
    prefixes = ("GITHUB_", "ACTIONS_", "GITLAB_", "BUILDKITE", "CIRCLE", "SIGSTORE_", "GOOGLE_", "CI")
    for name in list(os.environ):
        if name.startswith(prefixes):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def config_of(team: Team) -> ClientTrustConfig:
    return ClientTrustConfig.from_json(json.dumps(team.get("/trust-config.json")[1]))


def verified(team: Team, bundle: Bundle, issuer: str, identity: str = ME) -> None:
    Verifier(trusted_root=config_of(team).trusted_root).verify_artifact(
        DATA, bundle, policy.Identity(identity=identity, issuer=issuer)
    )


def signed(instance: instances.SigningInstance) -> Bundle:
    with instance.signer() as signer:
        return signer.sign_artifact(DATA)


@pytest.mark.parametrize("key_id", ["rsa-1", "ec-1", "ed-1"])
def test_sigstore_signs_with_a_token_of_the_issuer_and_verifies_it(team, shared_provider, key_id: str) -> None:
    config = config_of(team)
    with SigningContext.from_trust_config(config).signer(IdentityToken(shared_provider.token(key_id))) as signer:
        bundle = signer.sign_artifact(DATA)
    verified(team, bundle, shared_provider.url)
    issued = [line for line in team.journal if line["event"] == "certificate"][-1]
    assert issued["serial"] == f"{bundle.signing_certificate.serial_number:x}"


def test_an_instance_may_make_entries_of_the_second_version(provider: Provider, tmp_path: Path) -> None:
    from theodore_plugin.signing.local.instance import open_or_create

    (tmp_path / "home").mkdir(mode=0o700)
    open_or_create("team", tmp_path / "home", rekor=2)
    with serving_team(tmp_path / "home", {"issuer": provider.url, **ISSUER_KEYS}) as running:
        bundle = signed(instances.private(pinned(running), provider.token()))
        verified(running, bundle, provider.url)
        assert {line["event"] for line in running.journal} == {"certificate", "entry", "timestamp"}


# --- the way to the instance


def pinned(team: Team) -> str:
    return f"{team.url}#sha256={team.instance.fingerprint}"


def test_a_service_is_found_by_its_address_and_its_roots_fingerprint(team, shared_provider) -> None:
    instance = instances.private(pinned(team), shared_provider.token())
    bundle = signed(instance)
    verified(team, bundle, shared_provider.url)
    assert identity_of(bundle.signing_certificate) == ME


def test_a_service_that_is_not_pinned_is_told_how_to_be(team, shared_provider) -> None:
    with pytest.raises(ConfigurationProblem) as problem:
        instances.private(team.url, shared_provider.token())
    assert pinned(team) in problem.value.help


def test_a_file_describes_an_instance_as_well(team, shared_provider, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(team.get("/trust-config.json")[1]))
    verified(team, signed(instances.private(path, shared_provider.token())), shared_provider.url)


@contextmanager
def answering(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    handler = partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_a_root_slipped_in_and_an_address_elsewhere_are_refused(team, shared_provider, tmp_path: Path) -> None:
    from theodore_plugin.signing.local.instance import open_or_create

    stranger = open_or_create("stranger", tmp_path / "other")
    served = tmp_path / "served"
    served.mkdir()
    token = shared_provider.token()
    with answering(served) as url:
        pin = f"{url}#sha256={team.instance.fingerprint}"

        def refused(document: Any, match: str) -> None:
            (served / "trust-config.json").write_text(document if isinstance(document, str) else json.dumps(document))
            with pytest.raises(ConfigurationProblem, match=match):
                instances.private(pin, token)

        refused(stranger.trust_config(url), "another root than the one pinned")
        both = team.instance.trust_config(url)
        theirs = stranger.trusted_root()["certificateAuthorities"]
        both["trustedRoot"]["certificateAuthorities"] += theirs
        refused(both, "another root than the one pinned")
        refused(team.instance.trust_config("https://evil.example"), "sends signers, and their tokens, to https://evil")
        none = team.instance.trust_config(url)
        none["trustedRoot"]["certificateAuthorities"] = []
        refused(none, "another root than the one pinned")
        for document in ("", "[]", "{}", "[" * 100_000, '{"trustedRoot": {"certificateAuthorities": [5]}}'):
            refused(document, "not a sigstore ClientTrustConfig")


@pytest.mark.parametrize(
    "source",
    [
        "http://sign.acme.example#sha256=" + "0" * 64,
        "https://sign.acme.example/path#sha256=" + "0" * 64,
        "https://user@sign.acme.example#sha256=" + "0" * 64,
        "https://sign.acme.example#sha256=" + "A" * 64,
        "https://sign.acme.example#sha1=" + "0" * 40,
        "ftp://sign.acme.example",
        "file:///etc/passwd",
    ],
)
def test_addresses_that_protect_nothing_are_not_asked(source: str) -> None:
    with pytest.raises(ConfigurationProblem) as problem:
        instances.private(source, "token")
    assert problem.value.help


def test_a_service_that_does_not_answer_is_named() -> None:
    with pytest.raises(SigningError, match=r"http://127\.0\.0\.1:9/trust-config\.json"):
        instances.private("http://127.0.0.1:9#sha256=" + "0" * 64, "token")


def test_the_services_reason_reaches_the_signer(team, shared_provider) -> None:
    with pytest.raises(SigningError, match="has not verified the e-mail address"):
        signed(instances.private(pinned(team), shared_provider.token(email_verified=False)))


def test_a_service_that_never_answers_does_not_hold_the_signer(team, shared_provider, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(instances, "ANSWER_SECONDS", 0.3)
    path = tmp_path / "config.json"
    before = signal.getsignal(signal.SIGALRM)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        path.write_text(json.dumps(team.instance.trust_config(url)))
        instance = instances.private(path, shared_provider.token())
        with pytest.raises(SigningError, match="has not answered within"):
            signed(instance)
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


# --- by TUF


@pytest.fixture
def repository(team: Team, tmp_path: Path) -> Iterator[tuple[TufRepository, str]]:
    folder = tmp_path / "repository"
    folder.mkdir()
    config = team.get("/trust-config.json")[1]
    made = TufRepository(folder)
    made.publish(
        {
            "trusted_root.json": json.dumps(config["trustedRoot"]).encode(),
            "signing_config.v0.2.json": json.dumps(config["signingConfig"]).encode(),
        }
    )
    with answering(folder) as url:
        yield made, url


def test_a_tuf_repository_describes_an_instance(repository, team, shared_provider) -> None:
    made, url = repository
    with pytest.raises(ConfigurationProblem, match="has not been used here before") as first:
        instances.private_by_tuf(url, None, shared_provider.token())
    assert "--tuf-root" in first.value.help
    verified(team, signed(instances.private_by_tuf(url, made.root_path, shared_provider.token())), shared_provider.url)
    verified(team, signed(instances.private_by_tuf(f"{url}/", None, shared_provider.token())), shared_provider.url)


def test_a_tuf_repository_of_others_cannot_go_on_where_this_one_was(repository, shared_provider, tmp_path) -> None:
    made, url = repository
    instances.private_by_tuf(url, made.root_path, shared_provider.token())
    stranger = TufRepository(made.folder, version=1)
    stranger.publish({"trusted_root.json": b"{}", "signing_config.v0.2.json": b"{}"})
    with pytest.raises(SigningError):
        instances.private_by_tuf(url, None, shared_provider.token())


def test_a_target_changed_on_the_way_is_refused(repository, shared_provider) -> None:
    made, url = repository
    for path in (made.folder / "targets").iterdir():
        path.write_bytes(path.read_bytes().replace(b"theodore", b"theod0re"))
    with pytest.raises(SigningError):
        instances.private_by_tuf(url, made.root_path, shared_provider.token())


def test_what_cannot_be_a_repository_is_not_asked(tmp_path: Path) -> None:
    for url, root in (("http://tuf.example", None), ("https://tuf.example", tmp_path / "absent.json")):
        with pytest.raises(ConfigurationProblem):
            instances.private_by_tuf(url, root, "token")


# --- the way to an identity


def test_a_github_job_signs_as_itself(team, shared_provider, monkeypatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner-secret")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{shared_provider.url}/ci-token?api-version=2.0")
    instance = instances.private(pinned(team))
    verified(team, signed(instance), shared_provider.url)
    verified(team, signed(instance), shared_provider.url)  # a token each: the service takes none twice


def test_a_gitlab_job_signs_by_the_variable_it_declared(team, shared_provider, monkeypatch) -> None:
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", shared_provider.token())
    verified(team, signed(instances.private(pinned(team))), shared_provider.url)


@pytest.mark.parametrize(
    "half",
    [
        {"GITHUB_ACTIONS": "true"},
        {"GITLAB_CI": "true"},
        {"GITLAB_CI": "true", "SIGSTORE_ID_TOKEN": "no token"},
        {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "wrong",
            "ACTIONS_ID_TOKEN_REQUEST_URL": "provider",
        },
        {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "runner-secret",
            "ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:9/",
        },
    ],
    ids=["github", "gitlab", "gitlab-no-token", "github-refuses", "github-is-away"],
)
def test_half_a_ci_job_is_said_before_anything_is_done(half, team, shared_provider, monkeypatch) -> None:
    for name, value in half.items():
        monkeypatch.setenv(name, f"{shared_provider.url}/ci-token" if value == "provider" else value)
    with pytest.raises(SigningError) as failure:
        instances.private(pinned(team))
    assert "id-token: write" in failure.value.help


def test_without_a_person_and_an_identity_nothing_waits(team) -> None:
    with pytest.raises(SigningError, match="no identity to sign as"):
        instances.private(pinned(team))


@pytest.mark.parametrize("token", ["x", "a.b.c"])
def test_a_given_token_that_is_none_is_refused_at_once(token: str, team) -> None:
    with pytest.raises(ConfigurationProblem, match="cannot be used"):
        instances.private(pinned(team), Credentials(token))
    assert "given" not in repr(Credentials(token))


def test_another_audience_takes_another_client_id(provider: Provider, tmp_path: Path) -> None:
    issuer = {"issuer": provider.url, **ISSUER_KEYS, "audience": "acme-signing"}
    with serving_team(tmp_path / "home", issuer) as running:
        token = provider.token(aud="acme-signing")
        with pytest.raises(ConfigurationProblem):
            instances.private(pinned(running), Credentials(token))
        verified(running, signed(instances.private(pinned(running), Credentials(token, "acme-signing"))), provider.url)


SIGN = """
import sys
from theodore_plugin.signing import instances, oidc
if "hurry" in sys.argv:
    oidc.SIGN_IN_SECONDS = 1.0
instance = instances.private(sys.argv[1], oidc.Credentials(browser="no-browser" not in sys.argv))
assert instance.identity == ""
for attempt in sys.argv[3:]:
    try:
        with instance.signer() as signer:
            open(sys.argv[2], "w").write(signer.sign_artifact(b"a wheel").to_json())
    except oidc.SigningError as error:
        print("refused:", error.message, error.help, flush=True)
"""
BROWSER = """#!{python}
import sys, urllib.request
page = urllib.request.urlopen(sys.argv[1])  # follows the redirects: to the provider, and back with the code
assert page.status == 200
"""


class Terminal:
    """A program with a person's terminal around it."""

    def __init__(self, arguments: list[str], environment: dict[str, str]) -> None:
        self.master, slave = pty.openpty()
        self.said = b""
        self.process = subprocess.Popen(
            [sys.executable, "-c", SIGN, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        os.close(slave)

    def wait_for(self, pattern: str) -> str:
        deadline = time.monotonic() + 60
        while not (found := re.search(pattern, self.said.decode(errors="replace"))):
            assert time.monotonic() < deadline, self.said
            self.read()
        return found[0]

    def read(self) -> bool:
        try:
            data = os.read(self.master, 4096)
        except OSError:  # the other end is closed
            data = b""
        self.said += data
        assert data or self.process.wait(30) is not None
        return bool(data)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def end(self) -> int:
        while self.read():
            pass
        os.close(self.master)
        return self.process.wait(30)


def test_a_person_signs_in_with_a_browser(team, shared_provider, tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(BROWSER.format(python=sys.executable))
    browser.chmod(0o755)
    bundle = tmp_path / "bundle"
    terminal = Terminal([pinned(team), str(bundle), "browser"], {"BROWSER": f"{browser} %s"})
    assert terminal.end() == 0, terminal.said
    verified(team, Bundle.from_json(bundle.read_bytes()), shared_provider.url)


def test_a_person_without_a_browser_copies_a_code_and_may_mistype_it(team, shared_provider, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    terminal = Terminal([pinned(team), str(bundle), "no-browser", "again"], {})
    terminal.wait_for("verification code: ")
    terminal.type("wrong\n")
    refused = terminal.wait_for(r"refused: .*\n")
    assert "signing in failed" in refused
    assert "--no-browser" in refused
    terminal.said = b""
    address = terminal.wait_for(r"http://127\.0\.0\.1:\d+/authorize\?\S+(?=\s)")
    terminal.wait_for("verification code: ")
    with urllib.request.urlopen(address) as page:
        terminal.type(f"{page.read().decode()}\n")
    assert terminal.end() == 0, terminal.said
    verified(team, Bundle.from_json(bundle.read_bytes()), shared_provider.url)


def test_a_browser_nobody_answers_in_does_not_hold_the_terminal(team, tmp_path: Path) -> None:
    terminal = Terminal([pinned(team), str(tmp_path / "bundle"), "hurry"], {"BROWSER": "true %s"})
    assert terminal.end() == 0, terminal.said
    assert b"refused: nobody signed in within 1 s" in terminal.said


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A terminal as this process's standard streams; yields the side where a person would type."""
    master, slave = pty.openpty()
    with os.fdopen(slave, "r+b", buffering=0) as raw, io.TextIOWrapper(raw, write_through=True) as stream:
        for name in ("stdin", "stdout", "stderr"):
            monkeypatch.setattr(sys, name, stream)
        yield master
        for name in ("stdin", "stdout", "stderr"):
            monkeypatch.setattr(sys, name, getattr(sys, f"__{name}__"))
    os.close(master)


def test_a_ci_job_with_a_terminal_is_not_asked(team, monkeypatch) -> None:
    with terminal(monkeypatch):
        assert oidc.attended()
        monkeypatch.setenv("CI", "true")
        with pytest.raises(SigningError, match="no identity to sign as"):
            instances.private(pinned(team))


def test_nobody_is_attended_by_pipes() -> None:
    assert not oidc.attended()
