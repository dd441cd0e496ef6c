"""The checker: it finds what is wrong with a map, and says nothing about one that is right."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from typing import Any

import pytest

from theodore_plugin.inference.capabilities import shipped_files
from theodore_plugin.inference.capabilities.check import (
    Interpreter,
    ask,
    consistency,
    harmless_modules,
    importable,
    main,
    questions,
    read_libraries,
)
from theodore_plugin.inference.capabilities.sections import cut

HERE = Interpreter.of(sys.executable)
LIBRARIES = read_libraries(shipped_files())


def libraries(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads(text)["library"]
    return found


def messages(text: str) -> list[str]:
    return [f"{problem.key}: {problem.message}" for problem in consistency(libraries(text))]


def verdicts(text: str) -> dict[str, str]:
    return {one.question.name: one.verdict for one in ask(libraries(text), HERE)}


def test_the_shipped_map_is_consistent() -> None:
    assert [f"{one.key}: {one.message}" for one in consistency(LIBRARIES)] == []


def test_no_module_is_both_harmless_and_described() -> None:
    harmless = harmless_modules(shipped_files())
    assert len(harmless) == len(set(harmless))
    assert set(harmless) & {described["module"] for described in LIBRARIES} == set()


def test_every_library_of_somebody_elses_says_where_it_comes_from() -> None:
    foreign = [described for described in LIBRARIES if described["module"].split(".")[0] not in HERE.modules]
    own = {"__main__", "_testcapi", "test", "_pyrepl"} | {
        described["module"] for described in foreign if "since" in described
    }
    assert [one["module"] for one in foreign if "distribution" not in one and one["module"] not in own] == []
    assert [one["module"] for one in LIBRARIES if not one.get("source")] == []


def test_more_than_two_hundred_distributions_are_described() -> None:
    assert len({described["distribution"] for described in LIBRARIES if "distribution" in described}) > 400


def test_names_exist_in_the_libraries_that_are_installed() -> None:
    foreign = [described for described in LIBRARIES if "distribution" in described]
    answers = ask(LIBRARIES, HERE, importable(foreign, HERE))
    assert [f"{one.question.name}: {one.reason}" for one in answers if one.verdict == "missing"] == []


@pytest.mark.parametrize("path", shipped_files(), ids=lambda path: path.name)
def test_a_shipped_file_cut_into_libraries_says_what_it_says_as_a_whole(path: Any) -> None:
    text = path.read_text(encoding="utf-8")
    document = tomllib.loads(text)
    sections = [section for section in cut(text) if section.content is None]
    assert [section.read() for section in sections] == document["library"]
    for section, described in zip(sections, document["library"], strict=True):
        aliased = {name[1:].split(".")[0] for name in described.get("aliases", {}) if name.startswith("=")}
        assert section.roots == {described["module"].split(".")[0], *aliased}
        assert section.leaked is described.get("leaked", False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[library]]\nmodule = 'a'\n[[library]]\nmodule = 'a'\n", "a: is described twice"),
        (
            "[[library]]\nmodule = 'a'\nsafe = ['f']\neffects = [{permission='network', names=['f']}]\n",
            "a.f: is safe and has effects",
        ),
        (
            "[[library]]\nmodule = 'a'\neffects = [{permission='network', names=['f', 'f']}]\n",
            "a.f: lists the same effect twice",
        ),
        ("[[library]]\nmodule = 'a'\nsafe = ['f', 'f']\n", "a.f: is listed as safe twice"),
        ("[[library]]\nmodule = 'a'\ndefault = 'network'\n", "a: the default network has no access"),
        ("[[library]]\nmodule = 'a'\ndefault_access = 'read'\n", "a: a safe default has no access"),
        (
            "[[library]]\nmodule = 'a'\neffects = [{permission='network', target='url', names=['f']}]\n",
            "a.f: a target of kind url needs an argument",
        ),
        (
            "[[library]]\nmodule = 'a'\neffects = [{permission='network', argument=[0], names=['f']}]\n",
            "a.f: an argument needs a kind of target",
        ),
        (
            "[[library]]\nmodule = 'a'\neffects = [{permission='network', only=['http'], names=['f']}]\n",
            "a.f: given, only and unless look at the target's text",
        ),
        (
            "[[library]]\nmodule = 'a'\naliases = { f = 'a.g', g = 'a.f' }\n",
            "a.f: its alias leads round in a circle, or too far",
        ),
        (
            "[[library]]\nmodule = 'a'\naliases = { '=x.f' = 'a.f' }\n"
            "[[library]]\nmodule = 'b'\naliases = { '=x.f' = 'b.f' }\n",
            "x.f: has two aliases, a.f and b.f",
        ),
        (
            "[[library]]\nmodule = 'a'\nreturns = { f = 'Thing()' }\n",
            "a.f: returns a.Thing(), of which nothing is said",
        ),
    ],
)
def test_an_inconsistency_is_named(text: str, message: str) -> None:
    assert message in messages(text)


def test_a_name_that_does_not_exist_is_missing() -> None:
    found = verdicts(
        "[[library]]\nmodule = 'shutil'\neffects = [{permission='filesystem', names=['rmtree', 'rmtrees']}]\n"
    )
    assert found == {"shutil": "found", "shutil.rmtree": "found", "shutil.rmtrees": "missing"}


@pytest.mark.parametrize(
    ("argument", "verdict"),
    [
        ("[0, 'src']", "found"),
        ("['dst']", "found"),
        ("[0, 'dst']", "missing"),
        ("[9]", "missing"),
        ("['nope']", "missing"),
    ],
)
def test_an_argument_is_held_to_the_real_signature(argument: str, verdict: str) -> None:
    table = f"effects = [{{permission='filesystem', target='path', argument={argument}, names=['copyfile']}}]"
    assert verdicts(f"[[library]]\nmodule = 'shutil'\n{table}\n")["shutil.copyfile"] == verdict


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("TarFile().extractall", "found"),
        ("open().extractall", "found"),
        ("TarFile().extract_all", "missing"),
        ("TarFile().fileobj", "unverified"),
        ("is_tarfile().x", "missing"),
    ],
)
def test_objects_are_followed_through_what_calls_return(name: str, verdict: str) -> None:
    text = "[[library]]\nmodule = 'tarfile'\nreturns = { open = 'TarFile()', is_tarfile = '=builtins.bool()' }\n"
    assert verdicts(f"{text}effects = [{{permission='filesystem', names=['{name}']}}]\n")[f"tarfile.{name}"] == verdict


def test_a_module_that_is_not_there_is_missing_and_what_breaks_on_import_is_not_held_against_it() -> None:
    found = verdicts("[[library]]\nmodule = 'no_such_module_anywhere'\n")
    assert found == {"no_such_module_anywhere": "missing"}


@pytest.mark.parametrize(
    ("limits", "asked"),
    [
        ("", True),
        ("since = '3.0'", True),
        ("since = '4.0'", False),
        ("until = '3.0'", False),
        ("until = '4.0'", True),
        ("platform = 'win32'", sys.platform == "win32"),
    ],
)
def test_names_of_other_versions_and_systems_are_not_asked_about(limits: str, asked: bool) -> None:
    more = f", {limits}" if limits else ""
    text = f"[[library]]\nmodule = 'os'\neffects = [{{permission='filesystem', names=['x']{more}}}]\n"
    assert ("os.x" in {one.name for one in questions(libraries(text), HERE)}) is asked


def test_the_program_says_what_it_checked_and_fails_on_a_problem(
    tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "map.toml"
    path.write_text("[[library]]\nmodule = 'shutil'\neffects = [{permission='filesystem', names=['rmtrees']}]\n")
    assert main([str(path)]) == 1
    assert "shutil.rmtrees: shutil.rmtrees does not exist" in capsys.readouterr().out
    path.write_text("[[library]]\nmodule = 'shutil'\neffects = [{permission='filesystem', names=['rmtree']}]\n")
    assert main([str(path)]) == 0
    assert "2 names of 1 libraries found" in capsys.readouterr().out


def test_what_a_library_prints_while_imported_is_no_answer(tmp_path: Any) -> None:
    (tmp_path / "noisy_for_probe.py").write_text("print('hello')\nimport os\nos.write(1, b'raw')\n\ndef f(): ...\n")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); sys.argv = ['probe']\n"
        "from theodore_plugin.inference.capabilities import probe; probe.main()"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        input='{"questions": [{"name": "noisy_for_probe.f"}], "returns": {}}',
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert told.stdout == '[["found", ""]]'
