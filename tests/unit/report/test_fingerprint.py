from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from theodore_plugin.finding import Confidence, Finding, Location, Severity
from theodore_plugin.report.fingerprint import fingerprints

SOURCE = b"import os\n\n\ndef run(command):\n    os.system(command)\n    os.system(\n        command,\n    )\n"


def finding(line, rule="shell-injection", *, end_line=None, path="a.py", message="wrong", subject="a.run"):
    return Finding(rule, Severity.ERROR, Confidence.HIGH, Location(path, line, 5, end_line), message, subject=subject)


def one(found, source=SOURCE):
    (made,) = fingerprints([found], {"a.py": source})
    return made


def test_a_finding_keeps_its_fingerprint_when_lines_move():
    assert one(finding(5)) == one(finding(8), b"# one\n# two\n# three\n" + SOURCE)


def test_indentation_and_line_ends_do_not_matter():
    assert one(finding(5)) == one(finding(5), SOURCE.replace(b"    os", b"\t\tos").replace(b"\n", b"\r\n"))


def test_the_message_and_the_column_do_not_matter_where_there_is_a_line():
    other = replace(finding(5, message="said otherwise"), location=Location("a.py", 5, 1))
    assert one(finding(5)) == one(other)


def test_another_rule_path_subject_or_line_is_another_defect():
    others = [finding(5, "dynamic-import"), finding(5, subject="a.stop"), finding(4)]
    moved = fingerprints([finding(5, path="b.py")], {"b.py": SOURCE})
    assert len({one(finding(5)), *map(one, others), *moved}) == 5


def test_all_lines_of_a_call_count():
    changed = SOURCE.replace(b"        command,\n", b"        command + extra,\n")
    assert one(finding(6, end_line=8)) != one(finding(6, end_line=8), changed)


def test_the_body_of_a_long_definition_does_not_count():
    source = b"def run(command):\n" + b"".join(b"    step(%d)\n" % number for number in range(40))
    assert one(finding(1, end_line=41), source) == one(finding(1, end_line=41), source.replace(b"step(30)", b"go()"))


def test_where_there_is_no_source_the_message_tells_two_defects_apart():
    advisories = [
        finding(1, "known-vulnerability", path="pylock.toml", message=name, subject=None)
        for name in ("GHSA-1", "GHSA-2")
    ]
    assert len(set(fingerprints(advisories, {}))) == 2


def test_equal_defects_are_numbered():
    source = SOURCE + b"    os.system(command)\n"
    made = fingerprints([finding(5), finding(9)], {"a.py": source})
    assert len(set(made)) == 2
    assert made[0] == one(finding(5))


@given(st.permutations([4, 5, 6, 9, 10]))
def test_the_order_findings_come_in_does_not_matter(lines):
    source = SOURCE + b"    os.system(command)\n    os.system(command)\n"
    made = dict(zip(lines, fingerprints([finding(line) for line in lines], {"a.py": source}), strict=True))
    assert [made[line] for line in sorted(made)] == list(
        fingerprints([finding(line) for line in sorted(made)], {"a.py": source})
    )


def test_bytes_that_are_no_text_and_lines_beyond_the_end_are_no_obstacle():
    assert len(set(fingerprints([finding(1), finding(10_000)], {"a.py": b"\xff\xfe\x00"}))) == 2
    assert one(finding(1, path="\udcff.py"))


def test_a_fingerprint_stays_what_it_was_in_earlier_releases():
    """A change here silently voids every baseline in use: give the form a new name instead."""
    assert one(finding(5)) == "0379309a80a8fdd02c85b5938b1aa66e"
