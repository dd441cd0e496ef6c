"""Files that define scanners: every mistake at its line and column, and where definitions may come from."""

import json
from pathlib import Path

import pytest

from theodore_loader.data import policies_dir
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.policy import load_policy
from theodore_loader.policy.problems import PolicyProblems
from theodore_plugin.engine import run
from theodore_plugin.finding import Severity, Verdict
from theodore_plugin.project import PluginProject
from theodore_plugin.scanners import SCANNERS, scanners_for
from theodore_plugin.scanners.custom import CustomScanner
from theodore_plugin.scanners.custom_definition import DefinitionProblems, read_definition
from theodore_plugin.scanners.custom_globs import matcher
from theodore_plugin.settings import Options, Settings

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples" / "scanners"
GOOD = """\
schema: 1
name: mine
command: [mine, "{tree}"]
results:
  file: file
  line: line
  rule: rule
  message: message
"""


@pytest.fixture
def read(tmp_path):
    def load(text):
        path = tmp_path / "mine.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_definition(path)

    return load


def test_what_is_not_said_has_a_default(read):
    found = read(GOOD)
    assert (found.success, found.files, found.network, found.subprocesses) == ((0,), (), False, 0)
    assert (found.results.first_line, found.results.first_column, found.results.source) == (1, 1, "stdout")


@pytest.mark.parametrize("name", ["ruff.yaml", "licences.yaml"])
def test_the_examples_of_the_documentation_are_definitions(name):
    assert read_definition(EXAMPLES / name).name == name.removesuffix(".yaml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            GOOD.replace("command", "comand"),
            "mine.yaml:3:1: unknown key 'comand' in the definition (did you mean command?)",
        ),
        (GOOD.replace("command", "comand"), "mine.yaml:1:1: the definition: command is missing"),
        (GOOD + "  colum: x\n", "mine.yaml:9:3: unknown key 'colum' in results (did you mean column?)"),
        (GOOD.replace("{tree}", "{trees}"), "mine.yaml:3:17: command.2: '{trees}' does not fit (placeholders are"),
        (GOOD.replace("[mine, ", "[7, "), "mine.yaml:3:11: command.1: text is wanted, not a number"),
        (GOOD.replace("mine, ", "").replace('"{tree}"', ""), "command: [] should be non-empty"),
        (GOOD.replace("name: mine", "name: Mine!"), "mine.yaml:2:7: name: 'Mine!' does not fit"),
        (GOOD.replace("name: mine", "name: bandit"), "mine.yaml:2:7: 'bandit' is the name of an analyser"),
        (GOOD.replace("file: file", "file: a..b"), "mine.yaml:5:9: results.file: 'a..b' does not fit (a path such as"),
        (GOOD + "  severity: fatal\n", "'fatal' is not possible here (one of error, warning, notice)"),
        (GOOD + "  severity: {path: a, table: {x: bad}}\n", "'bad' is not possible here"),
        (GOOD + "  severity: {table: {}}\n", "results.severity: path is missing"),
        (GOOD + "  from: ../x\n", "results.from: '../x' does not fit (stdout, or the name of a file"),
        (GOOD + "timeout_seconds: 0\n", "timeout_seconds: 0 is less than the minimum of 1"),
        (GOOD + "read: [etc]\n", "read.1: 'etc' does not fit (an absolute path)"),
        (GOOD + "files: [../x]\n", "files.1: '../x' does not fit"),
        (GOOD + "network: yes\n", "network: true or false is wanted, not text (yes, no, on and off"),
        (GOOD + "network: true\nnetwork: true\n", "mine.yaml:10:1: the key 'network' stands here a second time"),
        ("", "the file is empty"),
        ("[", "not YAML"),
        (b"\xff", "not UTF-8 text"),
        ("x: &a 1\ny: *a\n", "anchors and aliases are not accepted"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) or "\n" in value else value[:60],
)
def test_a_mistake_is_reported_at_its_place_with_a_way_out(read, text, says):
    with pytest.raises(DefinitionProblems) as refused:
        read(text)
    assert says in refused.value.message
    assert "is not a usable definition of a scanner" in refused.value.message
    assert "docs/guide/scanners.md" in refused.value.help


def test_all_mistakes_are_reported_at_once(read):
    with pytest.raises(DefinitionProblems) as refused:
        read(GOOD.replace("name: mine", "name: Mine!").replace("line: line", "line: 7") + "netwrok: true\n")
    assert [problem.line for problem in refused.value.problems] == [2, 6, 9]


def test_a_file_that_is_not_there_is_the_users_mistake(tmp_path):
    with pytest.raises(ConfigurationProblem, match="cannot read the definition of a scanner"):
        read_definition(tmp_path / "gone.yaml")


def test_policies_and_files_are_held_to_the_same_schema():
    schemas = [
        json.loads((policies_dir() / "schemas" / f"{name}.schema.json").read_text()) for name in ("scanner", "policy")
    ]
    own, policy = schemas
    for name, meaning in own["$defs"].items():
        assert policy["$defs"][name] == meaning
    keys = own["$defs"]["scanner_definition"]["properties"]
    assert set(own["properties"]) == {"schema", "name", *keys}


@pytest.mark.parametrize(
    ("glob", "yes", "no"),
    [
        ("**/*.py", ["a.py", "a/b/c.py"], ["a.pyc", "a/b"]),
        ("*.py", ["a.py"], ["a/b.py"]),
        ("src/**", ["src/a", "src/a/b"], ["src", "lib/a"]),
        ("src/?.[x]", ["src/a.[x]"], ["src/a.x", "src/ab.[x]"]),
        ("a/**/b", ["a/b", "a/x/y/b"], ["a/xb"]),
    ],
    ids=["any depth", "top", "below", "one letter", "between"],
)
def test_globs_mean_what_they_mean_elsewhere(glob, yes, no):
    matches = matcher([glob])
    assert [path for path in (*yes, *no) if matches(path)] == yes


POLICY = """\
schema: 1
name: acme
extends: development
scanners:
  bandit: { enabled: false }
  mypy: { enabled: false }
  pip-audit: { enabled: false }
  secrets: { enabled: false }
  mine:
    enforced: %(enforced)s
    required: %(required)s
    definition:
      command: ["{python}", -I, -S, -c, %(code)s]
      results: { file: file, line: line, rule: rule, message: message, severity: error, confidence: high }
"""
FINDS = json.dumps("""print('[{{"file": "src/demo/__init__.py", "line": 1, "rule": "R1", "message": "found"}}]')""")
PYPROJECT = '[project]\nname = "demo"\nversion = "1.0"\n'


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    (root / "src" / "demo").mkdir(parents=True)
    (root / "src" / "demo" / "__init__.py").write_text("X = 1\n")
    (root / "pyproject.toml").write_text(PYPROJECT)
    return root


@pytest.fixture
def write_policy(tmp_path):
    def write(folder=tmp_path, *, enforced="true", required="true", code=FINDS, more=""):
        path = folder / "acme.yaml"
        path.write_text(POLICY % {"enforced": enforced, "required": required, "code": code} + more)
        return path

    return write


def about_mine(project, options):
    opened = PluginProject.open(project)
    report = run(opened, Settings.load(opened, options))
    return report, [one for one in report.findings if one.source == "mine" or one.subject == "mine"]


@pytest.mark.parametrize(("enforced", "severity"), [("true", Severity.ERROR), ("false", Severity.WARNING)])
def test_a_policy_defines_a_scanner_and_says_whether_its_findings_block(project, write_policy, enforced, severity):
    report, (finding,) = about_mine(project, Options(policy=write_policy(enforced=enforced)))
    assert (finding.rule, finding.severity, finding.message) == ("mine/R1", severity, "found")
    (ran,) = [one for one in report.scanners if one.name == "mine"]
    assert ran.status == "ok"
    assert ran.detail.startswith("defined in acme.yaml:9")


@pytest.mark.parametrize(("required", "severity"), [("true", Severity.INCOMPLETE), ("false", Severity.NOTICE)])
def test_a_policy_says_whether_its_failure_to_run_blocks(project, write_policy, required, severity):
    path = write_policy(required=required, code='"raise SystemExit(7)"')
    report, (finding,) = about_mine(project, Options(policy=path))
    assert (finding.rule, finding.severity) == ("analyzer-failed", severity)
    assert (report.verdict is Verdict.INCOMPLETE) is (required == "true")


def test_a_policy_may_set_the_level_of_a_rule_of_a_scanner_of_ones_own(project, write_policy):
    path = write_policy(more="rules:\n  mine/R1: notice\n")
    _, (finding,) = about_mine(project, Options(policy=path))
    assert finding.severity is Severity.NOTICE


def test_a_policy_that_extends_it_keeps_the_definition(project, write_policy, tmp_path):
    write_policy()
    path = tmp_path / "team.yaml"
    path.write_text("schema: 1\nname: team\nextends: acme.yaml\nscanners:\n  mine: { enforced: false }\n")
    _, (finding,) = about_mine(project, Options(policy=path))
    assert finding.severity is Severity.WARNING


def test_a_mistake_in_a_policys_definition_is_reported_at_its_line(write_policy):
    path = write_policy(more="      timeout: 7\n")
    with pytest.raises(PolicyProblems) as refused:
        load_policy(path)
    assert "acme.yaml:15:7: unknown key 'timeout' in scanners.mine.definition (did you mean timeout_seconds?)" in str(
        refused.value
    )


def test_the_policy_of_the_project_itself_cannot_name_a_command(project, write_policy):
    write_policy(project)
    (project / "pyproject.toml").write_text(PYPROJECT + '[tool.theodore-plugin]\npolicy = "acme.yaml"\n')
    opened = PluginProject.open(project)
    with pytest.raises(ConfigurationProblem, match="the project's own policy defines the scanner mine") as refused:
        Settings.load(opened)
    assert "--policy FILE" in refused.value.help
    assert [one.name for one in Settings.load(opened, Options(policy=project / "acme.yaml")).scanners] == ["mine"]


def test_a_required_scanner_that_nobody_knows_makes_the_check_incomplete(project, tmp_path):
    path = tmp_path / "acme.yaml"
    path.write_text("schema: 1\nname: acme\nextends: development\nscanners:\n  semgrep: { required: true }\n")
    opened = PluginProject.open(project)
    report = run(opened, Settings.load(opened, Options(policy=path)), scanners=())
    (finding,) = [one for one in report.findings if one.rule == "analyzer-failed"]
    assert "requires the scanner semgrep (acme.yaml:5)" in finding.message
    assert report.verdict is Verdict.INCOMPLETE


def test_definitions_without_an_effect_leave_a_policys_digest_alone():
    policy = load_policy("default")
    assert policy.decisions()["scanners"]["bandit"] == {"enabled": True, "enforced": True, "required": True}


def test_the_definition_is_part_of_the_policys_digest(write_policy):
    one = load_policy(write_policy())
    other = load_policy(write_policy(code='"print(7)"'))
    assert one.digest != other.digest


def test_the_scanners_of_a_check_are_the_built_in_ones_and_the_defined_ones(project):
    opened = PluginProject.open(project)
    settings = Settings.load(opened, Options(scanners=(EXAMPLES / "ruff.yaml",)))
    scanners = scanners_for(settings)
    assert scanners[: len(SCANNERS)] == SCANNERS
    assert isinstance(scanners[-1], CustomScanner)
    assert scanners[-1].name == "ruff"


def test_two_scanners_of_one_name_are_refused(project, write_policy, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD)
    opened = PluginProject.open(project)
    settings = Settings.load(opened, Options(policy=write_policy(), scanners=(file,)))
    with pytest.raises(ConfigurationProblem, match="more than one scanner is called mine"):
        scanners_for(settings)


def test_its_rules_can_be_selected_by_name(project):
    opened = PluginProject.open(project)
    settings = Settings.load(opened, Options(scanners=(EXAMPLES / "ruff.yaml",), ignore=("ruff/F401",)))
    assert settings.selection is not None
