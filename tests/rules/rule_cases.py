"""The pages of cases beside this file, read into projects. README.md describes their format."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from theodore_loader.policy import Policy, load_policy
from theodore_plugin.contracts.catalogue import Catalogue, shipped_catalogue
from theodore_plugin.finding import Finding
from theodore_plugin.rules.examples import ARGUMENTS, METHODS, PYPROJECT, README, plugin

HERE = Path(__file__).parent
PAGES = {path.stem: path for path in sorted(HERE.glob("*.md")) if path.name != "README.md"}
POLICY = load_policy("default")

HEADING = re.compile(r"^## (?P<title>.+)\n", re.MULTILINE)
BLOCK = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^# file: (?P<path>\S+)\n", re.MULTILINE)
MARK = re.compile(r"\s*# finding: (?P<rule>[a-z0-9-]+)(?: \"(?P<text>[^\"]*)\")?(?=\s*(?:# finding:|$))", re.MULTILINE)
EXPECTED = re.compile(r"^(?P<path>\S+):(?P<line>\d+)(?: \"(?P<text>[^\"]*)\")?$")
WITHOUT = re.compile(r"^# without: (?P<names>.+)$", re.MULTILINE)
DEF = re.compile(r"^    (?:async )?def (?P<name>\w+)", re.MULTILINE)
METHOD = "^    (?:async )?def {name}\\(.*?(?=^    (?:async )?def |\\Z)"


FRAGMENTS = {"python info", "python methods", "toml project"}
WHOLE_FILES = {"python", "toml", "yaml", "text"}


@dataclass(frozen=True)
class Expected:
    """One finding a case has to produce; ``text`` is a part of what it says."""

    path: str
    line: int
    text: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" + (f' "{self.text}"' if self.text else "")

    def matches(self, finding: Finding) -> bool:
        said = (finding.message, finding.help or "", *(step.label for step in finding.evidence))
        place = (finding.location.path, finding.location.line) == (self.path, self.line)
        return place and any(self.text in sentence for sentence in said)


@dataclass
class Case:
    """One section of a page."""

    rule: str
    title: str
    files: dict[str, bytes] = field(default_factory=dict)
    expected: list[Expected] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.rule}: {self.title}"

    def policy(self, folder: Path) -> Policy:
        text = self.files.get("policy.yaml")
        if text is None:
            return POLICY
        (folder / "policy.yaml").write_bytes(text)
        return load_policy(folder / "policy.yaml")

    def catalogue(self) -> Catalogue:
        text = self.files.get("hosts.json")
        return shipped_catalogue() if text is None else shipped_catalogue().extended(json.loads(text))


def read_page(path: Path) -> list[Case]:
    pieces = HEADING.split(path.read_text(encoding="utf-8"))
    return [read_case(path.stem, title, text) for title, text in zip(pieces[1::2], pieces[2::2], strict=True)]


def read_case(rule: str, title: str, text: str) -> Case:
    case = Case(rule, title.strip())
    parts: dict[str, str] = defaultdict(str)
    written: dict[str, str | None] = {}
    for block in BLOCK.finditer(text):
        kind, body = block["kind"].strip(), block["body"]
        if kind in FRAGMENTS:
            parts[kind] += body
        elif kind == "findings":
            case.expected += [read_expected(line) for line in body.splitlines() if line.strip()]
        elif kind.startswith("hex "):
            case.files[kind.removeprefix("hex ")] = bytes.fromhex(body)
        elif kind in WHOLE_FILES:
            written |= dict.fromkeys(names_left_out(body)) | split_files(body, kind)
        else:
            raise ValueError(f"{rule}: {title}: there are no blocks of the kind {kind!r}")
    for path, content in (base_files(parts) | written).items():
        if content is not None:
            case.expected += marks(rule, path, content)
            case.files[path] = MARK.sub("", content).encode("utf-8")
    return case


def base_files(parts: Mapping[str, str]) -> dict[str, str]:
    """Write the project around a case, with the fragments of the case in it."""
    module = with_arguments(parts.get("python info", ""), with_methods(parts.get("python methods", "")))
    return {
        "pyproject.toml": with_keys(parts.get("toml project", "")),
        "README.md": README,
        "demo/__init__.py": "",
        **split_files(module, "python"),
    }


def split_files(body: str, kind: str) -> dict[str, str]:
    pieces = FILE.split(body)
    if len(pieces) == 1 and kind == "python":
        return {"demo/example.py": body}
    if pieces[0].strip() and not WITHOUT.match(pieces[0]):
        raise ValueError(f"text before the first `# file:` line: {pieces[0]!r}")
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def read_expected(line: str) -> Expected:
    found = EXPECTED.match(line)
    if found is None:
        raise ValueError(f"{line!r} is not `path:line`")
    return Expected(found["path"], int(found["line"]), found["text"] or "")


def marks(rule: str, path: str, body: str) -> Iterator[Expected]:
    for found in MARK.finditer(body):
        if found["rule"] != rule:
            raise ValueError(f"{path} expects {found['rule']} on the page of {rule}")
        start = found.start("rule")
        yield Expected(path, body.count("\n", 0, start) + 1, found["text"] or "")


def names_left_out(body: str) -> set[str]:
    return {name.strip() for found in WITHOUT.finditer(body) for name in found["names"].split(",")}


def with_arguments(info: str, methods: str) -> str:
    """Write the plugin with the arguments of a case last, as the case spells them."""
    call = ast.parse(f"f(\n{info})", mode="eval").body
    assert isinstance(call, ast.Call)
    changed = {keyword.arg for keyword in call.keywords} | names_left_out(info)
    kept: dict[str, Any] = {name: None if name in changed else value for name, value in ARGUMENTS.items()}
    text = plugin(methods, **kept)
    opening, call_text, rest = text.partition("        return PluginInfo(\n")
    arguments, closing, end = rest.partition("        )\n")
    return opening + call_text + arguments + info + closing + end


def with_methods(methods: str) -> str:
    """Write the methods of the plugin class, those of the case last."""
    kept = METHODS + "\n"
    for name in DEF.findall(methods):
        kept = re.sub(METHOD.format(name=name), "", kept, flags=re.MULTILINE | re.DOTALL)
    return f"{kept.rstrip()}\n\n{methods}"


def with_keys(project: str) -> str:
    """Write ``pyproject.toml`` with the keys of a case last."""
    changed = set(tomllib.loads(MARK.sub("", f"[project]\n{project}"))["project"]) | names_left_out(project)
    lines = PYPROJECT.splitlines(keepends=True)
    return "".join(line for line in lines if line.partition(" = ")[0] not in changed) + project


def difference(case: Case, found: list[Finding]) -> list[str]:
    """Say what is missing and what is too much, one line each."""
    extra, missing = list(found), []
    for expected in case.expected:
        match = next((finding for finding in extra if expected.matches(finding)), None)
        if match is None:
            missing.append(f"  missing  {expected}")
        else:
            extra.remove(match)
    return missing + [f'  extra    {item.location.path}:{item.location.line} "{item.message}"' for item in extra]


CASES = [case for path in PAGES.values() for case in read_page(path)]
