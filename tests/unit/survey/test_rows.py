from theodore_plugin.finding import Location, Step
from theodore_plugin.inference.model import Certainty, InferredPermission, Phase, Unknown
from theodore_plugin.survey.diff import difference
from theodore_plugin.survey.model import Kind, Survey, Surveyed, rows_of
from theodore_sdk.info import PermissionType


def act(line=1, *, target=None, phase=Phase.CALL, through=None, certainty=Certainty.RESOLVED, hops=0, symbol="x.y"):
    chain = tuple(Step(f"hop {hop}", Location("a.py", 100 + hop)) for hop in range(hops))
    here = Step(f"calls {symbol}", Location("a.py", line))
    return InferredPermission(
        PermissionType.NETWORK, "connect", target, certainty, (*chain, here), phase, symbol, through=through
    )


def surveyed(*acts, unknown=(), hooks=(), native=(), failed=()):
    package = Surveyed("p", "1", Kind.SOURCE, "p", "0" * 64)
    found = rows_of(acts)
    return Survey(package, found, tuple(unknown), 1, 1, failed=failed, startup_hooks=hooks, native=native)


def test_places_of_one_kind_are_gathered_and_the_strongest_comes_first():
    (row,) = rows_of([act(3), act(2, certainty=Certainty.HELD), act(9, certainty=Certainty.PROVEN)])
    assert [site.location.line for site in row.sites] == [9, 3, 2]
    assert row.certainty is Certainty.PROVEN


def test_one_place_counts_once_by_its_shortest_chain():
    (row,) = rows_of([act(1, hops=3, symbol="b"), act(1, hops=1, symbol="c"), act(1, hops=1, symbol="a")])
    assert [(len(site.chain), site.symbol) for site in row.sites] == [(2, "a")]


def test_importing_a_dependency_counts_once_a_file():
    acts = [act(line, symbol=f"import urllib3.{line}", phase=Phase.IMPORT) for line in range(1, 9)]
    (row,) = rows_of(acts)
    assert [site.location.line for site in row.sites] == [1]


def test_target_phase_and_dependency_keep_rows_apart():
    acts = [act(), act(target="a:1"), act(phase=Phase.IMPORT), act(through="urllib3")]
    assert len(rows_of(acts)) == 4


def test_rows_do_not_depend_on_the_order_of_acts():
    acts = [act(n, target=f"h{n % 3}:1", phase=list(Phase)[n % 3], through=[None, "u"][n % 2]) for n in range(1, 20)]
    assert rows_of(acts) == rows_of(reversed(acts))


def test_unasked_things_come_first_own_code_before_dependencies_named_targets_before_open_ones():
    acts = [act(through="u"), act(), act(target="a:1"), act(phase=Phase.IMPORT)]
    rows = [(row.phase, row.through, row.target) for row in rows_of(acts)]
    assert rows == [
        (Phase.IMPORT, None, None),
        (Phase.CALL, None, "a:1"),
        (Phase.CALL, None, None),
        (Phase.CALL, "u", None),
    ]


def test_reached_or_not_is_no_difference_but_at_import_is():
    call, unreached, imported = (surveyed(act(phase=phase)) for phase in (Phase.CALL, Phase.UNREACHED, Phase.IMPORT))
    assert not difference(call, unreached).gains
    assert difference(call, imported).gains
    assert difference(imported, call).gains


def test_through_another_dependency_is_a_difference():
    found = difference(surveyed(act(through="a")), surveyed(act(through="b")))
    assert [row.through for row in (*found.gained, *found.lost)] == ["b", "a"]


def test_new_hooks_and_new_machine_code_are_gains_but_not_another_build_of_it():
    old = surveyed(native=("p/fast.cpython-311-x86_64-linux-gnu.so",))
    same = surveyed(native=("p/fast.cpython-312-x86_64-linux-gnu.so",))
    assert not difference(old, same).gains
    assert difference(old, surveyed(hooks=("p.pth",))).gained_files == ("start-up hook p.pth",)
    assert difference(surveyed(), old).gains


def test_more_places_of_a_known_unknown_are_no_gain():
    unknown = [Unknown("eval can do anything", (Step("x", Location("a.py", line)),)) for line in (1, 2)]
    assert not difference(surveyed(unknown=unknown[:1]), surveyed(unknown=unknown)).gains
    assert difference(surveyed(), surveyed(unknown=unknown)).gained_unknown == (unknown[0],)
