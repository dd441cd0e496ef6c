"""Whose word gets the certificate: a token that was given, that of the surrounding CI job, or a sign-in in a browser.

Tokens live for minutes, or for one, so they are obtained when the signature is made and not before; whether one can be
had at all is found out at once. A sign-in happens only where a person sits at a terminal, and it ends by itself: a CI
job without an identity fails, it does not wait.
"""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from theodore_loader.errors import ConfigurationProblem, LoaderError

if TYPE_CHECKING:
    from sigstore.models import ClientTrustConfig
    from sigstore.oidc import IdentityToken

CLIENT_ID = "sigstore"
"""The audience of tokens for signing, unless an instance says otherwise."""
SIGN_IN_SECONDS = 300.0


class SigningError(LoaderError):
    """The instance did not sign: no identity token, no certificate, no log entry."""


_NONE_HELP = "run in a CI job that may request OIDC tokens (id-token: write), or pass --identity-token"
_SIGN_IN_HELP = "try again; --no-browser shows an address to open on any machine, and takes the code it gives"


@dataclass(frozen=True, slots=True)
class Credentials:
    """How the signer's token is to be had. ``given`` wins; ``browser`` false means by a copied code."""

    given: str | None = field(default=None, repr=False)
    client_id: str = CLIENT_ID
    browser: bool = True

    def refuse_hopeless(self) -> str:
        """Return whom the token that is there already names, ``""`` if it will come from a sign-in.

        Raises ConfigurationProblem for a given token that is none, SigningError where there is no way to one.
        """
        token = self.given or ambient(self.client_id)
        if token is not None:
            return self._parsed(token).identity
        if not attended():
            raise SigningError("there is no identity to sign as: no ambient credential was found", help=_NONE_HELP)
        return ""

    def token(self, config: ClientTrustConfig) -> IdentityToken:
        """Return a token that is good now; asks a person if nothing else gives one."""
        token = self.given or ambient(self.client_id)
        return self._parsed(token) if token is not None else self._signed_in(config)

    def _parsed(self, token: str) -> IdentityToken:
        from sigstore.oidc import IdentityError, IdentityToken

        try:
            return IdentityToken(token, self.client_id)
        except IdentityError as error:
            raise ConfigurationProblem(f"the identity token cannot be used: {error}", help=_NONE_HELP) from error

    def _signed_in(self, config: ClientTrustConfig) -> IdentityToken:
        from sigstore.errors import Error
        from sigstore.oidc import IssuerError

        if not attended():
            raise SigningError("there is nobody to sign in: no terminal, or a CI job", help=_NONE_HELP)
        try:
            return self._ask(config.signing_config.get_oidc_url())
        except LoaderError:
            raise
        except (Error, IssuerError, OSError, EOFError, LookupError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise SigningError(f"signing in failed: {reason}", help=_SIGN_IN_HELP) from error

    def _ask(self, issuer_url: str) -> IdentityToken:
        from sigstore.oidc import Issuer

        issuer = Issuer(issuer_url)
        if self.browser and has_browser():
            return within(SIGN_IN_SECONDS, lambda: issuer.identity_token(client_id=self.client_id))
        # in this thread: an interrupt has to reach whoever waits for the code
        return issuer.identity_token(client_id=self.client_id, force_oob=True)


def ambient(client_id: str) -> str | None:
    """Return the token of the surrounding CI job, None outside of one; raises SigningError for half a CI job."""
    from sigstore.oidc import IdentityError, detect_credential

    try:
        return detect_credential(client_id)
    except IdentityError as error:
        raise SigningError(f"the surrounding CI offers no usable identity: {error}", help=_NONE_HELP) from error
    except OSError as error:
        raise SigningError(f"the surrounding CI cannot be asked for an identity: {error}", help=_NONE_HELP) from error


def attended() -> bool:
    """Tell whether a person can be asked: a terminal on both sides, and no CI job around."""
    in_ci = os.environ.get("CI", "").lower() not in {"", "0", "false"}
    return not in_ci and sys.stdin.isatty() and sys.stderr.isatty()


def has_browser() -> bool:
    """Tell whether this machine can open a page."""
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def within(seconds: float, ask: Callable[[], IdentityToken]) -> IdentityToken:
    """Return what ``ask`` returns; raises SigningError if it has not after ``seconds``.

    The client waits for the redirect without end, so it waits in a thread that the program can leave behind.
    """
    answers: list[IdentityToken] = []
    problems: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(ask())
        except BaseException as error:
            problems.append(error)

    thread = threading.Thread(target=run, name="sign-in", daemon=True)
    thread.start()
    thread.join(seconds)
    if problems:
        raise problems[0]
    if not answers:
        raise SigningError(f"nobody signed in within {seconds:.0f} s", help=_SIGN_IN_HELP)
    return answers[0]
