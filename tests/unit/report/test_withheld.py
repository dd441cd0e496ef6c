from theodore_plugin.report.model import SelectionLabel
from theodore_plugin.report.text import verdict_line
from theodore_plugin.report.withheld import withheld_lines


def said(report):
    return [line.plain for line in withheld_lines(report)]


def test_a_whole_report_says_nothing(make_report):
    assert said(make_report()) == []


def test_everything_that_is_left_out_is_counted_with_the_option_that_did_it(make_report, undeclared):
    report = make_report(
        hidden=3,
        hidden_by=("--ignore permissions", "--persona regular"),
        baselined=(undeclared,),
        selection=SelectionLabel(("--ignore permissions",), 2, 1),
    )
    assert said(report) == [
        "1 finding accepted by the baseline",
        "3 findings not shown (--ignore permissions, --persona regular)",
        "selected rules only (--ignore permissions): 1 of what is left out would fail the check",
    ]
    assert "selected rules only" in verdict_line(report).plain


def test_nothing_is_vouched_for_on_a_part(make_report, undeclared):
    assert make_report().whole
    assert not make_report(baselined=(undeclared,)).whole
    assert not make_report(selection=SelectionLabel(("--select permissions",), 0, 0)).whole
