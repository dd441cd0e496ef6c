import re

import pytest
from markdown_it import MarkdownIt

from theodore_plugin.finding import Confidence, Finding, Location, Severity
from theodore_plugin.report.markdown import MAX_BYTES, escaped, render

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
OURS = {"<br>", "<!-- -->"}


def tokens(text):
    pending = READER.parse(text)
    while pending:
        token = pending.pop(0)
        yield token
        pending = [*(token.children or []), *pending]


def shown(text):
    """Return what a reader sees of inline text."""
    return "".join(token.content for token in tokens(text) if token.type in {"text", "text_special", "softbreak"})


def test_a_page_has_the_verdict_the_findings_and_the_account(everything):
    page = render([everything])
    headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    assert headings == [
        "⚠️ incomplete: page-scraper 1.2.0",
        "Findings",
        "Permissions",
        "What was looked at",
        "Dependencies",
        "Taken out",
    ]
    assert "verdict over selected rules only" in page


def test_a_clean_page_is_short(make_report):
    page = render([make_report()])
    assert page.startswith("## ✅ pass: page-scraper 1.2.0\n\nThere are no findings, and everything was looked at.\n")
    assert "Findings" not in page


def test_several_projects_have_an_overview_first(everything, make_report):
    page = render([make_report(), everything])
    assert page.index("| ✅ pass | page-scraper 1.2.0 | no findings |") < page.index("## ✅ pass")


def test_tables_stay_tables(everything, hostile):
    for report in (everything, hostile):
        rows = {}
        for token in tokens(render([report])):
            if token.type == "tr_open":
                rows[token.map[0] if token.map else len(rows)] = 0
        page = render([report])
        tables = re.findall(r"(?m)^\|(.*)\|$", page)
        widths = [len(re.findall(r"(?<!\\)\|", row)) for row in tables]
        assert min(widths) >= 2
        assert rows


def test_nothing_foreign_becomes_markup(hostile):
    for token in tokens(render([hostile])):
        assert token.type not in {"link_open", "image", "code_inline", "fence", "code_block", "html_block", "s_open"}
        if token.type == "html_inline":
            assert token.content in OURS
        if token.type == "strong_open":
            continue


@pytest.mark.parametrize(
    "text",
    [
        "a_b __init__ *x* `y` ~~z~~",
        "[a](b) ![c](d) <b> & &amp; &#64;",
        "| x | \\ | \\| ^ $ { } # 1. - + =",
        "https://evil.example www.evil.example :smile:",
        "back\\slash \\[ \\_ \\",
    ],
    ids=["emphasis", "links", "punctuation", "addresses", "backslashes"],
)
def test_a_reader_sees_exactly_the_text(text):
    assert shown(escaped(text)) == text


def test_addresses_and_names_are_not_in_one_piece():
    text = escaped("https://evil.example www.evil.example @everyone a@b.example :tada:")
    assert not re.search(r"https?://|www\.|@\w|(?<!\\):\w", text)


def test_a_huge_report_is_cut_at_a_line_and_says_so(make_report):
    findings = [
        Finding("a-rule", Severity.ERROR, Confidence.HIGH, Location("a.py", line), "ü" * 500)
        for line in range(1, 2_000)
    ]
    page = render([make_report(*findings)])
    assert len(page.encode()) <= MAX_BYTES
    assert page.splitlines()[-1].startswith("**Cut here: ")
    assert page.splitlines()[-3].endswith("|")


def test_findings_come_worst_first_and_unused_configuration_in_one_line(make_report):
    findings = [
        Finding("target-tool-config-ignored", Severity.NOTICE, Confidence.HIGH, Location("a.ini", 3), "not used"),
        Finding("b-rule", Severity.NOTICE, Confidence.HIGH, Location("a.py"), "noticed"),
        Finding("c-rule", Severity.ERROR, Confidence.HIGH, Location("z.py"), "wrong"),
    ]
    page = render([make_report(*findings)])
    assert re.findall(r"^\| \S+ \| (.-rule)", page, re.MULTILINE) == ["c-rule", "b-rule"]
    assert page.endswith("Configuration of other tools, seen and not used: a.ini:3.\n")
