import pytest

from theodore_plugin.advisories.affected import Affected

RANGE = (("introduced", "0"), ("fixed", "1.5"), ("introduced", "2.0"), ("last_affected", "2.3"))


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ("0.1", True),
        ("0.0.dev1", True),
        ("1.5rc1", True),
        ("1.5", False),
        ("1.5+local", False),
        ("1.9", False),
        ("2.0", True),
        ("2.3", True),
        ("2.3.1", False),
        ("1!0.1", False),
    ],
)
def test_a_version_inside_a_range_is_affected(version, affected):
    assert Affected(ranges=(RANGE,)).covers(version) is affected
    assert Affected(ranges=(tuple(reversed(RANGE)),)).covers(version) is affected


@pytest.mark.parametrize("version", ["1.0", "1.0.0", "v1.0", "1.0+cu118", "01.0"])
def test_a_listed_version_is_affected_in_every_spelling_and_local_build(version):
    assert Affected(versions=("0.9", "1.0")).covers(version)


def test_a_version_that_is_not_pep440_is_compared_as_text():
    affected = Affected(versions=("2004d-final",), ranges=((("introduced", "0"),),))
    assert affected.covers("2004d-final")
    assert not affected.covers("2004e-final")


@pytest.mark.parametrize(
    "events",
    [
        (("introduced", "0"), ("fixed", "0.2.0-n653")),
        (("introduced", "some time ago"), ("fixed", "9")),
        (("introduced", "2019-09-12"),),
    ],
    ids=["fixed", "introduced", "only introduced"],
)
def test_an_unreadable_bound_leaves_a_version_affected(events):
    assert Affected(ranges=(events,)).covers("1.0")


def test_nothing_said_means_nothing_affected():
    assert not Affected().covers("1.0")
    assert not Affected(ranges=((),)).covers("1.0")


def test_fixed_versions_come_in_order_without_what_is_no_version():
    ranges = ((("fixed", "10.0"), ("fixed", "9.0")), (("fixed", "nonsense"), ("fixed", "9.0")))
    assert Affected(ranges=ranges).fixed() == ("9.0", "10.0")
