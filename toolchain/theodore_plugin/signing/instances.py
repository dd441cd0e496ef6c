"""Whose certificate signs: the local instance, a private sigstore, or the public one.

All three are driven through the unmodified sigstore client; the local one is served on loopback for as long as the
signature takes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from theodore_loader.errors import ConfigurationProblem, LoaderError
from theodore_plugin.signing.local.instance import DEFAULT_NAME, LocalInstance, open_or_create
from theodore_plugin.signing.local.server import serving

if TYPE_CHECKING:
    from sigstore.models import ClientTrustConfig
    from sigstore.sign import Signer

_LOOPBACK_ENVIRONMENT = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "NETRC": os.devnull}
"""Proxies do not reach our loopback, and a ``default`` line in ``~/.netrc`` would replace the bearer token."""


class SigningError(LoaderError):
    """The instance did not sign: no identity token, no certificate, no log entry."""


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
    """A private or the public sigstore: ``config`` names its services, ``token`` is the signer's OIDC token."""

    label: str
    config: ClientTrustConfig
    token: str = field(repr=False)
    identity: str = ""

    @property
    def verifier_id(self) -> str:
        """The identity as a URI."""
        return self.identity if ":" in self.identity else f"mailto:{self.identity}"

    @contextmanager
    def signer(self) -> Iterator[Signer]:
        """Sign as whoever the token names."""
        with _translated(()), _sigstore_signer(self.config, self.token) as signer:
            yield signer


def local(name: str = DEFAULT_NAME, home: Path | None = None) -> Local:
    """Return this machine's instance, creating it on first use."""
    return Local(open_or_create(name, home))


def private(trust_config: Path, token: str | None) -> Remote:
    """Return the instance that a ClientTrustConfig file describes; ``token`` defaults to the ambient credential."""
    from sigstore.models import ClientTrustConfig

    try:
        config = ClientTrustConfig.from_json(trust_config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a sigstore ClientTrustConfig"
        raise ConfigurationProblem(
            f"{trust_config}: {reason}", help="ask the owner of the instance for its ClientTrustConfig JSON"
        ) from error
    return _remote(f"private instance of {trust_config}", config, token or _ambient_token())


def public(token: str | None) -> Remote:
    """Return the public-good instance; its trust root comes over TUF, ``token`` from the surrounding CI."""
    from sigstore.errors import Error
    from sigstore.models import ClientTrustConfig

    credential = token or _ambient_token()
    try:
        config = ClientTrustConfig.production()
    except (Error, OSError) as error:
        raise SigningError(
            f"the public sigstore instance cannot be reached: {error}",
            help="check the network, or sign with this machine's own instance: --instance local",
        ) from error
    return _remote("public sigstore", config, credential)


def _remote(label: str, config: ClientTrustConfig, token: str) -> Remote:
    from sigstore.oidc import IdentityError, IdentityToken

    try:
        return Remote(label, config, token, IdentityToken(token).identity)
    except IdentityError as error:
        raise ConfigurationProblem(f"the identity token cannot be used: {error}", help=_TOKEN_HELP) from error


def _ambient_token() -> str:
    from sigstore.oidc import IdentityError, detect_credential

    try:
        token = detect_credential()
    except IdentityError as error:
        raise SigningError(f"the surrounding CI offers no usable identity: {error}", help=_TOKEN_HELP) from error
    if token is None:
        raise SigningError("there is no identity to sign as: no ambient credential was found", help=_TOKEN_HELP)
    return token


_TOKEN_HELP = "run in a CI job that may request OIDC tokens (id-token: write), or pass --identity-token"  # noqa: S105


@contextmanager
def _sigstore_signer(config: ClientTrustConfig, token: str) -> Iterator[Signer]:
    from sigstore.oidc import IdentityToken
    from sigstore.sign import SigningContext

    with SigningContext.from_trust_config(config).signer(IdentityToken(token)) as signer:
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
        reason = str(problems[0] if problems else error) or type(error).__name__
        raise SigningError(
            f"signing failed: {reason}",
            help="nothing was written; check the identity token and the instance, then sign again",
        ) from error


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
