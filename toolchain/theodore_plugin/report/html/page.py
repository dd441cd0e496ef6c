"""The document: head, index of projects, their sections, and the rules under which a browser shows it.

The content security policy allows this page's own style sheet, by its digest, and nothing else: no script, no
image, no connection, no form, whatever a plugin's text may contain.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files

from theodore_plugin.finding import Verdict
from theodore_plugin.report.html.context import Context, plural, table
from theodore_plugin.report.html.coverage import coverage
from theodore_plugin.report.html.dependencies import dependencies
from theodore_plugin.report.html.findings import findings
from theodore_plugin.report.html.hosts import hosts
from theodore_plugin.report.html.markup import Html, element, joined
from theodore_plugin.report.html.permissions import permissions
from theodore_plugin.report.html.silenced import silenced
from theodore_plugin.report.html.summary import badge, summary
from theodore_plugin.report.model import Report
from theodore_plugin.report.outcome import counts

_WORST = (Verdict.INCOMPLETE, Verdict.FAIL, Verdict.PASS)


def page(reports: Sequence[Report]) -> str:
    """Return the whole document, ending in a newline."""
    single = len(reports) == 1
    contexts = [Context.of(report) for report in reports] if single else _several(reports)
    title = _title(contexts[0].report) if single else f"Checks of {plural(len(reports), 'plugin')}"
    main = _one(contexts[0], title) if single else _all(contexts, title)
    body = element("body", element("a", "Skip to the report", href="#report", class_="skip"), main, _footer(reports))
    return f"<!doctype html>\n{element('html', _head(title), body, lang='en')}\n"


def _head(title: str) -> Html:
    style = stylesheet()
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=security_policy(style)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="robots", content="noindex"),
        element("title", title),
        element("style", Html(style)),
    )


@cache
def stylesheet() -> str:
    """Return the style sheet as it stands in the page."""
    return (files(__package__) / "page.css").read_text("utf-8")


def security_policy(style: str) -> str:
    """Return the policy that allows ``style`` and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _title(report: Report) -> str:
    return f"{report.project.name} {report.project.version}".strip()


def _one(context: Context, title: str) -> Html:
    sections = list(_sections(context))
    header = element("header", element("p", "Plugin check", class_="kicker"), element("h1", title), class_="top")
    return joined(
        header,
        element(
            "div",
            _contents(sections),
            element("main", summary(context), *_bodies(sections), id="report"),
            class_="columns",
        ),
    )


def _all(contexts: Sequence[Context], title: str) -> Html:
    header = element("header", element("p", "Plugin check", class_="kicker"), element("h1", title), class_="top")
    rows = [
        (
            element("a", _title(one.report), href=f"#{one.prefix}project"),
            badge(one.report.verdict),
            counts(one.report),
            one.report.policy.name,
        )
        for one in sorted(contexts, key=lambda one: _WORST.index(one.report.verdict))
    ]
    index = element(
        "section",
        element("h2", "Projects", id="projects-title"),
        table("Every project, those that need attention first", ("Project", "Verdict", "Findings", "Policy"), rows),
        id="projects",
        aria_labelledby="projects-title",
    )
    return joined(header, element("main", index, [_project(one) for one in contexts], id="report", class_="several"))


def _project(context: Context) -> Html:
    name = f"{context.prefix}project"
    heading = element("h2", _title(context.report), id=f"{name}-title")
    sections = list(_sections(context))
    return element(
        "section",
        heading,
        summary(context),
        _contents(sections),
        *_bodies(sections),
        id=name,
        class_="project",
        aria_labelledby=f"{name}-title",
    )


_Section = tuple[str, str, Html]
"""Its id, its title, itself."""


def _sections(context: Context) -> Iterator[_Section]:
    made = (
        ("findings", "Findings", findings(context)),
        ("permissions", "Permissions", permissions(context)),
        ("dependencies", "Dependencies", dependencies(context)),
        ("coverage", "Coverage", coverage(context)),
        ("silenced", "Set aside", silenced(context)),
        ("hosts", "Hosts", hosts(context)),
    )
    yield from ((f"{context.prefix}{name}", title, section) for name, title, section in made if section is not None)


def _contents(sections: Sequence[_Section]) -> Html:
    links = [element("li", element("a", title, href=f"#{name}")) for name, title, _section in sections]
    return element("nav", element("ul", links), aria_label="Contents", class_="contents")


def _bodies(sections: Sequence[_Section]) -> Iterator[Html]:
    return (section for _name, _title, section in sections)


def _several(reports: Sequence[Report]) -> list[Context]:
    """Give each project a prefix of its own, made of its name; namesakes are numbered."""
    seen: dict[str, int] = {}
    contexts = []
    for report in reports:
        name = re.sub(r"[^a-z0-9]+", "-", report.project.name.lower()).strip("-") or "project"
        seen[name] = seen.get(name, 0) + 1
        prefix = f"{name}-" if seen[name] == 1 else f"{name}-{seen[name]}-"
        contexts.append(Context.of(report, prefix=prefix, level=3))
    return contexts


def _footer(reports: Sequence[Report]) -> Html:
    versions = ", ".join(sorted({report.tool_version for report in reports}))
    said = f"Made by theodore-plugin {versions}."
    return element("footer", element("p", said, " This page loads nothing and runs nothing: keep it, send it."))
