"""The secrets scanner over real projects: what it finds, what it leaves alone, and what it never says."""

import json

import pytest

from theodore_plugin.coverage import State
from theodore_plugin.finding import Confidence, Severity
from theodore_plugin.scanners.secrets import SecretsScanner

GITHUB = "ghp_Zq3Vx81KmPw07TnLcR5yBs94GhJd62FeAu0X"
AWS = "AKIA5XQZ7MWPL2NDT4RB"
RANDOM = "q8Zt4vXw0LmB71nRkYcD"
KEY = (
    "-----BEGIN PRIVATE KEY-----\n"
    + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n" * 3
    + "-----END PRIVATE KEY-----\n"
)
PACKAGE = {"src/demo/__init__.py": ""}


def places(result):
    return [(str(finding.location), finding.rule, finding.severity, finding.confidence) for finding in result.findings]


@pytest.mark.parametrize(
    ("path", "text", "column"),
    [
        ("data.json", '{"a": 1,\n "x": "%s"}\n', 8),
        ("data.yaml", "a: 1\nx: %s\n", 4),
        ("data.toml", 'a = 1\nx = "%s"\n', 6),
        ("data.txt", "hello\n%s\n", 1),
        ("README.md", "hello\n`%s`\n", 2),
        ("no_suffix", "hello\nx=%s\n", 3),
        ("code.py", 'A = 1\nX = "%s"\n', 6),
    ],
    ids=lambda value: value if isinstance(value, str) and "\n" not in value else "",
)
def test_a_key_in_any_shipped_text_is_an_error_at_its_place(scan, path, text, column):
    result = scan(SecretsScanner(), {**PACKAGE, f"src/demo/{path}": text % GITHUB})
    assert places(result) == [(f"src/demo/{path}:2:{column}", "secrets/github-token", Severity.ERROR, Confidence.HIGH)]
    (finding,) = result.findings
    assert (finding.location.end_line, finding.location.end_column) == (2, column + len(GITHUB))


def test_beside_the_package_the_same_key_is_a_warning_and_in_the_authors_environment_a_notice(scan):
    files = {
        **PACKAGE,
        "tests/test_demo.py": f'X = "{GITHUB}"\n',
        ".env": f"X={GITHUB}\n",
        ".env.example": f"X={AWS}\n",
    }
    assert places(scan(SecretsScanner(), files)) == [
        (".env:1:3", "secrets/github-token", Severity.NOTICE, Confidence.HIGH),
        (".env.example:1:3", "secrets/aws-access-key-id", Severity.WARNING, Confidence.HIGH),
        ("tests/test_demo.py:1:6", "secrets/github-token", Severity.WARNING, Confidence.HIGH),
    ]


def test_nobody_is_told_to_revoke_what_lies_where_it_belongs(scan):
    (finding,) = scan(SecretsScanner(), {**PACKAGE, ".env": f"X={GITHUB}\n"}).findings
    assert finding.message == "a GitHub token stands in the environment of this machine"
    assert finding.help.startswith("that is what the file is for; keep it out of version control")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("settings.ini", f"[server]\napi_key = {RANDOM}\n"),
        ("settings.yaml", f"server:\n  api_key: {RANDOM}\n"),
        ("settings.json", f'{{"server": 1,\n "apiKey": "{RANDOM}"}}\n'),
        ("settings.toml", f'[server]\nclient-secret = "{RANDOM}"\n'),
        (".env", f"A=1\nACME_API_KEY={RANDOM}\n"),
    ],
    ids=lambda value: value if "\n" not in value else "",
)
def test_a_random_value_with_a_telling_name_is_likely(scan, path, text):
    (found,) = places(scan(SecretsScanner(), {**PACKAGE, f"src/demo/{path}": text}))
    assert found[0].startswith(f"src/demo/{path}:2:")
    assert found[1:] == ("secrets/keyword", Severity.WARNING, Confidence.MEDIUM)


def test_a_private_key_is_reported_whole_and_its_header_alone_is_not(scan):
    files = {**PACKAGE, "src/demo/a.pem": KEY, "src/demo/b.txt": "look for -----BEGIN PRIVATE KEY----- in it\n"}
    (finding,) = scan(SecretsScanner(), files).findings
    assert (finding.rule, finding.location.path, finding.location.line) == ("secrets/private-key", "src/demo/a.pem", 1)
    assert finding.location.end_line > 1


LOCK = "".join(
    f'[[packages]]\nname = "p{number}"\nversion = "1.0"\n[[packages.wheels]]\n'
    f'name = "p{number}-1.0-py3-none-any.whl"\nurl = "https://files.example/p{number}-1.0-py3-none-any.whl"\n'
    f'hashes = {{sha256 = "{number:08x}9f8a4c1de77b20463a5f0c9b9f8a4c1de77b20463a5f0c9b12345a7b"}}\n'
    for number in range(40)
)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pylock.toml", f'lock-version = "1.0"\ncreated-by = "a test"\n{LOCK}'),
        (
            "requirements.txt",
            "demo==1.0 --hash=sha256:9f8a4c1de77b20463a5f0c9b9f8a4c1de77b20463a5f0c9b9f8a4c1de77b2046\n",
        ),
        (
            "package-lock.json",
            '{"integrity": "sha512-AKCq8Zt4vXw0LmB71nRkYcDSK0123456789abcdef0123456789abcdefq8Zt4vXw0LmB=="}\n',
        ),
        ("uv.lock", 'secret = "q8Zt4vXw0LmB71nRkYcD"\n'),
        (".secrets.baseline", '{"hashed_secret": "9f8a4c1de77b20463a5f0c9b9f8a4c1de77b2046"}\n'),
        ("README.md", "export ACME_API_KEY=your-api-key-here-123\nTOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"),
        ("aws.md", "the key is AKIAIOSFODNN7EXAMPLE, the secret wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n"),
        (
            "config.yaml",
            "password: ${DB_PASSWORD}\napi_key: '{{ api_key }}'\nsecret_key: <your key>\nclient_secret: changeme\n",
        ),
        (
            "ids.json",
            '{"id": "550e8400-e29b-41d4-a716-446655440000", "commit": "9f8a4c1de77b20463a5f0c9b9f8a4c1de77b2046"}\n',
        ),
        (
            "compose.yaml",
            "url: postgresql://demo:Kq02mVx9LwT7@localhost:5432/demo\nother: redis://x:Kq02mVx9LwT7@redis:6379\n",
        ),
        (
            "image.svg",
            '<image href="data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4"/>\n',
        ),
        ("jwt.py", 'HEADER = "eyJ"\nPASSWORD_FIELD = "password_field_name_01"\n'),
    ],
    ids=lambda value: value if "\n" not in value else "",
)
@pytest.mark.parametrize("folder", ["", "src/demo/"], ids=["beside", "shipped"])
def test_digests_examples_templates_and_names_are_no_secrets(scan, path, text, folder):
    result = scan(SecretsScanner(), {**PACKAGE, folder + path: text})
    assert places(result) == []
    assert result.failures == ()


def test_nothing_in_the_target_silences_it(scan):
    result = scan(
        SecretsScanner(),
        {
            **PACKAGE,
            "src/demo/a.py": f'X = "{GITHUB}"  # pragma: allowlist secret\n',
            "src/demo/b.yaml": f"# pragma: allowlist nextline secret\nx: {GITHUB}\n",
            "src/demo/swagger.json": f'{{"x": "{GITHUB}"}}\n',
            "src/demo/poetry.lock": f'x = "{GITHUB}"\n',
            "src/demo/style.css": f"/* {GITHUB} */\n",
            ".secrets.baseline": json.dumps(
                {"version": "1.5.0", "plugins_used": [], "filters_used": [], "results": {}}
            ),
            "pyproject.toml": '[project]\nname = "demo"\nversion = "1.0"\n[tool.detect-secrets]\nexclude = ".*"\n',
        },
    )
    assert [str(finding.location) for finding in result.findings] == [
        "src/demo/a.py:1:6",
        "src/demo/b.yaml:2:4",
        "src/demo/poetry.lock:1:6",
        "src/demo/style.css:1:4",
        "src/demo/swagger.json:1:8",
    ]


def test_two_detectors_on_one_value_are_one_finding_and_two_values_are_two(scan):
    files = {**PACKAGE, "src/demo/a.toml": f'github_api_key = "{GITHUB}"\nx = ["{GITHUB}", "{AWS}"]\n'}
    assert [(str(found.location), found.rule) for found in scan(SecretsScanner(), files).findings] == [
        ("src/demo/a.toml:1:19", "secrets/github-token"),
        ("src/demo/a.toml:2:7", "secrets/github-token"),
        ("src/demo/a.toml:2:51", "secrets/aws-access-key-id"),
    ]


def test_every_file_is_accounted_for(scan):
    files = {
        **PACKAGE,
        "src/demo/logo.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        "data/large.csv": "1,2,3\n" * 100_000,
        "windows.env": f"KEY={GITHUB}\n".encode("utf-16"),
        "latin.txt": b"caf\xe9 " + GITHUB.encode(),
    }
    result = scan(SecretsScanner(), files)
    states = {entry.path: (entry.state, entry.reason) for entry in result.coverage.entries}
    assert states == {
        "src/demo/__init__.py": (State.ANALYSED, ""),
        "pyproject.toml": (State.ANALYSED, ""),
        "windows.env": (State.ANALYSED, ""),
        "latin.txt": (State.ANALYSED, ""),
        "src/demo/logo.png": (State.SKIPPED, "not text"),
        "data/large.csv": (State.SKIPPED, "larger than 512 KiB"),
    }
    assert [str(finding.location) for finding in result.findings] == ["latin.txt:1:6", "windows.env:1:5"]


def test_hostile_names_and_contents_are_looked_at_like_any_other(scan):
    files = {
        **PACKAGE,
        "src/demo/-rf.txt": GITHUB,
        "src/demo/a b\n.txt": GITHUB,
        "src/demo/ü.yaml": f"x: {GITHUB}",
        "src/demo/bomb.yaml": "a: &a [x]\n" + "b: [*a, *a]\n" * 50 + f"? !!python/object/apply:os.system [{GITHUB}]\n",
        "src/demo/long.js": "x=1;" * 30_000 + GITHUB + ";y=2" * 3000,
        "src/demo/nested.json": "[" * 20_000 + f'"{GITHUB}"',
    }
    result = scan(SecretsScanner(), files)
    assert result.failures == ()
    assert {finding.location.path for finding in result.findings} == set(files) - set(PACKAGE)


def test_it_runs_out_of_time_as_a_failure(scan):
    slow = {f"src/demo/m{number}.txt": "password = x\n" * 30_000 for number in range(8)}
    result = scan(SecretsScanner(), {**PACKAGE, **slow}, timeout=0.5)
    assert "did not finish" in result.failures[0].reason
    assert "detect_secrets scan" in result.failures[0].help
    assert {entry.state for entry in result.coverage.entries} == {State.FAILED}


def test_no_finding_holds_what_it_found(scan):
    files = {
        **PACKAGE,
        "src/demo/a.yaml": f"x: {GITHUB}\nurl: https://reader:Kq02mVx9LwT7@db.acme.io/x\npassword: {RANDOM}\n",
        "src/demo/b.pem": KEY,
    }
    result = scan(SecretsScanner(), files)
    assert len(result.findings) == 4
    said = repr(result)
    assert not any(secret in said for secret in (GITHUB, RANDOM, "Kq02mVx9LwT7", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"))
