from dataclasses import replace
from itertools import pairwise

import pytest
from rich.cells import cell_len
from rich.text import Text

from theodore_plugin.coverage import Coverage, Covered, State
from theodore_plugin.finding import Confidence, Finding, Location, Severity, Step
from theodore_plugin.report.formats import lines_of
from theodore_plugin.report.model import ProjectLabel, ScannerRun
from theodore_plugin.report.text import concise, full
from theodore_plugin.report.wrap import wrapped


def lines(renderer, report, width=None):
    return "\n".join(line.plain for line in renderer(report, width))


def warning(message="wrong", location=None, **more):
    return Finding("a-rule", Severity.WARNING, Confidence.HIGH, location or Location("a.py", 1, 1), message, **more)


def test_a_finding_shows_its_line_its_evidence_and_a_way_out(make_report, undeclared):
    assert (
        lines(full, make_report(undeclared))
        == """\
error[undeclared-permission]: connects to any host, and no permission says so
 --> src/p/plugin.py:5:16
   |
 5 |         return httpx.get(request.url)
   |                ^^^^^^^^^^^^^^^^^^^^^
   = 1. Plugin.scrape_content (src/p/plugin.py:4:5)
   = 2. httpx.get (src/p/plugin.py:5:16)
   = also reported as bandit/B310
help: declare PluginPermission(PermissionType.NETWORK, ...)

theodore: 1 of 1 file analysed
policy default bbbbbbbbbbbb, rules aaaaaaaaaaaa
1 finding blocks: undeclared-permission.
fail: page-scraper 1.2.0 under policy default (1 error; 1.2 s)
next: theodore-plugin explain undeclared-permission"""
    )


def test_concise_is_one_line_per_finding(make_report, undeclared):
    assert (
        lines(concise, make_report(undeclared, warning()))
        == """\
src/p/plugin.py:5:16: error[undeclared-permission] connects to any host, and no permission says so
a.py:1:1: warning[a-rule] wrong
fail: page-scraper 1.2.0 under policy default (1 error, 1 warning; 1.2 s)"""
    )


def test_nothing_to_say_is_said_briefly(make_report):
    assert lines(concise, make_report()) == "pass: page-scraper 1.2.0 under policy default (no findings; 1.2 s)"


def test_what_was_not_analysed_silenced_or_hidden_is_named(rich_report):
    text = lines(full, rich_report)
    assert "mypy 1.18: 0 of 1 file analysed" in text
    assert "    not analysed: src/p/plugin.py (see above)" in text
    assert "pip-audit 2.10: 1 of 1 package analysed; asked: snapshot\n" in text
    assert "theodore: 1 of 2 files analysed; skipped 1 file (not shipped)" in text
    assert "silenced at src/p/plugin.py:1:1: secret-to-log, because 'a test key'" in text
    assert "2 findings not shown" in text
    assert "advisories: snapshot advisories.jsonl, dated 2024-10-10" in text
    assert text.endswith("incomplete: page-scraper 1.2.0 under policy default (1 error, 1 incomplete; 1.2 s)")


def test_hostile_text_is_printed_as_code_points(make_report):
    hostile = "\x1b[2J[bold]\u202eevil\u200b\r\x07"
    found = warning(hostile, Location(f"src/{hostile}.py", 1, 1), help=hostile, related=(hostile,))
    report = make_report(found, sources={f"src/{hostile}.py": f"x = '{hostile}'".encode()})
    text = lines(full, report) + lines(concise, report)
    assert all(character == "\n" or character.isprintable() for character in text)
    assert "<U+001B>[2J[bold]<U+202E>evil<U+200B><U+000D><U+0007>" in text


def test_a_message_of_several_lines_cannot_pose_as_other_findings(make_report):
    text = lines(concise, make_report(warning("wrong\npass: all is well")))
    assert len(text.splitlines()) == 2


def test_a_frame_is_cut_around_the_finding_in_a_very_long_line(make_report):
    source = b"x" * 5000 + b"eval(y)" + b"z" * 5000
    report = make_report(warning(location=Location("a.py", 1, 5001, 1, 5008)), sources={"a.py": source})
    frame = [line.plain for line in full(report)][3]
    assert "eval(y)" in frame
    assert len(frame) < 200


def test_carets_stand_under_wide_and_escaped_characters(make_report):
    source = "名 = '\u202e' + eval(x)".encode()
    column = source.decode().index("eval") + 1
    report = make_report(warning(location=Location("a.py", 1, column, 1, column + 7)), sources={"a.py": source})
    shown = list(full(report))[3:5]
    start = shown[0].plain.index("eval")
    assert cell_len(shown[0].plain[:start]) == shown[1].plain.index("^")
    assert shown[1].plain.count("^") == 7


def test_a_place_beyond_the_file_or_in_an_unknown_file_has_no_frame(make_report):
    for location in (Location("a.py", 99), Location("gone.py", 1)):
        text = lines(full, make_report(warning(location=location), sources={"a.py": b"x = 1\n"}))
        assert " | " not in text


def test_configuration_that_was_not_used_is_named_in_one_line(make_report):
    seen = [
        Finding("target-tool-config-ignored", Severity.NOTICE, Confidence.HIGH, Location(path, 3), "not used")
        for path in (".bandit", "mypy.ini")
    ]
    text = lines(full, make_report(*seen))
    assert text.splitlines()[0] == "target-tool-config-ignored: seen and not used: .bandit:3, mypy.ini:3"
    assert "(2 notices;" in text


def test_several_places_of_one_file_name_it_once(make_report):
    seen = [
        Finding("target-tool-config-ignored", Severity.NOTICE, Confidence.HIGH, Location("pyproject.toml", line), "x")
        for line in (3, 9)
    ]
    assert "seen and not used: pyproject.toml:3,9" in lines(full, make_report(*seen))


def test_a_reason_that_a_finding_gives_is_not_given_again(make_report):
    lost = Finding("analyzer-failed", Severity.INCOMPLETE, Confidence.HIGH, Location("p.toml"), "mypy crashed badly")
    coverage = (Coverage("mypy", (Covered("a.py", State.FAILED, "mypy crashed badly"),)),)
    text = lines(full, make_report(lost, coverage=coverage))
    assert text.count("mypy crashed badly") == 1
    assert "    not analysed: a.py (see above)" in text


def test_a_pass_says_on_one_line_what_was_not_looked_at(make_report):
    report = make_report(
        coverage=(
            Coverage("theodore", (Covered("a.py"), Covered("tests/t.py", State.SKIPPED, "outside src/"))),
            Coverage("mypy", (Covered("a.py"),)),
        ),
        scanners=(ScannerRun("mypy", "1.18", "ok", 0.4, "types of other packages were not available", "standard"),),
    )
    assert lines(full, report) == (
        "not looked at: theodore: 1 file (outside src/); mypy: types of other packages were not available\n"
        "pass: page-scraper 1.2.0 under policy default (no findings; 1.2 s)"
    )


def test_a_weaker_sandbox_is_said_and_the_usual_one_is_not(make_report):
    run = ScannerRun("mypy", "1.18", "ok", 0.4, "", "basic")
    coverage = (Coverage("mypy", (Covered("a.py"),)),)
    assert "mypy: held only by sandbox basic" in lines(full, make_report(coverage=coverage, scanners=(run,)))
    usual = make_report(coverage=coverage, scanners=(replace(run, sandbox="standard"),))
    assert lines(full, usual).splitlines() == ["pass: page-scraper 1.2.0 under policy default (no findings; 1.2 s)"]


def test_what_matters_most_stands_last(make_report, undeclared):
    guess = Finding("a-guess", Severity.ERROR, Confidence.LOW, Location("a.py", 1), "may be wrong")
    notice = Finding("z-notice", Severity.NOTICE, Confidence.HIGH, Location("a.py", 1), "worth knowing")
    lost = Finding("analyzer-failed", Severity.INCOMPLETE, Confidence.HIGH, Location("a.py"), "mypy crashed")
    text = lines(full, make_report(lost, undeclared, guess, warning(), notice))
    places = [text.index(f"[{rule}]") for rule in ("z-notice", "a-rule", "a-guess", "undeclared-permission")]
    assert [*places, text.index("[analyzer-failed]")] == sorted([*places, text.index("[analyzer-failed]")])
    assert text.index("[analyzer-failed]") < text.index("Not everything was looked at: a.py.")


def test_many_findings_of_one_rule_are_listed_after_the_first(make_report):
    found = [warning(f"wrong {number}", Location("a.py", number)) for number in range(1, 301)]
    text = lines(full, make_report(*found, sources={}))
    assert text.count("warning[a-rule]: wrong") == 3
    assert "warning[a-rule]: 297 more\n --> a.py:4:1  wrong 4\n" in text
    assert "     and 97 others (--output-format json lists all)" in text


def test_several_projects_end_with_what_they_come_to(make_report, undeclared):
    def named(name, *found):
        return replace(make_report(*found), project=ProjectLabel(name, "1.0", name, "source"))

    lost = Finding("analyzer-failed", Severity.INCOMPLETE, Confidence.HIGH, Location("a.py"), "mypy crashed")
    reports = [named("fine"), named("bad", undeclared), named("half\x1b", lost), named("good")]
    drawn = [line.plain for line in lines_of("full", reports)]
    assert drawn[-2:] == ["", "4 projects; 2 pass; 1 fail (bad); 1 incomplete (half<U+001B>)"]
    assert "projects" not in "\n".join(line.plain for line in lines_of("full", reports[:1]))


def test_one_more_than_is_shown_in_full_is_shown_in_full_too(make_report):
    found = [warning(f"wrong {number}", Location("a.py", number)) for number in range(1, 5)]
    assert " more" not in lines(full, make_report(*found, sources={}))


@pytest.mark.parametrize("width", [30, 40, 80, 120])
def test_lines_are_broken_between_words_and_fit(make_report, undeclared, width):
    source = (
        b"# \t" + "\u540d\u202e ".encode() * 60 + b"\n" + b"    value = call(first, second, third) # " + b"x " * 300
    )
    wide = warning("\u540d\u524d is " + "a word or two " * 20, Location("p.py", 1, 40, 1, 60))
    long = warning("short", Location("p.py", 2, 13, 2, 200), help="do `theodore-plugin explain x` and " * 5)
    steps = tuple(Step(f"step {number} of the way to where it happens", Location("p.py", number)) for number in (1, 2))
    report = make_report(wide, long, replace(undeclared, evidence=steps), sources={"p.py": source})
    drawn = lines(full, report, width).splitlines()
    too_long = [line for line in drawn if cell_len(line) > width]
    assert all(len(line.split()) <= 2 or "next:" in line or "`" in line for line in too_long)
    frames = [(code, mark) for code, mark in pairwise(drawn) if mark.lstrip(" |").startswith("^")]
    assert len(frames) == 2
    assert all(cell_len(code) <= width and cell_len(mark) <= width for code, mark in frames)


def test_in_a_pipe_a_line_stays_a_line(make_report):
    found = warning("word " * 100, help="help " * 100)
    text = lines(full, make_report(found, sources={}))
    assert max(map(len, text.splitlines())) > 500


def test_a_command_to_paste_stays_on_one_line():
    line = Text("help: mypy gave up; to reproduce: python -I -m mypy --config-file=/dev/null --strict src/acme_reader")
    assert [part.plain for part in wrapped(line, 40, 6)] == [
        "help: mypy gave up; to reproduce:",
        "      python -I -m mypy --config-file=/dev/null --strict src/acme_reader",
    ]


def test_names_between_backquotes_are_not_broken():
    line = Text("help: run `theodore-plugin explain x` and `theodore-plugin package` then")
    assert [part.plain for part in wrapped(line, 40, 6)] == [
        "help: run `theodore-plugin explain x`",
        "      and `theodore-plugin package` then",
    ]


def test_a_word_longer_than_a_line_is_left_to_the_terminal():
    word = "x" * 100
    assert [part.plain for part in wrapped(Text(f"see {word} there"), 40, 2)] == ["see", f"  {word}", "  there"]


def test_styles_survive_breaking():
    line = Text.assemble(("error", "bold red"), ": ", ("many words " * 10, "bold"))
    parts = list(wrapped(line, 40, 2))
    assert len(parts) > 2
    assert all(any(str(span.style) == "bold" for span in part.spans) for part in parts)


def test_a_finding_about_a_file_as_a_whole_has_no_frame(make_report):
    report = make_report(warning(location=Location("pyproject.toml")), sources={"pyproject.toml": b"[project]\n"})
    assert " | " not in lines(full, report)


def test_without_an_indent_every_line_is_filled():
    parts = [part.plain for part in wrapped(Text("one two three four five six seven eight nine ten"), 24, 0)]
    assert parts == ["one two three four five", "six seven eight nine ten"]


def test_a_message_without_end_is_cut_and_says_so(make_report):
    text = lines(full, make_report(warning("x" * 1_000_000, help="y" * 1_000_000), sources={}))
    assert len(text) < 5000
    assert "x… (998,000 more characters)" in text
