"""Cryptography that does not hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.inference.model import ResolvedCall
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.sites import Site

_OLD_CIPHERS = ("ARC4", "Blowfish", "CAST5", "DES", "IDEA", "RC4", "SEED", "TripleDES")
_HAZMAT = "cryptography.hazmat"
BROKEN: Mapping[str, str] = {
    **{
        f"{root}.Cipher.{name}.new": name
        for root in ("Crypto", "Cryptodome")
        for name in ("ARC2", "ARC4", "DES", "DES3")
    },
    **{
        f"{_HAZMAT}.{place}.ciphers.algorithms.{name}": name
        for place in ("primitives", "decrepit")
        for name in _OLD_CIPHERS
    },
    f"{_HAZMAT}.primitives.ciphers.modes.ECB": "ECB, which shows equal blocks,",
}
DIGESTS = ("hashlib.md5", "hashlib.sha1")
NAMED_DIGESTS = ("hashlib.new", "hmac.new", "hmac.digest", "hashlib.pbkdf2_hmac")
WEAK_NAMES = frozenset({"md5", "sha1", "md4", "ripemd160"})
_GUESSABLE = ("choice", "choices", "getrandbits", "randbytes", "randint", "random", "randrange", "sample", "uniform")
RANDOM = tuple(f"random.{name}" for name in _GUESSABLE)
SECURITY = re.compile(
    r"password|passwd|passphrase|secret|(?:^|_)(?:auth|session|access|api|csrf|reset|login)_?(?:token|key|id|code)|"
    r"(?:^|_)(?:nonce|salt|otp|pin_code|signature|hmac|private_key|csrf)(?:$|_)|^(?:make|new|create|generate)_token",
    re.IGNORECASE,
)
"""Names that say a value protects something."""

RULE = Rule(
    name="weak-crypto",
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.INLINE,
    summary="MD5, SHA-1, random or an outdated cipher protects something.",
    why="Collisions are cheap, random can be predicted, old ciphers can be read.",
    remedy="Use hashlib.sha256 (scrypt for passwords), secrets, and AES-GCM or ChaCha20-Poly1305.",
    bad=(
        Example(
            "import hashlib\n\n\ndef hash_password(password):\n    return hashlib.md5(password).hexdigest()\n",
            "MD5 of a password",
        ),
        Example(
            "import random\n\n\ndef login():\n    session_token = random.getrandbits(128)\n    return session_token\n"
        ),
        Example("from Crypto.Cipher import DES\n\n\ndef lock(key):\n    return DES.new(key)\n", "DES"),
    ),
    good=(
        Example(
            "import hashlib\n\n\ndef cache_key(url):\n    return hashlib.md5(url, usedforsecurity=False).hexdigest()\n",
            "a name for a file",
        ),
        Example("import secrets\n\n\ndef login():\n    return secrets.token_urlsafe(32)\n", "secrets"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at outdated ciphers anywhere, and at weak digests and random numbers where names speak of security."""
    protected = _protected_lines(context)
    seen: set[Location] = set()
    for call, name in context.inference.calls_of(*BROKEN, *DIGESTS, *NAMED_DIGESTS, *RANDOM):
        what = _weakness(call, name, protected)
        if what and call.location not in seen:
            seen.add(call.location)
            yield report(RULE, call.location, what, subject=call.function)


def _weakness(call: ResolvedCall, name: str, protected: set[tuple[str, int]]) -> str | None:
    if name in BROKEN:
        return f"{BROKEN[name]} is no longer a protection"
    if not _protects(call, protected):
        return None
    if name in RANDOM:
        return f"{name} can be predicted"
    if name in DIGESTS:
        return None if _for_nothing(call) else f"{name.removeprefix('hashlib.')} protects something here"
    weak = sorted(WEAK_NAMES & {text.lower() for texts in call.texts for text in texts} | _passed(call))
    return f"{weak[0]} protects something here" if weak and not _for_nothing(call) else None


def _passed(call: ResolvedCall) -> set[str]:
    return {digest.removeprefix("hashlib.") for digest in DIGESTS for origins in call.origins if digest in origins}


def _for_nothing(call: ResolvedCall) -> bool:
    value = call.argument(None, "usedforsecurity")
    return isinstance(value, m.Constant) and value.value is False


def _protects(call: ResolvedCall, protected: set[tuple[str, int]]) -> bool:
    """Whether a name around the call speaks of security: the function, what is assigned, or what is passed."""
    if SECURITY.search(call.function.rpartition(":")[2]) or (call.path, call.node.span.line) in protected:
        return True
    names = [node.id for argument in call.node.arguments for node in m.walk(argument) if isinstance(node, m.Name)]
    return any(SECURITY.search(name) for name in names)


def _protected_lines(context: RuleContext) -> set[tuple[str, int]]:
    """Lines on which something is assigned to a name that speaks of security."""
    found: set[tuple[str, int]] = set()
    for site, node in context.sites.of(m.Assign):
        if any(SECURITY.search(_name(target)) for target in node.targets):
            found.update(_lines(site))
    return found


def _lines(site: Site) -> Iterator[tuple[str, int]]:
    span = site.node.span
    return ((site.facts.path, line) for line in range(span.line, span.end_line + 1))


def _name(target: m.Expr) -> str:
    if isinstance(target, m.Attribute):
        return target.attr
    return target.id if isinstance(target, m.Name) else ""
