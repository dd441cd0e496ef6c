import pytest
from hypothesis import given
from hypothesis import strategies as st

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.policy import Policy
from theodore_loader.policy.model import RuleSetting
from theodore_plugin.engine.licence import Licence
from theodore_plugin.engine.selection import EVERYTHING, Known, choose, parse_selection
from theodore_plugin.finding import Confidence, Finding, Location, Rule, Severity, Silencer

GROUPS = {
    "undeclared-permission": "permissions",
    "unused-permission": "permissions",
    "unused-suppression": "engine",
    "unused-dependency": "dependencies",
    "analyzer-failed": "engine",
    "weak-crypto": "code",
    "manifest-missing": "manifest",
}
KNOWN = Known(GROUPS, ("bandit", "mypy"))
RULES = {
    name: Rule(name, Severity.ERROR, Confidence.HIGH, silencer, "", "", "")
    for name, silencer in [("unused-permission", Silencer.INLINE), ("weak-crypto", Silencer.POLICY)]
}
ANYTHING = Policy("anything")
ENFORCING = Policy("acme", rules={"unused-permission": RuleSetting("error"), "bandit/B602": RuleSetting("error")})


def finding(rule, severity="error", confidence="high", source="theodore", related=()):
    return Finding(
        rule, Severity(severity), Confidence(confidence), Location("a.py"), "wrong", related=related, source=source
    )


SEVERAL = (
    finding("undeclared-permission"),
    finding("unused-permission", "warning"),
    finding("weak-crypto", "notice"),
    finding("bandit/B602", source="bandit"),
    finding("mypy/arg-type", "warning", source="mypy"),
)


def parse(policy=ANYTHING, **asked):
    return parse_selection(KNOWN, policy, **asked)


def chosen(findings=SEVERAL, policy=ANYTHING, guesses=True, **asked):
    return choose(findings, parse(policy, **asked), Licence(RULES, policy), guesses=guesses)


def rules(result):
    return [one.rule for one in result.findings]


def problem(policy=ANYTHING, **asked):
    with pytest.raises(ConfigurationProblem) as raised:
        parse(policy, **asked)
    return raised.value


def test_by_default_everything_is_reported_and_nothing_is_said_about_it():
    result = choose(SEVERAL, EVERYTHING, Licence(RULES, ANYTHING), guesses=True)
    assert (result.findings, result.hidden, result.hidden_by, result.label) == (SEVERAL, 0, (), None)


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("weak-crypto", ["weak-crypto"]),
        ("permissions", ["undeclared-permission", "unused-permission"]),
        ("permissions/", ["undeclared-permission", "unused-permission"]),
        ("un*", ["undeclared-permission", "unused-permission"]),
        ("bandit/", ["bandit/B602"]),
        ("bandit", ["bandit/B602"]),
        ("bandit/B6*", ["bandit/B602"]),
        ("mypy/arg-type", ["mypy/arg-type"]),
        ("theodore/", ["undeclared-permission", "unused-permission", "weak-crypto"]),
        ("weak-crypto, bandit/B602", ["weak-crypto", "bandit/B602"]),
    ],
)
def test_names_select_and_ignore_the_same_findings(name, left):
    assert rules(chosen(select=[name])) == left
    assert rules(chosen(ignore=[name])) == [one.rule for one in SEVERAL if one.rule not in left]


@pytest.mark.parametrize(
    ("select", "ignore", "left"),
    [
        ("permissions", "unused-permission", ["undeclared-permission"]),
        ("unused-permission", "permissions", ["unused-permission"]),
        ("unused-permission", "unused-permission", []),
        ("unused-*", "permissions", ["unused-permission"]),
        ("unused-*", "unused-p*", []),
    ],
)
def test_the_more_specific_name_wins_and_ignore_wins_a_draw(select, ignore, left):
    assert rules(chosen(select=[select], ignore=[ignore])) == left


def test_what_was_taken_out_is_counted_and_labelled():
    result = chosen(ignore=["permissions"], min_severity="warning")
    assert rules(result) == ["bandit/B602", "mypy/arg-type"]
    assert (result.hidden, result.hidden_by) == (3, ("--ignore permissions", "--min-severity warning"))
    assert result.label is not None
    assert (result.label.asked, result.label.taken_out, result.label.blocking) == (("--ignore permissions",), 3, 1)


def test_a_threshold_of_severity_never_touches_what_blocks_and_so_needs_no_label():
    result = chosen(min_severity="error")
    assert rules(result) == ["undeclared-permission", "bandit/B602"]
    assert result.label is None


def test_only_high_confidence_can_take_out_what_blocks_and_is_labelled():
    findings = [finding("weak-crypto", confidence=level) for level in ("low", "medium", "high")]
    medium, high = (chosen(findings, min_confidence=level) for level in ("medium", "high"))
    assert (len(medium.findings), medium.label) == (2, None)
    assert high.label is not None
    assert (len(high.findings), high.label.blocking, high.label.asked) == (1, 1, ("--min-confidence high",))


def test_only_an_auditor_is_shown_guesses():
    guess = finding("weak-crypto", confidence="low")
    assert chosen([guess]).findings == (guess,)
    assert (chosen([guess], guesses=False).hidden_by) == ("--persona regular",)


@pytest.mark.parametrize(
    "asked",
    [{"select": ["permissions"]}, {"ignore": ["engine"]}, {"min_severity": "error"}, {"min_confidence": "high"}],
    ids=lambda asked: next(iter(asked)),
)
def test_incomplete_is_never_taken_out(asked):
    gap = finding("analyzer-failed", "incomplete", "low")
    assert chosen([gap], guesses=False, **asked).findings == (gap,)


def test_a_tools_own_id_covers_what_the_tool_alone_reports_under_our_name():
    alone = finding("weak-crypto", source="bandit", related=("bandit/B324",))
    ours = finding("weak-crypto", related=("bandit/B324",))
    for name in ("bandit/B324", "bandit/", "bandit/B3*"):
        assert chosen([alone, ours], ignore=[name]).findings == (ours,)


def test_what_a_policy_enforces_stays_whatever_is_selected():
    findings = [finding("unused-permission"), finding("weak-crypto"), finding("bandit/B602", source="bandit")]
    result = chosen(findings, ENFORCING, select=["manifest"], min_confidence="high", guesses=False)
    assert rules(result) == ["unused-permission", "bandit/B602"]


def test_what_a_project_says_about_itself_takes_out_only_what_its_author_may_silence():
    findings = [finding("unused-permission"), finding("weak-crypto"), finding("weak-crypto", "warning")]
    result = chosen(findings, ignore=["theodore/"], authors=True)
    assert result.findings == (finding("weak-crypto"),)
    assert chosen(findings, ignore=["theodore/"]).findings == ()


@pytest.mark.parametrize("name", ["unused-permission", "permissions", "unused-*"])
def test_ignoring_what_a_policy_enforces_is_an_error(name):
    assert problem(ENFORCING, ignore=[name]).message == f"--ignore {name}: policy acme enforces unused-permission"


@pytest.mark.parametrize("setting", [RuleSetting("warning"), RuleSetting("error", enforced=False)], ids=repr)
def test_what_a_policy_does_not_let_block_can_be_ignored(setting):
    policy = Policy("mild", rules={"unused-permission": setting})
    assert rules(chosen(policy=policy, ignore=["unused-permission"])) != [one.rule for one in SEVERAL]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("undeclared-permision", "did you mean 'undeclared-permission'"),
        ("permisions", "did you mean 'permissions'"),
        ("bandti/", "did you mean 'bandit/'"),
        ("ruff/E501", "there is no rule, group or tool 'ruff/E501'"),
        ("bandit//", "there is no"),
        ("zzz*", "there is no"),
        ("*", "there is no"),
        ("", "there is no rule, group or tool ''"),
        ("a," * 3, "there is no"),
    ],
)
def test_unknown_names_are_explained(name, hint):
    assert hint in problem(select=[name]).message
    assert problem(ignore=[name]).help


def test_all_mistakes_are_listed_at_once():
    assert problem(ENFORCING, select=["x"], ignore=["y", "unused-permission"]).message.count("\n") == 2


@pytest.mark.parametrize(
    "asked",
    [{"min_severity": "errors"}, {"min_severity": "incomplete"}, {"min_confidence": "certain"}],
    ids=lambda asked: next(iter(asked.values())),
)
def test_levels_that_do_not_exist_are_explained(asked):
    assert next(iter(asked.values())) in problem(**asked).message


_FINDINGS = st.builds(
    finding,
    st.sampled_from([*GROUPS, "bandit/B602", "mypy/arg-type"]),
    st.sampled_from(Severity),
    st.sampled_from(Confidence),
)
_NAMES = st.lists(st.sampled_from([*GROUPS, "permissions", "bandit/", "unused-*"]), max_size=3)


@given(st.lists(_FINDINGS), _NAMES, _NAMES, st.sampled_from(["notice", "error"]), st.sampled_from(["low", "high"]))
def test_nothing_is_lost_and_an_unlabelled_report_blocks_like_the_whole(findings, select, ignore, severity, confidence):
    from theodore_plugin.report.model import blocks

    result = chosen(
        findings, guesses=False, select=select, ignore=ignore, min_severity=severity, min_confidence=confidence
    )
    assert len(result.findings) + result.hidden == len(findings)
    assert [one for one in findings if one.severity is Severity.INCOMPLETE] == [
        one for one in result.findings if one.severity is Severity.INCOMPLETE
    ]
    if result.label is None:
        assert any(map(blocks, result.findings)) == any(map(blocks, findings))
