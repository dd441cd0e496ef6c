"""Laws: nothing a file can hold breaks the reader, and ranges mean what they say."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from packaging.version import Version

from theodore_plugin.advisories.affected import Affected
from theodore_plugin.advisories.record import DefectiveRecordError, read_record

NOW = datetime(2025, 1, 1, tzinfo=UTC)
FULL = {
    "id": "PYSEC-1",
    "modified": "2024-01-01T00:00:00Z",
    "schema_version": "1.6.0",
    "aliases": ["CVE-1"],
    "summary": "s",
    "details": "d",
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "demo"},
            "versions": ["1.0"],
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2"}]}],
        }
    ],
    "database_specific": {"severity": "HIGH"},
}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
versions = st.builds(
    lambda release, suffix: ".".join(map(str, release)) + suffix,
    st.lists(st.integers(0, 20), min_size=1, max_size=4),
    st.sampled_from(["", "a1", "rc2", ".post1", ".dev3", "+local.1"]),
).filter(lambda text: text != "0")  # which means every version there is


def places(value, path=()):
    """Every place inside a value."""
    yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield from places(inner, (*path, key))


def with_value(value, path, new):
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = with_value(value[path[0]], path[1:], new)
    return copy


@given(st.sampled_from(list(places(FULL))), json_values)
def test_any_value_at_any_place_is_read_or_refused_as_a_defect(path, value):
    text = json.dumps(with_value(FULL, path, value)).encode()
    try:
        record = read_record(text, NOW)
    except DefectiveRecordError:
        return
    for affected in record.affected.values():
        affected.covers("1.0")
        affected.fixed()
    json.dumps([record.id, record.summary, record.severity, record.aliases], ensure_ascii=False).encode()


@given(st.binary(max_size=200))
def test_any_bytes_are_a_defect(data):
    with pytest.raises(DefectiveRecordError):
        read_record(data, NOW)


@given(versions, versions, versions)
def test_a_range_holds_what_lies_between_its_bounds(low, high, version):
    begin, end, at = Version(low), Version(high), Version(version)
    assume(begin <= end)
    affected = Affected(ranges=((("fixed", high), ("introduced", low)),))
    assert affected.covers(version) == (begin <= at < end)


@given(versions, st.lists(versions, max_size=4))
def test_a_range_without_an_end_holds_everything_later(low, later):
    affected = Affected(ranges=((("introduced", low),),))
    for version in [low, *later]:
        assert affected.covers(version) == (Version(version) >= Version(low))


@given(versions, st.lists(versions, max_size=4), st.permutations(range(4)))
def test_neither_the_order_of_events_nor_other_ranges_make_a_version_less_affected(version, others, order):
    events = [("introduced", "0"), *(("fixed", other) for other in others[:2])]
    alone = Affected(ranges=(tuple(events),)).covers(version)
    shuffled = [events[at] for at in order if at < len(events)]
    assert Affected(ranges=(tuple(shuffled),)).covers(version) == alone
    more = Affected(versions=tuple(others), ranges=(tuple(shuffled), (("introduced", "99"),)))
    assert more.covers(version) or not alone


@given(versions)
def test_a_listed_version_is_affected_and_so_is_a_local_build_of_it(version):
    assert Affected(versions=(version,)).covers(version)
    public = Version(version).public
    assert Affected(versions=(public,)).covers(f"{public}+build.5")
