"""Whether a set of locked wheels is complete for this interpreter, and holds nothing that nobody asked for.

A lock is made for a declared range, and not every tool looks at all of it. On another Python or platform a
distribution may need more (a backport, a platform helper); without this question the gap would show as an ImportError
inside the worker, days later.
A lock need not say who depends on whom (PEP 751), but the wheels do: what no requirement leads to came along unasked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from email.parser import HeaderParser

from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import Refused

_EXTRA = re.compile(r"""extra == "([^"]*)\"""")


def refuse_gaps(wheels: Iterable[Wheel]) -> None:
    """Raise ``unpinned-lock`` if a wheel requires, on this interpreter, what none of ``wheels`` satisfies.

    Extras count where one of the wheels asks for them.
    """
    present = {wheel.name: wheel for wheel in wheels}
    needs = {name: list(_requirements(wheel)) for name, wheel in present.items()}
    for name, extras in _extras(needs).items():
        for need in _applying(needs[name], extras):
            _check(need, name, present)


def refuse_surplus(wheels: Iterable[Wheel], plugin: Wheel) -> None:
    """Raise ``unrequired-locked-package`` if no chain of requirements leads from ``plugin`` to one of ``wheels``.

    Conditions on platform and Python count as met: a lock may hold what only another interpreter needs.
    """
    present = {wheel.name: wheel for wheel in wheels}
    asked: dict[str, set[str]] = {}
    pending = [need for need in _requirements(plugin) if _may_apply(need, ())]
    while pending:
        need = pending.pop()
        name = canonicalize_name(need.name)
        if name not in present or (name in asked and need.extras <= asked[name]):
            continue
        extras = asked.setdefault(name, set())
        extras |= need.extras
        pending += [further for further in _requirements(present[name]) if _may_apply(further, extras)]
    if surplus := sorted(present.keys() - asked.keys()):
        raise Refused(
            "unrequired-locked-package",
            f"the lock brings {', '.join(surplus)} along, which neither {plugin.name} nor its dependencies require",
            help="lock again with `theodore-plugin package --upgrade-lock`, or declare the dependency",
        )


def _may_apply(need: Requirement, extras: Iterable[str]) -> bool:
    """Whether a requirement holds on some interpreter, given the extras that are asked for."""
    wanted = _EXTRA.findall(str(need.marker or ""))
    return not wanted or not {canonicalize_name(name) for name in wanted}.isdisjoint(map(canonicalize_name, extras))


def _extras(needs: Mapping[str, list[Requirement]]) -> dict[str, set[str]]:
    """Return which extras of each distribution the others ask for, followed until nothing new appears."""
    extras: dict[str, set[str]] = {name: set() for name in needs}
    pending = list(needs)
    while pending:
        name = pending.pop()
        for need in _applying(needs[name], extras[name]):
            asked = extras.get(canonicalize_name(need.name))
            if asked is not None and not need.extras <= asked:
                asked |= need.extras
                pending.append(canonicalize_name(need.name))
    return extras


def _applying(needs: Iterable[Requirement], extras: Iterable[str]) -> Iterator[Requirement]:
    contexts = [{"extra": extra} for extra in ("", *extras)]
    for need in needs:
        if need.marker is None or any(need.marker.evaluate(context) for context in contexts):
            yield need


def _check(need: Requirement, name: str, present: Mapping[str, Wheel]) -> None:
    found = present.get(canonicalize_name(need.name))
    if found is not None and need.specifier.contains(found.version, prereleases=True):
        return
    what = f"{need.name} {found.version} does not fit" if found else f"the lock has no {need.name}"
    raise Refused(
        "unpinned-lock",
        f"{name} needs {need} on this interpreter, and {what}",
        help="the plugin's author must declare this Python and platform (requires-python, platforms), and lock again",
    )


def _requirements(wheel: Wheel) -> Iterator[Requirement]:
    metadata = wheel.entries[f"{wheel.dist_info}/METADATA"].decode("utf-8")
    for line in HeaderParser().parsestr(metadata).get_all("Requires-Dist", ()):
        try:
            need = Requirement(str(line))
            if need.marker is not None:
                need.marker.evaluate({"extra": ""})  # some well-formed comparisons have no answer
            yield need
        except (ValueError, UndefinedEnvironmentName):
            raise Refused(
                "unclean-dependency-wheel",
                f"{wheel.filename} states a requirement that cannot be read: {str(line)[:200]!r}",
                help="choose another version of it",
            ) from None
