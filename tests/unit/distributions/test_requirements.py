import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from theodore_plugin.distributions import Environment
from theodore_plugin.distributions.model import normalised
from theodore_plugin.distributions.requirements import required_name


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Idna", "idna"),
        ("a_b.c>=1,<2", "a-b-c"),
        ("a ~= 1.0 , != 1.5", "a"),
        ("a===weird", "a"),
        ("a[x,y]>=1", "a"),
        ("a (>=1)", "a"),
        ("a @ https://example.org/a.whl", "a"),
        ("a; python_version >= '3'", "a"),
        ("a>=1; python_version < '3'", None),
        ("a; extra == 'x'", None),
        ('a>1; extra == "x"', None),
        ("a; extra == 'x' or python_version > '3'", "a"),
        ("a; python_version > '3' and extra == 'x'", None),
        ("a >", "a"),
        ("a; nonsense", "a"),
        ("a (>=1", "a"),
        ("", None),
        ("  ", None),
        ("-e .", None),
    ],
)
def test_a_requirement_asks_for(line, name):
    assert required_name(line) == name


def test_the_short_cut_agrees_with_packaging_on_everything_installed():
    environment = Environment.running()
    lines = {line for name in environment.names() for line in environment.distribution(name).requirements}
    assert len(lines) > 100
    for line in sorted(lines):
        requirement = Requirement(line)
        holds = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        assert required_name(line) == (canonicalize_name(requirement.name) if holds else None), line


@pytest.mark.parametrize("name", ["A_b.-c", "x", "Zope.Interface", "a--b__c"])
def test_names_are_normalised_as_packaging_does(name):
    assert normalised(name) == canonicalize_name(name)
