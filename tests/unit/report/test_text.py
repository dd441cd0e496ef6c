from rich.cells import cell_len

from theodore_plugin.finding import Confidence, Finding, Location, Severity
from theodore_plugin.report.text import concise, full


def lines(renderer, report):
    return "\n".join(line.plain for line in renderer(report))


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

theodore: 1 of 1 files analysed
policy default bbbbbbbbbbbb, rules aaaaaaaaaaaa
fail: page-scraper 1.2.0 under policy default (1 error; 1.2 s)"""
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
    assert "mypy 1.18: 0 of 1 files analysed" in text
    assert "    not analysed: src/p/plugin.py (mypy crashed)" in text
    assert "pip-audit 2.10: 1 of 1 packages analysed; asked: snapshot; sandbox standard" in text
    assert "theodore: 1 of 2 files analysed; 1 skipped" in text
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
    assert text.splitlines()[1] == "target-tool-config-ignored: seen and not used: .bandit:3, mypy.ini:3"
    assert "(2 notices;" in text
