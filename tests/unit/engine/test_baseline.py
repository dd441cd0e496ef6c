from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theodore_loader.policy import Policy
from theodore_loader.policy.model import RuleSetting
from theodore_plugin.engine.baseline import accept, set_aside
from theodore_plugin.engine.baseline_file import Baseline, Entry
from theodore_plugin.engine.licence import Licence
from theodore_plugin.finding import Confidence, Finding, Location, Rule, Severity, Silencer

RULES = {
    name: Rule(name, Severity.ERROR, Confidence.HIGH, silencer, "", "", "")
    for name, silencer in [
        ("weak-crypto", Silencer.INLINE),
        ("shell-injection", Silencer.POLICY),
        ("missing-method", Silencer.NOBODY),
        ("analyzer-failed", Silencer.NOBODY),
    ]
}
SOURCE = b"import hashlib\nhashlib.md5(a)\nhashlib.md5(b)\nos.system(a)\n"
SOURCES = {"a.py": SOURCE}
ANYTHING = Licence(RULES, Policy("anything"))


def finding(rule, line=2, severity=Severity.ERROR):
    return Finding(rule, severity, Confidence.HIGH, Location("a.py", line), "wrong")


def accepting(*findings, licence=ANYTHING, **changes):
    return Baseline("baseline.json", accept(findings, SOURCES, licence), **changes)


def outcome(findings, baseline, sources=SOURCES, licence=ANYTHING):
    return set_aside(findings, sources, baseline, licence)


def rules_of(result):
    return [found.rule for found in result.findings]


def test_what_was_accepted_is_set_aside_and_what_is_new_is_not():
    old, new = finding("weak-crypto", 2), finding("weak-crypto", 3)
    result = outcome([old, new], accepting(old))
    assert (result.findings, result.baselined) == ((new,), (old,))


def test_without_a_baseline_nothing_changes():
    result = outcome([finding("weak-crypto")], None)
    assert (result.findings, result.baselined) == ((finding("weak-crypto"),), ())


def test_moved_lines_change_nothing_and_a_changed_line_is_news():
    baseline = accepting(finding("weak-crypto", 2))
    moved = outcome([finding("weak-crypto", 4)], baseline, {"a.py": b"#\n#\n" + SOURCE})
    assert not moved.findings
    changed = outcome([finding("weak-crypto", 2)], baseline, {"a.py": SOURCE.replace(b"md5(a)", b"md5(secret)")})
    assert rules_of(changed) == ["weak-crypto", "unused-baseline-entry"]


def test_one_more_of_the_same_is_news():
    doubled = {"a.py": SOURCE + b"hashlib.md5(a)\n"}
    result = outcome([finding("weak-crypto", 2), finding("weak-crypto", 5)], accepting(finding("weak-crypto")), doubled)
    assert [found.location.line for found in result.findings] == [5]


@pytest.mark.parametrize(
    "untouchable",
    [finding("missing-method"), finding("weak-crypto", severity=Severity.INCOMPLETE)],
    ids=lambda f: f.rule,
)
def test_what_nobody_may_silence_is_neither_written_nor_set_aside(untouchable):
    assert accept([untouchable], SOURCES, ANYTHING) == ()
    forged = accepting(replace(untouchable, severity=Severity.ERROR), licence=Licence({}, Policy("anything")))
    assert untouchable in outcome([untouchable], forged).findings


def test_what_a_policy_enforces_is_neither_written_nor_set_aside():
    strict = Licence(RULES, Policy("acme", rules={"weak-crypto": RuleSetting("error")}))
    assert accept([finding("weak-crypto")], SOURCES, strict) == ()
    assert "weak-crypto" in rules_of(
        outcome([finding("weak-crypto")], accepting(finding("weak-crypto")), licence=strict)
    )


def test_a_file_the_project_names_itself_accepts_only_what_its_author_may_silence():
    findings = [finding("weak-crypto"), finding("shell-injection", 4)]
    assert rules_of(outcome(findings, accepting(*findings, authors=True))) == ["shell-injection"]
    assert rules_of(outcome(findings, accepting(*findings))) == []


def test_entries_that_match_nothing_are_one_notice_at_the_first_of_them():
    entries = tuple(
        Entry(f"{number:032x}", "weak-crypto", f"{number}.py", "wrong", line=number) for number in range(7, 12)
    )
    (notice,) = outcome([], Baseline("baseline.json", entries)).findings
    assert (notice.rule, notice.severity, notice.location) == (
        "unused-baseline-entry",
        Severity.NOTICE,
        Location("baseline.json", 7),
    )
    assert "weak-crypto in 7.py, weak-crypto in 8.py, weak-crypto in 9.py and 2 more" in notice.message


def test_an_incomplete_check_says_nothing_about_entries_it_did_not_meet():
    gap = finding("analyzer-failed", 1, Severity.INCOMPLETE)
    assert outcome([gap], accepting(finding("weak-crypto"))).findings == (gap,)


def test_reasons_survive_writing_anew_and_entries_come_in_one_order():
    found = [finding("weak-crypto", 3), finding("shell-injection", 4), finding("weak-crypto", 2)]
    written = accept(found, SOURCES, ANYTHING)
    reasoned = tuple(replace(entry, reason=f"because {entry.rule}") for entry in written)
    again = accept([*found[::-1], finding("weak-crypto", 1)], SOURCES, ANYTHING, reasoned)
    assert [(entry.rule, entry.reason) for entry in again if entry.reason] == [
        ("shell-injection", "because shell-injection"),
        ("weak-crypto", "because weak-crypto"),
        ("weak-crypto", "because weak-crypto"),
    ]
    assert list(again) == sorted(again, key=lambda entry: entry.sort_key)
    assert written == accept(found[::-1], SOURCES, ANYTHING)


_FINDINGS = st.builds(finding, st.sampled_from([*RULES, "mypy/arg-type"]), st.integers(1, 4), st.sampled_from(Severity))


@given(st.lists(_FINDINGS), st.lists(_FINDINGS))
def test_nothing_is_lost_and_what_was_just_accepted_is_quiet(before, now):
    result = outcome(now, accepting(*before))
    kept = [found for found in result.findings if found.rule != "unused-baseline-entry"]
    assert sorted(map(repr, (*kept, *result.baselined))) == sorted(map(repr, now))
    quiet = outcome(now, accepting(*now))
    assert not accept(quiet.findings, SOURCES, ANYTHING)
    assert "unused-baseline-entry" not in rules_of(quiet)
