"""Whose certificate signs: the local instance, a private sigstore, or the public one.

All three are driven through the unmodified sigstore client; the local one is served on loopback for as long as the
signature takes.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from theodore_loader.errors import LoaderError
from theodore_loader.regular_file import read_regular
from theodore_loader.trust.signatures import trusted_root
from theodore_loader.trust.trust_file import MAX_ROOT_BYTES
from theodore_plugin.signing import trust_sources
from theodore_plugin.signing.local.instance import DEFAULT_NAME, LocalInstance, open_or_create
from theodore_plugin.signing.local.server import serving
from theodore_plugin.signing.oidc import Credentials, SigningError

if TYPE_CHECKING:
    from sigstore.models import ClientTrustConfig, TrustedRoot
    from sigstore.oidc import IdentityToken
    from sigstore.sign import Signer

_LOOPBACK_ENVIRONMENT = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "NETRC": os.devnull}
"""Proxies do not reach our loopback, and a ``default`` line in ``~/.netrc`` would replace the bearer token."""

_MAX_REASON = 500
ANSWER_SECONDS = 120.0
"""How long a remote instance has for the certificate and all signatures together."""


class SigningInstance(Protocol):
    """Something that lends a sigstore signer: one certificate, any number of signatures."""

    @property
    def label(self) -> str:
        """What to call it in output."""
        ...

    @property
    def identity(self) -> str:
        """Whom its certificates name."""
        ...

    @property
    def verifier_id(self) -> str:
        """The ``verifier.id`` of verdicts signed here: the signer speaks as itself."""
        ...

    @property
    def is_certain(self) -> bool:
        """Whether its certificates name :attr:`identity` for sure, and nothing that only they say."""
        ...

    def trusted_root(self) -> TrustedRoot:
        """Return what hosts that believe it hold its signatures against."""
        ...

    def signer(self) -> AbstractContextManager[Signer]:
        """Obtain one certificate and lend a signer for it."""
        ...


@dataclass(frozen=True, slots=True)
class Local:
    """The embedded instance of this machine."""

    instance: LocalInstance

    @property
    def label(self) -> str:
        """Kind and root."""
        return f"local instance, root {self.instance.fingerprint}"

    @property
    def identity(self) -> str:
        """The URI bound to the instance's root."""
        return self.instance.identity

    @property
    def verifier_id(self) -> str:
        """The same URI."""
        return self.instance.identity

    @property
    def is_certain(self) -> bool:
        """It is: the certificate is for the token that is minted here."""
        return True

    def trusted_root(self) -> TrustedRoot:
        """Return the root that this machine hands out."""
        path = self.instance.trusted_root_path
        return trusted_root(str(path), read_regular(path, MAX_ROOT_BYTES))

    @contextmanager
    def signer(self) -> Iterator[Signer]:
        """Serve the instance on loopback and sign as its own identity."""
        from sigstore.models import ClientTrustConfig

        service = self.instance.service()
        with serving(service) as endpoint, _environment(_LOOPBACK_ENVIRONMENT):
            config = ClientTrustConfig.from_json(json.dumps(self.instance.trust_config(endpoint.url)))
            token = service.mint.mint(self.instance.identity, datetime.now(UTC))
            with _translated(endpoint.problems), _sigstore_signer(config, token) as signer:
                yield signer


@dataclass(frozen=True, slots=True)
class Remote:
    """A private or the public sigstore: ``config`` names its services, ``credentials`` say as whom."""

    label: str
    config: ClientTrustConfig
    credentials: Credentials
    identity: str = ""
    """Whom the token names, ``""`` before a sign-in. What the certificate says is up to the instance."""

    @property
    def verifier_id(self) -> str:
        """The identity as a URI."""
        return verifier_id(self.identity)

    @property
    def is_certain(self) -> bool:
        """It is not: of a CI job the token names a subject, and the certificate its workflow."""
        return False

    def trusted_root(self) -> TrustedRoot:
        """Return the root that came with the services."""
        return self.config.trusted_root

    @contextmanager
    def signer(self) -> Iterator[Signer]:
        """Obtain a token now and sign as whoever it names."""
        # a ``default`` line in ~/.netrc would replace the bearer token
        with _environment({"NETRC": os.devnull}), _translated(()):
            token = self.credentials.token(self.config)
            with _answering(self.label), _sigstore_signer(self.config, token) as signer:
                yield signer


def verifier_id(identity: str) -> str:
    """Return the ``verifier.id`` of whoever signs as ``identity``: itself, as a URI."""
    return identity if ":" in identity else f"mailto:{identity}"


def local(name: str = DEFAULT_NAME, home: Path | None = None) -> Local:
    """Return this machine's instance, creating it on first use."""
    return Local(open_or_create(name, home))


def private(source: Path | str, credentials: Credentials | str | None = None) -> Remote:
    """Return the instance that a ClientTrustConfig describes: a file, or ``URL#sha256=…`` of a service of ours."""
    if isinstance(source, str) and trust_sources.is_url(source):
        config = trust_sources.from_service(source)
    else:
        config = trust_sources.from_file(Path(source))
    return _remote(f"private instance of {str(source).partition('#')[0]}", config, credentials)


def private_by_tuf(url: str, bootstrap: Path | None, credentials: Credentials | str | None = None) -> Remote:
    """Return the instance that a sigstore TUF repository describes."""
    return _remote(f"private instance of {url}", trust_sources.from_tuf(url, bootstrap), credentials)


def public(credentials: Credentials | str | None = None) -> Remote:
    """Return the public-good instance; its trust root comes over TUF."""
    asked = _credentials(credentials)
    identity = asked.refuse_hopeless()  # before the network is asked for anything
    return Remote("public sigstore", trust_sources.from_sigstore(), asked, identity)


def _remote(label: str, config: ClientTrustConfig, credentials: Credentials | str | None) -> Remote:
    asked = _credentials(credentials)
    return Remote(label, config, asked, asked.refuse_hopeless())


def _credentials(asked: Credentials | str | None) -> Credentials:
    return asked if isinstance(asked, Credentials) else Credentials(asked)


@contextmanager
def _answering(label: str) -> Iterator[None]:
    """Bound what the block waits for: the sigstore client itself waits for its services without end."""
    from theodore_plugin.engine.budget import OutOfTime, time_budget

    try:
        with time_budget(ANSWER_SECONDS):
            yield
    except OutOfTime:
        raise SigningError(
            f"{label} has not answered within {ANSWER_SECONDS:.0f} s",
            help="nothing was written; try again, or ask its owner",
        ) from None


@contextmanager
def _sigstore_signer(config: ClientTrustConfig, token: str | IdentityToken) -> Iterator[Signer]:
    from sigstore.oidc import IdentityToken
    from sigstore.sign import SigningContext

    identity = IdentityToken(token) if isinstance(token, str) else token
    with SigningContext.from_trust_config(config).signer(identity) as signer:
        yield signer


@contextmanager
def _translated(problems: Sequence[Exception]) -> Iterator[None]:
    """Turn whatever the sigstore client raises into one error with the reason the instance itself gave."""
    try:
        yield
    except LoaderError:
        raise
    except Exception as error:
        for problem in problems:
            if isinstance(problem, LoaderError):
                raise problem from error
        reason = str(problems[0]) if problems else _reason(error)
        raise SigningError(
            f"signing failed: {reason}",
            help="nothing was written; check the identity token and the instance, then sign again",
        ) from error


def _reason(error: BaseException) -> str:
    """Return why it failed: what the instance answered, where it answered, which its clients leave out."""
    cause: BaseException | None = error
    while cause is not None:
        answer = getattr(getattr(cause, "response", None), "text", None)
        if isinstance(answer, str):
            return _message(answer) or str(cause)
        cause = cause.__cause__
    return str(error) or str(error.__cause__ or "") or type(error).__name__


def _message(answer: str) -> str:
    try:
        said = json.loads(answer)["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return said[:_MAX_REASON] if isinstance(said, str) else ""


_environment_guard = threading.Lock()
_environment_users: Counter[str] = Counter()
_environment_before: dict[str, str | None] = {}


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    """Set variables while the block runs. It is the process's environment: the last of several threads restores it."""
    with _environment_guard:
        for name in changes:
            if not _environment_users[name]:
                _environment_before[name] = os.environ.get(name)
            _environment_users[name] += 1
        os.environ.update(changes)
    try:
        yield
    finally:
        with _environment_guard:
            for name in changes:
                _environment_users[name] -= 1
                if not _environment_users[name]:
                    _restore(name, _environment_before.pop(name))


def _restore(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
