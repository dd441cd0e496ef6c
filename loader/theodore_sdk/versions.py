"""Version ranges by the rules of PEP 440, without a dependency.

A plugin worker imports this module, so it must not need ``packaging``; a differential test holds both to the
same answers. The grammar of versions is PEP 440's appendix B, the operators its section "Version specifiers".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

_PRE_RELEASE_WORDS = {"a": 0, "alpha": 0, "b": 1, "beta": 1, "c": 2, "rc": 2, "pre": 2, "preview": 2}
_BEFORE_PRE_RELEASES, _NO_PRE_RELEASE = (-1, 0), (3, 0)
_NO_POST_RELEASE = -1
_NO_DEV_RELEASE = (1, 0)

_PublicKey = tuple[int, tuple[int, ...], tuple[int, int], int, tuple[int, int]]
_LocalKey = tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True)
class VersionRange:
    """A PEP 440 specifier set such as ``>=2.0.0,<3.0.0``; an empty one accepts every version.

    Pre-releases take part in the comparison like any other version: the question asked is whether something
    *already present* (a running host, an installed plugin) fits, and PEP 440 excludes pre-releases only from
    the choice of what to install.

    Raises:
        ValueError: ``range_spec`` is not a valid specifier set; the message names the faulty clause.

    """

    range_spec: str

    def __post_init__(self) -> None:
        _parse_range(self.range_spec)

    @property
    def requirements(self) -> tuple[tuple[str, str], ...]:
        """The clauses as (operator, version) pairs, in the order written."""
        return tuple((clause.operator, clause.operand) for clause in _parse_range(self.range_spec))

    def matches(self, version: str) -> bool:
        """Return whether ``version`` satisfies every clause.

        Raises:
            ValueError: ``version`` is not a PEP 440 version (clauses with ``===`` compare text and accept any).

        """
        # Every clause is asked, so that an invalid version is never answered by an earlier clause's "no".
        answers = [clause.accepts(version) for clause in _parse_range(self.range_spec)]
        if not answers:
            _parse_version(version)
        return all(answers)

    def __str__(self) -> str:
        return self.range_spec


@dataclass(frozen=True, slots=True)
class _Version:
    """A parsed version; ``public`` orders everything but the local label."""

    epoch: int
    release: tuple[int, ...]
    pre: tuple[int, int] | None
    post: int | None
    dev: int | None
    local: _LocalKey

    @property
    def is_prerelease(self) -> bool:
        return self.pre is not None or self.dev is not None

    @property
    def public(self) -> _PublicKey:
        return _public_key(self.epoch, self.release, self.pre, self.post, self.dev)

    def starts_with(self, epoch: int, prefix: tuple[int, ...]) -> bool:
        """Prefix match as ``==1.2.*`` means it: the release is padded with zeros to the prefix's length."""
        padded = self.release + (0,) * (len(prefix) - len(self.release))
        return self.epoch == epoch and padded[: len(prefix)] == prefix


@dataclass(frozen=True, slots=True)
class _Clause:
    """One operator and its operand. ``version`` is absent for ``===``, ``wildcard`` marks a trailing ``.*``."""

    operator: str
    operand: str
    version: _Version | None
    wildcard: bool

    def accepts(self, candidate: str) -> bool:
        if self.version is None:
            return candidate.lower() == self.operand.lower()
        parsed = _parse_version(candidate)
        if self.wildcard:
            return parsed.starts_with(self.version.epoch, self.version.release) == (self.operator == "==")
        return _OPERATORS[self.operator](parsed, self.version)


def _equal(candidate: _Version, wanted: _Version) -> bool:
    """Local labels count only where the specifier names one."""
    if candidate.public != wanted.public:
        return False
    return not wanted.local or candidate.local == wanted.local


def _less(candidate: _Version, bound: _Version) -> bool:
    """``<V`` leaves out the pre-releases of V, unless V is one itself."""
    if bound.is_prerelease:
        return candidate.public < bound.public
    return candidate.public < _public_key(bound.epoch, bound.release, bound.pre, bound.post, 0)


def _greater(candidate: _Version, bound: _Version) -> bool:
    """``>V`` leaves out V's post-releases and local versions, unless V is a post- or development release."""
    if candidate.public <= bound.public:
        return False
    if bound.post is not None or bound.dev is not None or candidate.post is None:
        return True
    family = _public_key(candidate.epoch, candidate.release, candidate.pre, None, None)
    return family != bound.public


def _compatible(candidate: _Version, wanted: _Version) -> bool:
    """``~=X.Y`` is ``>=X.Y, ==X.*``."""
    return candidate.public >= wanted.public and candidate.starts_with(wanted.epoch, wanted.release[:-1])


_OPERATORS: dict[str, Callable[[_Version, _Version], bool]] = {
    "==": _equal,
    "!=": lambda candidate, wanted: not _equal(candidate, wanted),
    "<=": lambda candidate, bound: candidate.public <= bound.public,
    ">=": lambda candidate, bound: candidate.public >= bound.public,
    "<": _less,
    ">": _greater,
    "~=": _compatible,
}


@lru_cache(maxsize=256)
def _parse_range(range_spec: str) -> tuple[_Clause, ...]:
    if not isinstance(range_spec, str):
        raise ValueError(f"a version range is text such as '>=2.0.0,<3.0.0', not {type(range_spec).__name__}")
    return tuple(_parse_clause(part.strip()) for part in range_spec.split(",") if part.strip())


def _parse_clause(text: str) -> _Clause:
    match = re.fullmatch(r"(===|~=|==|!=|<=|>=|<|>)\s*(\S+)", text)
    if match is None:
        raise ValueError(f"{text!r} is not a version specifier; write an operator and a version, such as '>=2.0.0'")
    operator, operand = match.groups()
    if operator == "===":
        return _Clause(operator, operand, None, wildcard=False)
    wildcard = operand.endswith(".*")
    version = _parse_version(operand.removesuffix(".*"))
    _refuse_meaningless(text, operator, version, wildcard)
    return _Clause(operator, operand, version, wildcard)


def _refuse_meaningless(text: str, operator: str, version: _Version, wildcard: bool) -> None:
    """Refuse the combinations PEP 440 gives no meaning to."""
    if wildcard and operator not in ("==", "!="):
        raise ValueError(f"{text!r}: '.*' goes with == and != only")
    if wildcard and (version.is_prerelease or version.post is not None or version.local):
        raise ValueError(f"{text!r}: '.*' follows a plain release such as 2.1")
    if version.local and operator not in ("==", "!="):
        raise ValueError(f"{text!r}: a local version label goes with == and != only")
    if operator == "~=" and len(version.release) < 2:
        raise ValueError(f"{text!r}: ~= needs at least two release numbers, such as ~=2.0")


@lru_cache(maxsize=1)
def _version_pattern() -> re.Pattern[str]:
    # Compiled on first use: most workers import the SDK and never compare a version.
    return re.compile(
        r"""\s* v?
        (?: (?P<epoch>\d+) ! )?
        (?P<release> \d+ (?: \.\d+ )* )
        (?: [-_.]? (?P<pre_word> alpha|beta|preview|pre|rc|a|b|c ) [-_.]? (?P<pre_number>\d*) )?
        (?P<post> -(?P<post_bare>\d+) | [-_.]? (?: post|rev|r ) [-_.]? (?P<post_number>\d*) )?
        (?P<dev> [-_.]? dev [-_.]? (?P<dev_number>\d*) )?
        (?: \+ (?P<local> [a-z0-9]+ (?: [-_.][a-z0-9]+ )* ) )?
        \s*""",
        re.VERBOSE | re.IGNORECASE | re.ASCII,
    )


@lru_cache(maxsize=1024)
def _parse_version(text: str) -> _Version:
    match = _version_pattern().fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a PEP 440 version")
    word = match["pre_word"]
    return _Version(
        epoch=int(match["epoch"] or 0),
        release=tuple(int(number) for number in match["release"].split(".")),
        pre=None if word is None else (_PRE_RELEASE_WORDS[word.lower()], int(match["pre_number"] or 0)),
        post=None if match["post"] is None else int(match["post_bare"] or match["post_number"] or 0),
        dev=None if match["dev"] is None else int(match["dev_number"] or 0),
        local=_local_key(match["local"]),
    )


def _local_key(local: str | None) -> _LocalKey:
    """Numbers sort after words, and compare as numbers."""
    parts = re.split(r"[-_.]", local.lower()) if local else []
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts)


def _public_key(
    epoch: int, release: tuple[int, ...], pre: tuple[int, int] | None, post: int | None, dev: int | None
) -> _PublicKey:
    """Sort key of PEP 440's order: 1.0.dev1 < 1.0a1 < 1.0rc1 < 1.0 < 1.0.post1; trailing zeros do not count."""
    significant = len(release)
    while significant > 1 and release[significant - 1] == 0:
        significant -= 1
    if pre is None:
        only_dev = post is None and dev is not None
        pre = _BEFORE_PRE_RELEASES if only_dev else _NO_PRE_RELEASE
    return (
        epoch,
        release[:significant],
        pre,
        _NO_POST_RELEASE if post is None else post,
        _NO_DEV_RELEASE if dev is None else (0, dev),
    )
