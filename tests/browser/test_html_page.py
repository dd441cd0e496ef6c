"""The report's page in a real browser: what it loads, says, hides and how it fits."""

import itertools
from dataclasses import replace
from datetime import date

import pytest

from theodore_plugin.coverage import Coverage, Covered, State
from theodore_plugin.finding import Confidence, Finding, Location, Severity, Step
from theodore_plugin.report.html import render
from theodore_plugin.report.model import (
    AuditedDependency,
    DeclaredPermission,
    InferredPermission,
    PermissionTable,
    PolicyLabel,
    ProjectLabel,
    Report,
    ScannerRun,
    SuppressionRecord,
    Vulnerability,
)

SOURCE = (
    b"import httpx\n\n\nclass Plugin:\n    async def scrape(self, request):\n        return httpx.get(request.url)\n"
)
PATH = "src/a_package_with_quite_a_long_name/a_module_with_quite_a_long_name.py"
EVIL = "</style><script>console.log(1)</script><img src=http://127.0.0.1:9/x onerror=console.log(2)>\u202e"
WIDTHS = (360, 390, 768, 1280)
CONTRAST = """
(() => {
  const channel = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const parts = (colour) => colour.match(/[0-9.]+/g).map(Number);
  const light = (c) => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = parts(getComputedStyle(node).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const bad = [];
  for (const node of document.querySelectorAll("body *")) {
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())) continue;
    const [a, b] = [light(parts(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.push([node.tagName, node.className, ratio.toFixed(2), node.textContent.slice(0, 40)]);
  }
  return bad;
})()
"""
WIDER_THAN_THE_PAGE = """
[...document.querySelectorAll("body *")].filter((node) => {
  const box = node.getBoundingClientRect();
  return box.width && box.right > innerWidth + 1 && !node.closest(".skip, thead");
}).map((node) => [node.tagName, node.className, node.textContent.slice(0, 40)])
"""
CSP_HOLDS = """
new Promise((resolve) => {
  const seen = [];
  document.addEventListener("securitypolicyviolation", (event) => {
    seen.push(event.effectiveDirective);
    if (seen.length === 3) resolve(seen.sort());
  });
  const image = document.createElement("img");
  image.src = "http://127.0.0.1:9/x.png";
  const style = document.createElement("style");
  style.textContent = "body { display: none }";
  const script = document.createElement("script");
  script.textContent = "window.ran = true";
  document.body.append(image, style, script);
})
"""


def finding(rule, severity, **more):
    place = Location(PATH, 6, 16, 6, 37)
    return Finding(rule, severity, Confidence.HIGH, place, more.pop("message", "connects to any host"), **more)


@pytest.fixture(scope="module")
def report():
    """Every part of the page, with names long enough to be in the way."""
    chain = (Step("the host calls Plugin.scrape", Location(PATH, 5, 5)), Step("calls httpx.get", Location(PATH, 6, 16)))
    errors = finding("undeclared-permission", Severity.ERROR, help="declare " + "x" * 200, evidence=chain)
    warned = finding("mypy/arg-type", Severity.WARNING, message="a" * 300, source="mypy")
    lost = finding("analyzer-failed", Severity.INCOMPLETE, message="mypy crashed", subject="mypy")
    hole = Vulnerability("GHSA-jjg7-2v4v-x38h", ("CVE-2024-3651",), "slow " * 40, ("3.7",), "high", "https://osv.dev/x")
    uses = (InferredPermission("network", "connect", None, "resolved", chain, "httpx"),)
    other = InferredPermission("environment", "read", "ACME_KEY", "proven", (chain[0], chain[1], chain[1]))
    return Report(
        tool_version="0.1.0",
        rule_set="a" * 64,
        project=ProjectLabel("page-scraper", "1.2.0", "page-scraper", "wheel", "c" * 64),
        policy=PolicyLabel("default", "b" * 64),
        findings=(errors, warned, lost, finding("a-notice", Severity.NOTICE, message="worth knowing")),
        suppressions=(SuppressionRecord(("secret-to-log",), Location(PATH, 1), "a key", date(2027, 1, 1), (warned,)),),
        coverage=(Coverage("mypy", (Covered(PATH, State.FAILED, "mypy crashed"), Covered("b.py"))),),
        scanners=(ScannerRun("mypy", "1.18", "failed", 0.4, "mypy crashed", "standard"),),
        permissions=PermissionTable((DeclaredPermission("network", "*.example.com:443", "reads"),), (*uses, other)),
        advisories=None,
        sources={PATH: SOURCE},
        dependencies=(AuditedDependency("idna", "3.6", "audited", "", (hole,)),),
        seconds=1.0,
    )


@pytest.fixture(scope="module")
def hostile(report):
    place = Location(f"src/{EVIL}.py", 1, 1, 1, 9)
    bad = Finding(EVIL, Severity.ERROR, Confidence.HIGH, place, EVIL, help=EVIL, evidence=(Step(EVIL, place),))
    return replace(
        report,
        project=ProjectLabel(EVIL, EVIL, EVIL, "source"),
        findings=(bad,),
        sources={place.path: EVIL.encode()},
    )


@pytest.fixture(scope="module")
def passed(report):
    return replace(report, findings=(), suppressions=(), dependencies=(), permissions=PermissionTable())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("which", ["report", "hostile", "passed", "several"])
def test_it_fits_loads_nothing_and_is_silent(which, width, browser, serve, report, hostile, passed):
    pages = {"report": [report], "hostile": [hostile], "passed": [passed], "several": [report, hostile, passed, report]}
    address = serve(render(pages[which]))
    browser.open(address, width=width)
    browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert browser.run("document.documentElement.scrollWidth") == width
    assert browser.run(WIDER_THAN_THE_PAGE) == []
    assert browser.requests() == [address]
    assert browser.complaints() == []
    assert browser.run("document.querySelectorAll('script, img').length") == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(dark, browser, serve, report):
    browser.open(serve(render([report, report])), width=1280, dark=dark)
    browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert browser.run(CONTRAST) == []
    seen = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (seen == "rgb(18, 21, 27)") is dark


def test_the_security_policy_stops_what_a_mistake_would_let_in(browser, serve, report):
    browser.open(serve(render([report])), width=1280)
    assert browser.run(CSP_HOLDS) == ["img-src", "script-src-elem", "style-src-elem"]
    assert browser.run("window.ran === undefined && getComputedStyle(document.body).display !== 'none'")


def test_a_severity_can_be_hidden_without_any_script(browser, serve, report):
    browser.open(serve(render([report])), width=1280)
    shown = (
        "[...document.querySelectorAll('.finding')].filter((one) => one.offsetHeight).map((one) => one.classList[1])"
    )
    assert sorted(browser.run(shown)) == ["error", "incomplete", "notice", "warning"]
    browser.run("document.querySelector('.show-warning').click()")
    assert sorted(browser.run(shown)) == ["error", "incomplete", "notice"]
    assert browser.run("document.querySelector('#rule-mypy-arg-type').offsetHeight") == 0


def test_a_link_to_a_finding_brings_it_into_view(browser, serve, report):
    address = serve(render([report]))
    browser.open(address, width=390)
    anchor = browser.run("document.querySelector('article.error').id")
    browser.open("about:blank", width=390)
    browser.open(f"{address}#{anchor}", width=390)
    top = f"document.getElementById('{anchor}').getBoundingClientRect().top"
    assert -1 <= browser.run(top) < 900


def test_everything_that_can_be_used_can_be_reached_by_keyboard(browser, serve, report):
    browser.open(serve(render([report])), width=1280)
    usable = "[...document.querySelectorAll('a[href], summary, input')]"
    assert browser.run(f"{usable}.every((one) => one.tabIndex === 0)")
    browser.run("document.querySelector('.skip').focus()")
    assert browser.run("document.querySelector('.skip').getBoundingClientRect().left") >= 0


def test_on_paper_nothing_stays_folded_and_nothing_is_dark(browser, serve, report):
    browser.open(serve(render([report])), width=1280, dark=True)
    browser.ask("Emulation.setEmulatedMedia", media="print")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.run("getComputedStyle(document.querySelector('.filters')).display") == "none"
    folded = "document.querySelector('details.about:not([open]) > p')"
    assert browser.run(f"{folded}.checkVisibility({{contentVisibilityAuto: true}}) && {folded}.offsetHeight > 0")
    browser.ask("Emulation.setEmulatedMedia", media="")


def test_headings_in_the_accessibility_tree_go_down_one_level_at_a_time(browser, serve, report):
    browser.open(serve(render([report, report])), width=360)
    browser.ask("Accessibility.enable")
    nodes = browser.ask("Accessibility.getFullAXTree")["nodes"]
    roles = [node.get("role", {}).get("value") for node in nodes]
    assert {"main", "navigation", "banner", "contentinfo", "columnheader", "rowheader"} <= set(roles)
    levels = [
        next(item["value"]["value"] for item in node["properties"] if item["name"] == "level")
        for node in nodes
        if node.get("role", {}).get("value") == "heading"
    ]
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    browser.ask("Accessibility.disable")
