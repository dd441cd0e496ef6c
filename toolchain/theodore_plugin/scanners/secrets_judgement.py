"""Which of the things that look like secrets are taken for secrets, and how seriously.

A detector says where something has the shape of a secret; that is often an example, a digest or a name. Here each
sighting is looked at again with the measures of the rule ``hardcoded-secret``: stand-ins of documentation, entropy,
names. What is left is *certain* (a format that only its issuer's keys have) or *likely* (a random value with a telling
name, a format others share), and it makes a difference whether the file is shipped:

=========  =======================  ==============================  =================================
..         shipped                  beside the package              ``.env`` beside the package
=========  =======================  ==============================  =================================
certain    error, high              warning, high                   notice, high
likely     warning, medium          notice, low (auditors only)     nothing: that is what it is for
=========  =======================  ==============================  =================================
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from theodore_plugin.finding import Confidence, Finding, Location, Severity
from theodore_plugin.rules.code import secret_shapes as shapes

EXACT = frozenset(
    {
        "AzureStorageKeyDetector",
        "GitHubTokenDetector",
        "GitLabTokenDetector",
        "NpmDetector",
        "OpenAIDetector",
        "PypiTokenDetector",
        "SendGridDetector",
        "SlackDetector",
        "StripeDetector",
    }
)
"""Detectors of formats that our own list knows more exactly: what they find counts if it agrees."""
AWS, SQUARE, JWT = "AWSKeyDetector", "SquareOAuthDetector", "JwtTokenDetector"
LIKELY = {
    "ArtifactoryDetector": "an Artifactory credential",
    "CloudantDetector": "a Cloudant credential",
    "DiscordBotTokenDetector": "a Discord bot token",
    "IbmCloudIamDetector": "an IBM Cloud key",
    "IbmCosHmacDetector": "an IBM storage key",
    "JwtTokenDetector": "a JSON Web Token",
    "MailchimpDetector": "a Mailchimp key",
    "SoftlayerDetector": "a SoftLayer credential",
    "TelegramBotTokenDetector": "a Telegram bot token",
    "TwilioKeyDetector": "a Twilio key",
}
"""Formats that other things have as well: 32 letters and digits, a number and a colon."""
KEYWORD, PRIVATE_KEY, URL = "KeywordDetector", "PrivateKeyDetector", "BasicAuthDetector"
MIXED = re.compile(r"(?=.*[A-Z])(?=.*[a-z])(?=.*[0-9])")
_DIGEST_BEFORE = re.compile(
    r"(?:\bsha-?\d{1,3}|\bmd5|\bblake2\w*|digest|hash(?:es)?|checksum|integrity|fingerprint|hashed_\w+)[\"']?\s*[-:=,]+\s*[\"'{]?"
    r"(?:sha\d+\s*[-:=]\s*[\"']?)?[\w+/=-]*$",
    re.IGNORECASE,
)
_NAME_BEFORE = re.compile(r"(?P<name>[A-Za-z_][\w.-]*)[\"'`\])]*\s*(?::=|=>|=|:)\s*[\"'`(]?$")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOWHERE = re.compile(
    r"@(?:localhost|127\.|0\.0\.0\.0|\[?::1|[\w-]+(?:[:/?\s\"'`]|$)|[\w.-]+\.(?:local|test|invalid)\b)"
)
"""Hosts that are no other machine: a password for them opens nothing."""
_JWT = re.compile(r"[\w.+/=-]*")
_BESIDE_VALUE = re.compile(r"[A-Za-z0-9_]")


@dataclass(frozen=True, slots=True)
class Text:
    """One file as it was looked at."""

    path: str
    text: str
    shipped: bool

    @property
    def is_lock(self) -> bool:
        """Whether it is a list of digests that a program wrote."""
        name = self.path.rsplit("/", 1)[-1].lower()
        return name.endswith((".lock", ".sum")) or name in _LOCKS or bool(_NAMED_LOCK.fullmatch(name))

    @property
    def is_environment(self) -> bool:
        """Whether it is where an author keeps the secrets of this machine (``.env``, but not ``.env.example``)."""
        name = self.path.rsplit("/", 1)[-1].lower()
        return name.startswith(".env") and not name.endswith((".example", ".sample", ".template", ".dist"))


_KEEP_OUT = "that is what the file is for; keep it out of version control and of source archives"
_LOCKS = frozenset({"record", "package-lock.json", "npm-shrinkwrap.json", "packages.lock.json"})
_NAMED_LOCK = re.compile(r"pylock(\.[\w-]+)?\.toml")


@dataclass(frozen=True, slots=True, order=True)
class Sighting:
    """Something in a file: certain or likely, what, and from where to where (offsets into the text)."""

    start: int
    end: int
    certain: bool
    slug: str
    what: str


def sighted(text: Text, found: Iterable[tuple[str, int, int, int]]) -> tuple[Sighting, ...]:
    """Judge what the detectors found (detector, line from 1, columns from 0), and look for our own formats."""
    starts = _line_starts(text.text)
    offsets = ((name, starts[line - 1] + start, starts[line - 1] + end) for name, line, start, end in found)
    seen = [judged for one in offsets if (judged := _judged(text, *one)) is not None]
    own = [] if text.path.endswith(".py") and text.shipped else list(_own(text))
    return tuple(_one_each([*own, *seen]))


def findings(text: Text, sightings: Iterable[Sighting], help: str) -> Iterator[Finding]:  # noqa: A002
    """Report sightings; none of what was sighted is in a finding, only where it is."""
    for sighting in sightings:
        weight = _weight(text, sighting)
        if weight is not None:
            severity, confidence = weight
            yield Finding(
                rule=f"secrets/{sighting.slug}",
                severity=severity,
                confidence=confidence,
                location=_location(text, sighting),
                message=f"{sighting.what} stands in {_where(text)}",
                help=_KEEP_OUT if text.is_environment and not text.shipped else help,
                subject=sighting.slug,
                source="secrets",
            )


def _where(text: Text) -> str:
    if text.shipped:
        return "a shipped file"
    return "the environment of this machine" if text.is_environment else "a file of the project"


def _weight(text: Text, sighting: Sighting) -> tuple[Severity, Confidence] | None:
    if text.shipped:
        certain, likely = (Severity.ERROR, Confidence.HIGH), (Severity.WARNING, Confidence.MEDIUM)
        return certain if sighting.certain else likely
    if text.is_environment:
        return (Severity.NOTICE, Confidence.HIGH) if sighting.certain else None
    return (Severity.WARNING, Confidence.HIGH) if sighting.certain else (Severity.NOTICE, Confidence.LOW)


def _judged(text: Text, detector: str, start: int, end: int) -> Sighting | None:
    value = text.text[start:end]
    before = text.text[text.text.rfind("\n", 0, start) + 1 : start]
    if shapes.STAND_IN.search(value) or _DIGEST_BEFORE.search(before):
        return None
    if detector == KEYWORD:
        return _named(text, before, value, start)
    if detector in {PRIVATE_KEY, URL}:
        return None  # keys and addresses are judged as a whole, by our own formats
    if detector == JWT:
        whole = _JWT.match(text.text, start)  # the detector stops before the signature
        end = whole.end() if whole else end
        value = text.text[start:end]
    if _goes_on(text.text, start, end) or shapes.entropy(value) <= _bits(value):
        return None
    label = _issuers(detector, value)
    if label:
        return Sighting(start, end, True, _slug(label), label)
    if detector in LIKELY and not text.is_lock:
        return Sighting(start, end, False, _slug(LIKELY[detector]), LIKELY[detector])
    return None


def _issuers(detector: str, value: str) -> str:
    """Say whose key it is if nobody else writes such a thing.

    AWS's secret keys have no format but forty letters of every kind; the digest of a commit is not one.
    """
    if detector in EXACT or (detector == AWS and len(value) == 20):
        return next((label for label, _, _ in shapes.formats_in(value)), "")
    if detector == AWS:
        return "an AWS secret key" if MIXED.match(value) else ""
    return "a Square OAuth secret" if detector == SQUARE else ""


def _named(text: Text, before: str, value: str, start: int) -> Sighting | None:
    match = _NAME_BEFORE.search(before)
    value = value.rstrip()
    if match is None or text.is_lock or not shapes.looks_random(value):
        return None
    name = _CAMEL.sub("_", match["name"]).replace("-", "_").replace(".", "_")
    if not shapes.SECRET_NAME.search(name):
        return None
    return Sighting(start, start + len(value), False, "keyword", f"the value of {match['name']}")


def _own(text: Text) -> Iterator[Sighting]:
    """Look for the formats of ``hardcoded-secret``, which sees Python source only, and judge keys and addresses."""
    for label, start, end in shapes.formats_in(text.text):
        if label == "a password in a URL" and _NOWHERE.search(text.text[start:end] + text.text[end : end + 1]):
            continue
        yield Sighting(start, end, True, _slug(label), label)


def _one_each(sightings: Iterable[Sighting]) -> Iterator[Sighting]:
    """Yield one sighting for each place: the more certain, then the longer."""
    taken: list[Sighting] = []
    for one in sorted(sightings, key=lambda s: (not s.certain, s.start - s.end, s.start, s.slug)):
        if all(one.end <= other.start or other.end <= one.start for other in taken):
            taken.append(one)
    yield from sorted(taken)


def _goes_on(text: str, start: int, end: int) -> bool:
    """Whether a match is part of something longer: base64 holds everybody's prefix somewhere."""
    before, after = text[start - 1 : start] if start else "", text[end : end + 1]
    return bool(_BESIDE_VALUE.match(before) or _BESIDE_VALUE.match(after))


def _bits(value: str) -> float:
    return shapes.MIN_BITS["hex" if re.fullmatch("[0-9a-fA-F]+", value) else "text"] if len(value) < 64 else 2.8


def _slug(what: str) -> str:
    """Return the last part of a rule's name: ``github-token`` for ``a GitHub token``."""
    return re.sub(r"^an? ", "", what).lower().replace(" ", "-")


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for match in re.finditer("\n", text):
        starts.append(match.end())
    return starts


def _location(text: Text, sighting: Sighting) -> Location:
    line, column = _position(text.text, sighting.start)
    end_line, end_column = _position(text.text, sighting.end)
    return Location(text.path, line, column, end_line, end_column)


def _position(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
