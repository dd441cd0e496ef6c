"""What secrets look like: formats their issuers published, and the measure for those without a format.

A format is listed only if its issuer fixed it (prefix, alphabet, length), so that a match is a key and not a word.
Sources: the issuers' own pages on their key formats, and GitHub's list of secret scanning patterns.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """One issuer's format. A text without any of the ``marks`` holds none: looking for those is fast."""

    label: str
    marks: tuple[str, ...]
    pattern: re.Pattern[str]


def _format(label: str, marks: str, pattern: str) -> Format:
    return Format(label, tuple(marks.split()), re.compile(rf"(?<![A-Za-z0-9_]){pattern}(?![A-Za-z0-9_])"))


FORMATS: tuple[Format, ...] = (
    _format("an AWS access key id", "AKIA ASIA", r"(?:AKIA|ASIA)[A-Z2-7]{16}"),
    _format("a GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{36,251}"),
    _format("a GitHub token", "github_pat_", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    _format(
        "a GitLab token",
        "glpat- gldt- glrt- glsoat- glcbt- glptt- glft-",
        r"gl(?:pat|dt|rt|soat|cbt|ptt|ft)-[A-Za-z0-9_-]{20,}",
    ),
    _format("a Slack token", "xox", r"xox[abeoprs]-(?:[0-9]{8,}-){1,3}[A-Za-z0-9]{16,}"),
    _format(
        "a Slack webhook", "hooks.slack.com/", r"hooks\.slack\.com/services/T[A-Z0-9]{8,}/B[A-Z0-9]{8,}/[A-Za-z0-9]{24}"
    ),
    _format("a Stripe key", "_live_", r"(?:sk|rk)_live_[A-Za-z0-9]{24,247}"),
    _format("an OpenAI key", "T3BlbkFJ", r"sk-(?:[a-z]+-)?[A-Za-z0-9_-]{20,74}T3BlbkFJ[A-Za-z0-9_-]{20,74}"),
    _format("an Anthropic key", "sk-ant-", r"sk-ant-(?:api|admin)[0-9]{2}-[A-Za-z0-9_-]{86,}"),
    _format("a Google API key", "AIza", r"AIza[A-Za-z0-9_-]{35}"),
    _format("a Google OAuth secret", "GOCSPX-", r"GOCSPX-[A-Za-z0-9_-]{28}"),
    _format("a Hugging Face token", "hf_", r"hf_[A-Za-z]{34}"),
    _format("an npm token", "npm_", r"npm_[A-Za-z0-9]{36}"),
    _format("a PyPI token", "pypi-AgE", r"pypi-AgE[A-Za-z0-9_-]{80,}"),
    _format("a SendGrid key", "SG.", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    _format("a Telegram bot token", ":AA", r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}"),
    _format("a DigitalOcean token", "_v1_", r"do[opr]_v1_[0-9a-f]{64}"),
    _format("a Databricks token", "dapi", r"dapi[0-9a-f]{32}(?:-[0-9])?"),
    _format("a Shopify token", "shpat_ shpca_ shppa_ shpss_", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    _format("a Mailgun key", "key-", r"key-[0-9a-f]{32}"),
    _format("a Twilio key", "SK", r"SK[0-9a-f]{32}"),
    _format("an Azure storage key", "AccountKey=", r"AccountKey=[A-Za-z0-9+/]{86}=="),
)
PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:RSA |EC |DSA |OPENSSH |ENCRYPTED )?PRIVATE KEY-----\s+"
    r"(?:[\w-]+:[^\n]*\n)*\s*[A-Za-z0-9+/=\s\\n]{64}"
)
CREDENTIAL_URL = re.compile(  # begins with what is rare, so that looking for it is fast
    r"://[^\s/:@'\"{}<>%]{1,64}:(?P<password>[^\s/:,@'\"{}<>]{6,128})@[\w.-]+"
)
STAND_IN = re.compile(
    r"example|sample|dummy|fake|test|placeholder|your|change.?me|replace|insert|redacted|hidden|xxxx|\*\*\*|\.\.\.|1234567|"
    r"abcdef|password|passwd|secret|<|\{|\$\(|%\(",
    re.IGNORECASE,
)
"""Words that appear in documentation's stand-ins and not in keys."""
SECRET_NAME = re.compile(
    r"(?:^|_)(?:password|passwd|pwd|passphrase|secret|secret_?key|client_?secret|api_?key|apikey|auth_?key|access_?key|"
    r"private_?key|encryption_?key|signing_?key|(?:auth|access|api|bearer|refresh|bot|session)_?token|credential)s?$",
    re.IGNORECASE,
)
"""Names whose value is a secret; ``key`` and ``token`` alone are dictionary keys and words of a grammar."""
MIN_LENGTH, MAX_LENGTH = 12, 512
MIN_BITS = {"hex": 2.8, "text": 3.3}
"""Shannon entropy per character that words and identifiers rarely reach at this length (bits)."""
_HEX = re.compile(r"[0-9a-fA-F]+")
_OPAQUE = re.compile(r"[A-Za-z0-9+/=_.~!@#$%^&*?-]+")


def formats_in(text: str) -> Iterator[tuple[str, int, int]]:
    """Iterate over known formats in a text: label, start and end. Stand-ins of documentation are left out."""
    for known in FORMATS:
        if any(mark in text for mark in known.marks):
            for match in known.pattern.finditer(text):
                if not STAND_IN.search(match.group()) and entropy(match.group()) > MIN_BITS["hex"]:
                    yield known.label, match.start(), match.end()
    for match in PRIVATE_KEY.finditer(text):
        if not STAND_IN.search(match.group()):
            yield "a private key", match.start(), match.end()
    for match in CREDENTIAL_URL.finditer(text):
        if not STAND_IN.search(match.group()) and entropy(match["password"]) > MIN_BITS["hex"]:
            yield "a password in a URL", match.start(), match.end()


def looks_random(value: str) -> bool:
    """Whether a text is a generated secret rather than a word, path, URL, template or identifier."""
    if not MIN_LENGTH <= len(value) <= MAX_LENGTH or not _OPAQUE.fullmatch(value) or STAND_IN.search(value):
        return False
    if _HEX.fullmatch(value):
        return len(value) >= 20 and entropy(value) >= MIN_BITS["hex"]
    kinds = sum(bool(re.search(kind, value)) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[^A-Za-z0-9]"))
    return (
        kinds >= 3 and bool(re.search("[0-9]", value)) and entropy(value) >= MIN_BITS["text"] and not _is_worded(value)
    )


def _is_worded(value: str) -> bool:
    """Whether the text is made of words: ``X-Api-Key-Header-2``, ``tools/list_v2``, ``com.example.Name1``."""
    words = re.findall(r"[A-Z]?[a-z]{3,}|[A-Z]{3,}", value)
    return sum(map(len, words)) * 2 > len(value)


def entropy(text: str) -> float:
    """Return the Shannon entropy of a text's characters, in bits per character."""
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())
