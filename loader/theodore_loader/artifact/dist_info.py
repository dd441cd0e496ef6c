"""Who a wheel says it is: file name, ``.dist-info`` folder, METADATA and WHEEL must tell one story.

Source: PyPA *Binary distribution format* and *Core metadata*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from functools import lru_cache

from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from theodore_loader.errors import InvalidWheel

_SUFFIX = ".dist-info"
_MAX_TAG_PARTS = 100


@dataclass(frozen=True, slots=True)
class Identity:
    """What the file name states: normalised name (PEP 503), version in normal form (PEP 440), compatibility tags."""

    name: str
    version: str
    tags: frozenset[Tag]


@lru_cache(maxsize=256)
def parse_filename(filename: str) -> Identity:
    """Read a wheel's file name; anything else raises ``not-a-wheel``."""
    _bound_tags(filename.rpartition(".")[0].split("-", 2)[-1], filename)
    try:
        name, version, _, tags = parse_wheel_filename(filename)
    except ValueError as defect:  # InvalidWheelFilename is one, and so is a number of too many digits
        raise InvalidWheel(
            "not-a-wheel", f"{filename!r} is not the name of a wheel: {defect}", help="keep the name the build gave it"
        ) from None
    return Identity(str(name), str(version), tags)


def find_dist_info(names: Iterable[str], identity: Identity) -> str:
    """Return the one ``.dist-info`` folder, or raise ``not-a-wheel``."""
    tops = {name.partition("/")[0] for name in names if "/" in name}
    found = sorted(top for top in tops if top.lower().endswith((_SUFFIX, ".egg-info")))
    if len(found) != 1 or not found[0].endswith(_SUFFIX):
        raise _not_a_wheel(f"a wheel holds exactly one .dist-info folder, this one: {', '.join(found) or 'none'}")
    name, _, version = found[0].removesuffix(_SUFFIX).rpartition("-")
    _check_same("the folder", f"{found[0]!r}", name, version, identity)
    return found[0]


def check_metadata(entries: Mapping[str, bytes], dist_info: str, identity: Identity) -> None:
    """Raise ``metadata-drift`` unless METADATA names the distribution the file name names."""
    headers = _headers(entries, f"{dist_info}/METADATA")
    _check_same("METADATA", "Name and Version", _one(headers, "Name"), _one(headers, "Version"), identity)


def check_wheel_file(entries: Mapping[str, bytes], dist_info: str) -> None:
    """Raise ``not-a-wheel`` unless WHEEL is there and of a known version."""
    headers = _headers(entries, f"{dist_info}/WHEEL")
    version = _one(headers, "Wheel-Version")
    if not version.startswith("1."):
        raise _not_a_wheel(f"WHEEL states format {version!r}; only 1.x is known")
    if _one(headers, "Root-Is-Purelib").lower() not in ("true", "false"):
        raise _not_a_wheel("WHEEL's Root-Is-Purelib is neither true nor false")


def check_tags(entries: Mapping[str, bytes], dist_info: str, expected: frozenset[Tag]) -> None:
    """Raise ``platform-tag-wrong`` unless WHEEL lists the tags of the file name.

    Asked of plugins only: repair tools rename dependencies without touching WHEEL, and selection goes by file name.
    """
    values = [str(value).strip() for value in _headers(entries, f"{dist_info}/WHEEL").get_all("Tag", ())]
    _bound_tags("-".join(values), "WHEEL")
    tags = frozenset[Tag]().union(*map(_parse_tag, values))
    if tags != expected:
        raise InvalidWheel(
            "platform-tag-wrong",
            f"WHEEL lists the tags {_shown(tags)}, the file name {_shown(expected)}",
            help="do not rename wheels; build for the platform instead",
        )


def _parse_tag(value: str) -> frozenset[Tag]:
    try:
        return parse_tag(value)
    except ValueError:
        raise _not_a_wheel(f"WHEEL lists the malformed tag {value!r}") from None


def _bound_tags(compressed: str, where: str) -> None:
    # A compressed tag set stands for the product of its parts: a short line could name millions of tags.
    if compressed.count(".") + compressed.count("-") > _MAX_TAG_PARTS:
        raise _not_a_wheel(f"{where[:80]!r} names more tags than any real wheel")


def _headers(entries: Mapping[str, bytes], name: str) -> Message:
    if name not in entries:
        raise _not_a_wheel(f"{name} is missing")
    try:
        return HeaderParser().parsestr(entries[name].decode("utf-8"))
    except UnicodeDecodeError:
        raise _not_a_wheel(f"{name} is not UTF-8") from None


def _one(headers: Message, field: str) -> str:
    values = headers.get_all(field, [])
    if len(values) != 1:
        raise _not_a_wheel(f"the header {field!r} is there {len(values)} times instead of once")
    return str(values[0]).strip()


def _check_same(where: str, what: str, name: str, version: str, identity: Identity) -> None:
    try:
        same = canonicalize_name(name) == identity.name and Version(version) == Version(identity.version)
    except ValueError:  # InvalidVersion is one, and so is a number of too many digits
        same = False
    if not same:
        raise InvalidWheel(
            "metadata-drift",
            f"{where} says {name[:120]!r} {version[:120]!r} ({what}), "
            f"the file name says {identity.name} {identity.version}",
            help="build the wheel again and do not rename it",
        )


def _shown(tags: frozenset[Tag]) -> str:
    return ", ".join(sorted(map(str, tags))) or "none"


def _not_a_wheel(message: str) -> InvalidWheel:
    return InvalidWheel("not-a-wheel", message, help="build the wheel again with `theodore-plugin package`")
