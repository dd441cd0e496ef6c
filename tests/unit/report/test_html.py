"""The page, as a browser would take it apart: what is text, what is markup, what it leads to."""

import base64
import hashlib
import os
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from theodore_plugin.coverage import Coverage, Covered, State
from theodore_plugin.finding import Confidence, Finding, Location, Severity, Step, Verdict
from theodore_plugin.report.html import render
from theodore_plugin.report.html.markup import element, text
from theodore_plugin.report.model import (
    DeclaredPermission,
    InferredPermission,
    PermissionTable,
    ProjectLabel,
    Report,
)

FOLDER = Path(__file__).parents[2] / "data" / "reports"
VOID = {"meta", "input", "link", "br", "wbr"}


class Page(HTMLParser):
    """Elements, ids, links and text of a page; fails where tags do not match."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.words, self.style = [], [], [], ""
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.words.append(data)

    @property
    def text(self):
        return "".join(self.words)

    def all(self, tag, **wanted):
        return [a for name, a in self.elements if name == tag and all(a.get(k) == v for k, v in wanted.items())]

    def values(self, attribute):
        return [attributes[attribute] for _tag, attributes in self.elements if attribute in attributes]


def without_style(page):
    page = re.sub(r"<style>.*?</style>", "<style></style>", page, flags=re.DOTALL)
    return re.sub(r"sha256-[A-Za-z0-9+/=]+", "sha256-DIGEST", page).replace("><", ">\n<")


def agrees(name, page):
    path = FOLDER / name
    if os.environ.get("UPDATE_REPORTS"):
        path.write_bytes(without_style(page).encode())
    return without_style(page) == path.read_bytes().decode()


def warning(number=1, **more):
    place = more.pop("location", Location("src/p/plugin.py", number, 1))
    return Finding(more.pop("rule", "a-rule"), Severity.WARNING, Confidence.HIGH, place, f"wrong {number}", **more)


def test_a_report_with_everything_in_it_looks_as_it_did(everything):
    assert agrees("everything.html", render([everything]))


def test_several_projects_look_as_they_did(everything, make_report):
    assert agrees("several.html", render([make_report(), everything]))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_page_is_well_formed_and_its_links_lead_somewhere(count, everything):
    page = Page(render([everything] * count))
    ids = page.values("id")
    assert not [name for name, times in Counter(ids).items() if times > 1]
    links = [link for link in page.values("href") if link.startswith("#")]
    assert links
    assert {link[1:] for link in links} <= set(ids)
    assert set(page.values("aria-labelledby")) <= set(ids)


def test_nothing_is_loaded_and_the_policy_allows_the_style_sheet_alone(everything):
    page = Page(render([everything]))
    [policy] = [a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    used = {tag for tag, _ in page.elements}
    assert not used & {"script", "img", "link", "iframe", "object", "embed", "form", "base", "svg", "a href"}
    assert not {name for _tag, attributes in page.elements for name in attributes if name.startswith("on")}
    assert not page.values("style")
    assert not page.values("src")
    assert "url(" not in page.style
    assert "@import" not in page.style


def test_headings_go_down_one_level_at_a_time(everything, make_report):
    for reports in ([everything], [make_report(), everything]):
        levels = [int(tag[1]) for tag, _ in Page(render(reports)).elements if re.fullmatch(r"h[1-6]", tag)]
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))


def test_a_page_has_landmarks_a_language_and_tables_with_headers(everything):
    page = Page(render([everything]))
    assert page.all("html", lang="en")
    for landmark in ("header", "nav", "main", "footer"):
        assert len(page.all(landmark)) == 1
    assert all(header.get("scope") in {"col", "row"} for header in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))


def test_what_strangers_wrote_is_text(hostile):
    page = Page(render([hostile]))
    everywhere = page.text + "".join(str(value) for _tag, attributes in page.elements for value in attributes.values())
    assert all(character in "\n\t" or character.isprintable() for character in everywhere)
    assert not {tag for tag, _ in page.elements} & {"script", "img", "b onclick"}


@pytest.mark.parametrize(
    "bad",
    [
        "</style><script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='x",
        "<!--",
        "&lt;script&gt;",
    ],
    ids=["style", "attribute", "quote", "comment", "entity"],
)
def test_markup_in_every_place_stays_what_it_was(make_report, bad):
    place = Location(f"src/{bad}.py", 1, 1, 1, 5)
    step = Step(bad, place)
    found = Finding(bad, Severity.ERROR, Confidence.HIGH, place, bad, help=bad, evidence=(step,), source=bad)
    permissions = PermissionTable(
        (DeclaredPermission("network", bad, bad), DeclaredPermission(bad, bad, bad)),
        (InferredPermission("network", bad, None, "resolved", (step,), bad),),
    )
    report = make_report(
        found,
        sources={place.path: bad.encode()},
        coverage=(Coverage(bad, (Covered(bad, State.FAILED, bad),), bad),),
        project=ProjectLabel(bad, bad, bad, "source"),
        permissions=permissions,
    )
    page = Page(render([report, report]))
    assert page.text.count(bad) >= 20
    assert {tag for tag, _ in page.elements} <= {
        *(
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "a",
            "header",
            "footer",
            "main",
            "nav",
            "section",
            "article",
        ),
        *("div", "span", "p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd", "details"),
        *("summary", "table", "caption", "thead", "tbody", "tr", "th", "td", "code", "mark", "b", "strong", "wbr"),
        *("fieldset", "legend", "label", "input"),
    }


def test_a_code_point_that_hides_is_told_from_text_that_looks_like_one():
    assert text("a\u202eb") == "a<span class=point>U+202E</span>b"
    assert text("a<U+202E>b") == "a&lt;U+202E&gt;b"
    assert text("é<U+202E>\u202e") == "é&lt;U+202E&gt;<span class=point>U+202E</span>"


def test_attributes_are_quoted_and_printable():
    assert element("p", title='"\u202e\n', id=None, hidden=True) == (
        '<p title="&quot;&lt;U+202E&gt;&lt;U+000A&gt;" hidden></p>'
    )


def test_the_verdict_its_reason_and_the_way_on_come_first(make_report, undeclared, rich_report):
    failed = Page(render([make_report(undeclared)])).text
    assert failed.index("1 finding blocks: undeclared-permission.") < failed.index("undeclared-permission 1 finding")
    assert "theodore-plugin explain undeclared-permission" in failed
    passed = Page(render([make_report()])).text
    assert "There are no findings, and everything was looked at." in passed
    assert "theodore-plugin package" in passed
    assert rich_report.verdict is Verdict.INCOMPLETE
    assert "Not everything was looked at: pyproject.toml" in Page(render([rich_report])).text


def test_a_pass_does_not_claim_to_have_looked_at_what_was_skipped(make_report):
    skipped = [Covered(name, State.SKIPPED, "outside src/") for name in ("t.py", "u.py")]
    coverage = (
        Coverage("theodore", (Covered("a.py"), *skipped)),
        Coverage("secrets", (Covered("a.py"), skipped[0])),
        Coverage("pip-audit", (Covered("idna", State.SKIPPED, "no lock"),), "package"),
    )
    words = Page(render([make_report(coverage=coverage)])).text
    assert "There are no findings. Skipped, each for a reason: 2 files, 1 package." in words


def test_what_was_not_looked_at_comes_before_errors_and_warnings(make_report, undeclared):
    lost = Finding("zz-lost", Severity.INCOMPLETE, Confidence.HIGH, Location("z.py"), "lost")
    guess = Finding("aa-guess", Severity.ERROR, Confidence.LOW, Location("a.py"), "a guess")
    page = Page(render([make_report(warning(), guess, undeclared, lost)]))
    groups = [name for name in page.values("id") if name.startswith("rule-")]
    assert groups == ["rule-zz-lost", "rule-undeclared-permission", "rule-aa-guess", "rule-a-rule"]
    assert "does not block: low confidence" in page.text


def test_a_link_to_a_finding_outlives_lines_added_above_it(make_report, undeclared):
    place = undeclared.location
    moved = replace(undeclared, location=replace(place, line=place.line + 2, end_line=place.end_line + 2), evidence=())
    before = make_report(undeclared)
    after = make_report(moved, sources={"src/p/plugin.py": b"\n\n" + before.sources["src/p/plugin.py"]})
    names = [[n for n in Page(render([r])).values("id") if n.startswith("finding-")] for r in (before, after)]
    assert names[0] == names[1] != []


def test_the_code_around_a_finding_is_shown_without_shared_indentation(make_report, undeclared):
    source = (
        b"class Plugin:\n\n\n    async def fetch(self, request):\n        return httpx.get(request.url)\n\n\nx = 1\n"
    )
    page = render([make_report(undeclared, sources={"src/p/plugin.py": source})])
    assert '<span class="number">4</span><code>async def fetch(self, request):</code>' in page
    assert '<span class="number">5</span><code>    return <mark>httpx.get(request.url</mark>)</code>' in page
    assert '<span class="number">3</span>' not in page
    assert '<span class="number">6</span>' not in page


def test_a_place_over_several_lines_is_marked_on_each_of_them(make_report):
    source = b"call(\n    first,\n    second)\n"
    report = make_report(warning(location=Location("a.py", 1, 1, 3, 12)), sources={"a.py": source})
    page = render([report])
    assert "<mark>call(</mark>" in page
    assert "<mark>first,</mark>" in page
    assert "<mark>second)</mark>" in page


def test_chains_that_begin_alike_are_drawn_once_and_branch(make_report):
    def step(label, line):
        return Step(label, Location("src/p/plugin.py", line))

    start, left, right = step("the host calls P.initialize", 1), step("calls a", 2), step("calls b", 3)
    uses = tuple(InferredPermission("network", "connect", None, "resolved", (start, end)) for end in (left, right))
    page = Page(render([make_report(permissions=PermissionTable((), uses))]))
    assert page.text.count("the host calls P.initialize") == 1
    assert [a["class"] for a in page.all("li") if a.get("class") in {"branch", "act"}] == ["branch", "act"] * 2


def test_an_endless_chain_is_drawn_without_its_middle(make_report):
    chain = tuple(Step(f"calls f{number}", Location("a.py", number + 1)) for number in range(5000))
    use = InferredPermission("network", "connect", None, "resolved", chain)
    page = render([make_report(permissions=PermissionTable((), (use,)))])
    assert "calls f0<" in page
    assert "calls f4999<" in page
    assert "more hops" in page
    assert len(page) < 60_000


@pytest.mark.parametrize(
    ("kind", "pattern", "held"),
    [
        ("network", "api.example.com:443", "broker"),
        ("filesystem", "rw:{cache}/**", "kernel"),
        ("filesystem", "r:{data}/*/list.txt", "kernel everything below {data}advisory"),
        ("environment", "ACME_KEY", "kernel"),
        ("native", "numpy", "advisory"),
        ("dynamic_code", "acme.*", "advisory"),
        ("registry", "WebScraper", "broker"),
        ("subprocess", "git", "kernel"),
        ("network", "http://x", "nothing cannot be granted"),
        ("teleport", "*", "nothing cannot be granted"),
    ],
    ids=str,
)
def test_each_declaration_says_who_enforces_it(make_report, kind, pattern, held):
    table = PermissionTable((DeclaredPermission(kind, pattern, "because"),))
    assert f"declared, no use seen {held}" in Page(render([make_report(permissions=table)])).text


def test_declared_undeclared_and_ambient_uses_are_told_apart(make_report):
    chain = (Step("calls x", Location("src/p/plugin.py", 5, 16)),)
    table = PermissionTable(
        (DeclaredPermission("network", "*.example.com:443", "fetches"),),
        (
            InferredPermission("network", "connect", "api.example.com:443", "proven", chain),
            InferredPermission("network", "connect", "evil.example:80", "proven", chain),
            InferredPermission("environment", "read", None, "resolved", chain, "httpx", chain, ambient=True),
        ),
    )
    words = Page(render([make_report(permissions=table)])).text
    assert "network *.example.com:443fetchesdeclared and used 1 place" in words
    assert "network evil.example:80noused, not declared 1 place" in words
    assert "looked up by a library for itself 1 place" in words


def test_coverage_names_what_was_not_looked_at_and_why(rich_report):
    words = Page(render([rich_report])).text
    assert "mypy 1.180 of 1 file01no tool started0.4 s" in words
    assert "failed mypy, 1 file: mypy crashedsrc/p/plugin.py" in words
    assert "skipped theodore, 1 file: not shippedtests/t.py" in words


def test_ten_thousand_findings_make_a_page_that_opens(make_report):
    found = [
        warning(number, rule=f"rule-{number % 50}", evidence=(Step("calls x", Location("a.py", 1)),) * 3)
        for number in range(1, 10_001)
    ]
    page = render([make_report(*found, sources={"src/p/plugin.py": b"x = eval(y)\n" * 10_000})])
    assert len(page) < 4_000_000
    listed = [name for name in Page(page).values("id") if name.startswith("finding-")]
    assert len(listed) == len(set(listed)) == 5000
    assert "10,000 findings" not in page
    assert "further findings of this rule; the JSON report lists all" in page
    assert ">10,000</b> warnings" in page


def test_one_very_long_message_is_cut_and_says_so(make_report):
    page = render([make_report(replace(warning(), message="x" * 100_000, help="shorten it"))])
    assert len(page) < 60_000
    assert "98,000 more characters" in page


def test_namesakes_do_not_share_ids(make_report, undeclared):
    ids = Page(render([make_report(undeclared), make_report(undeclared)])).values("id")
    assert {"page-scraper-project", "page-scraper-2-project"} <= set(ids)
    assert len(ids) == len(set(ids))


def test_the_projects_that_need_attention_come_first_in_the_index(make_report, undeclared):
    passed = replace(make_report(), project=ProjectLabel("fine", "1", "fine", "source"))
    failed = replace(make_report(undeclared), project=ProjectLabel("bad", "1", "bad", "source"))
    words = Page(render([passed, failed])).text
    assert words.index("bad 1✕Fail") < words.index("fine 1✓Pass")


def test_a_report_on_nothing_is_still_a_page():
    assert Page(render([])).all("main")


def test_every_field_of_a_report_reaches_the_page_or_is_known_not_to():
    shown = set(Report.__dataclass_fields__)
    left_out = {"place"}
    source = "".join(path.read_text() for path in Path(render.__code__.co_filename).parent.glob("*.py"))
    missing = {name for name in shown - left_out if not re.search(rf"\.(?:{name})\b|fix_of", source)}
    assert not missing
