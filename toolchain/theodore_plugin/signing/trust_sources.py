"""Where a client learns about an instance: a file, a service of ours, a TUF repository, or sigstore's own.

A service is named with the fingerprint of its root, ``https://HOST#sha256=…``: what it serves about itself proves
nothing, and a token goes to whatever address the document names. Both have to be the service's own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.regular_file import read_beyond
from theodore_plugin.signing.fetch import FetchError, fetch, is_secure
from theodore_plugin.signing.oidc import SigningError

if TYPE_CHECKING:
    from sigstore.models import ClientTrustConfig

MAX_BYTES = 4 << 20
_FETCH_SECONDS = 15.0
_PIN = re.compile(r"sha256=([0-9a-f]{64}(?:,[0-9a-f]{64})*)")
_ASK = "ask the owner of the instance for its ClientTrustConfig JSON, or for its URL with #sha256=…"


def is_url(source: str) -> bool:
    """Tell whether ``--trust-config`` names a service and not a file."""
    return "://" in source


def from_file(path: Path) -> ClientTrustConfig:
    """Read a ClientTrustConfig; raises ConfigurationProblem."""
    try:
        content = read_beyond(path, MAX_BYTES)
    except OSError as error:
        raise ConfigurationProblem(f"{path}: {error.strerror or error}", help=_ASK) from error
    if len(content) > MAX_BYTES:
        raise ConfigurationProblem(f"{path}: larger than {MAX_BYTES:,} bytes", help=_ASK)
    return _parsed(content, str(path))


def from_service(source: str) -> ClientTrustConfig:
    """Fetch the ClientTrustConfig of the service at ``URL#sha256=FINGERPRINT`` and hold it against the fingerprint.

    Raises ConfigurationProblem for a URL without one and for another root, SigningError where nothing answers.
    """
    url, _, fragment = source.partition("#")
    url = url.removesuffix("/")
    if not is_secure(url) or urlsplit(url).path or urlsplit(url).query:
        raise ConfigurationProblem(f"{url}: not https://HOST[:PORT] (http for this machine only)", help=_ASK)
    pin = _PIN.fullmatch(fragment)
    if fragment and pin is None:
        raise ConfigurationProblem(f"#{fragment}: not sha256= and 64 lower-case hex digits", help=_ASK)
    try:
        content = fetch(f"{url}/trust-config.json", MAX_BYTES, _FETCH_SECONDS)
    except FetchError as error:
        raise SigningError(f"the service cannot be asked: {error}", help=_ASK) from error
    _hold(content, url, frozenset(pin[1].split(",")) if pin else frozenset())
    return _parsed(content, url)


def from_tuf(url: str, bootstrap: Path | None) -> ClientTrustConfig:
    """Take the ClientTrustConfig from a sigstore TUF repository.

    ``bootstrap`` is the repository's root metadata, needed when this user has never used it before.
    """
    from sigstore.errors import Error
    from sigstore.models import ClientTrustConfig

    if not is_secure(url):
        raise ConfigurationProblem(f"{url}: not an https URL (http for this machine only)", help=_ASK)
    if bootstrap is not None and not bootstrap.is_file():
        raise ConfigurationProblem(f"{bootstrap}: no such file", help="--tuf-root takes the repository's root.json")
    try:
        return ClientTrustConfig.from_tuf(url.rstrip("/"), bootstrap_root=bootstrap)
    except (Error, OSError, ValueError) as error:
        cause = error.__cause__ or error
        if isinstance(cause, FileNotFoundError) and bootstrap is None:
            raise ConfigurationProblem(
                f"the TUF repository {url} has not been used here before",
                help="give its root metadata, as its owner handed it out, once: --tuf-root root.json",
            ) from error
        raise SigningError(
            f"the TUF repository {url} cannot be used: {str(cause) or type(cause).__name__}",
            help="check the network; if its keys were replaced, ask its owner for the new root: --tuf-root root.json",
        ) from error


def from_sigstore() -> ClientTrustConfig:
    """Take the ClientTrustConfig of the public-good instance."""
    from sigstore.errors import Error
    from sigstore.models import ClientTrustConfig

    try:
        return ClientTrustConfig.production()
    except (Error, OSError) as error:
        raise SigningError(
            f"the public sigstore instance cannot be reached: {error}",
            help="check the network, or sign with this machine's own instance: --instance local",
        ) from error


def _parsed(content: bytes, source: str) -> ClientTrustConfig:
    from sigstore.errors import Error
    from sigstore.models import ClientTrustConfig

    try:
        return ClientTrustConfig.from_json(content.decode("utf-8"))
    except (Error, ValueError) as error:
        raise ConfigurationProblem(f"{source}: not a sigstore ClientTrustConfig", help=_ASK) from error


def _hold(content: bytes, url: str, pins: frozenset[str]) -> None:
    """Refuse a document whose roots are not all pinned, or that sends signers elsewhere."""
    try:
        document = json.loads(content)
        roots = {_fingerprint(authority) for authority in document["trustedRoot"]["certificateAuthorities"]}
        elsewhere = [one for one in _urls(document["signingConfig"]) if _origin(one) != _origin(url)]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise ConfigurationProblem(f"{url}: not a sigstore ClientTrustConfig", help=_ASK) from error
    if not pins:
        raise ConfigurationProblem(
            f"{url} is not pinned. It says that its root is {', '.join(sorted(roots))}",
            help="compare that with what its owner says, then sign with "
            f"--trust-config {url}#sha256={','.join(sorted(roots))}",
        )
    if not roots or not roots <= pins:
        raise ConfigurationProblem(
            f"{url} has another root than the one pinned: {', '.join(sorted(roots)) or 'none'}",
            help="somebody is in between, or the instance was replaced: ask its owner before pinning another",
        )
    if elsewhere:
        raise ConfigurationProblem(
            f"{url} sends signers, and their tokens, to {elsewhere[0]}",
            help="an instance that spans several hosts is given as a file: --trust-config FILE",
        )


def _urls(signing: Mapping[str, Any]) -> list[str]:
    return [service["url"] for kind in ("caUrls", "rekorTlogUrls", "tsaUrls") for service in signing.get(kind, [])]


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _fingerprint(authority: Mapping[str, Any]) -> str:
    return hashlib.sha256(base64.b64decode(authority["certChain"]["certificates"][-1]["rawBytes"])).hexdigest()
