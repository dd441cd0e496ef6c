"""Each issuer's format is found in a text file, and a little less than it is not. The keys are made up here."""

import base64
import json
import random
import string

from theodore_plugin.finding import Severity
from theodore_plugin.scanners.secrets import SecretsScanner

CHANCE = random.Random(20)
WORDS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def some(length, alphabet=WORDS):
    return "".join(CHANCE.choice(alphabet) for _ in range(length))


def token(**claims):
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256"}, {"sub": "4711", **claims})]
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), some(43)])


CERTAIN = {
    "aws-access-key-id": "AKIA" + some(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    "aws-secret-key": f'aws_secret_key = "{some(39, WORDS + "+/")}9"',
    "anthropic-key": "sk-ant-api03-" + some(95),
    "azure-storage-key": f"AccountKey={some(86, WORDS + '+/')}==",
    "databricks-token": "dapi" + some(32, HEX),
    "digitalocean-token": "dop_v1_" + some(64, HEX),
    "github-token": "github_pat_" + some(22) + "_" + some(59),
    "gitlab-token": "glpat-" + some(20),
    "google-api-key": "AIza" + some(35),
    "google-oauth-secret": "GOCSPX-" + some(28),
    "hugging-face-token": "hf_" + some(34, string.ascii_letters),
    "npm-token": "npm_" + some(36),
    "openai-key": "sk-proj-" + some(30) + "T3BlbkFJ" + some(30),
    "pypi-token": "pypi-AgEIcHlwaS5vcmc" + some(100),
    "sendgrid-key": f"SG.{some(22)}.{some(43)}",
    "shopify-token": "shpat_" + some(32, HEX),
    "slack-token": f"xoxb-{some(12, string.digits)}-{some(12, string.digits)}-{some(24)}",
    "slack-webhook": f"https://hooks.slack.com/services/T{some(9, HEX).upper()}/B{some(9, HEX).upper()}/{some(24)}",
    "square-oauth-secret": "sq0csp-" + some(43),
    "stripe-key": "sk_live_" + some(24),
    "telegram-bot-token": f"{some(9, '123456789')}:AA{some(33)}",
}
LIKELY = {
    "artifactory-credential": f'"AKC{some(20)}"',
    "json-web-token": token(),
    "mailchimp-key": f"{some(32, HEX)}-us7",
    "discord-bot-token": f"M{some(23)}.{some(6)}.{some(27)}",
}


def found(scan, values):
    """Search one shipped file for each value; return what was found in each."""
    files = {f"src/demo/{name}.txt": f"here it is: {value}\n" for name, value in values.items()}
    result = scan(SecretsScanner(), {"src/demo/__init__.py": "", **files})
    by_name = {name: [] for name in values}
    for one in result.findings:
        by_name[one.location.path.removeprefix("src/demo/").removesuffix(".txt")].append((one.rule, one.severity))
    return by_name


def test_what_only_an_issuer_writes_is_an_error(scan):
    assert found(scan, CERTAIN) == {name: [(f"secrets/{name}", Severity.ERROR)] for name in CERTAIN}


def test_half_of_it_is_nothing(scan):
    halves = {name: value[: len(value) // 2] for name, value in CERTAIN.items()}
    assert found(scan, halves) == {name: [] for name in halves}


def test_what_others_write_too_is_a_warning(scan):
    assert found(scan, LIKELY) == {name: [(f"secrets/{name}", Severity.WARNING)] for name in LIKELY}


def test_inside_something_longer_it_is_no_error(scan):
    with_edges = {"aws-secret-key", "azure-storage-key", "slack-webhook"}  # their surroundings are part of the format
    values = {name: f"x9Kd{value}Qz7" for name, value in {**CERTAIN, **LIKELY}.items() if name not in with_edges}
    errors = {name: [one for one in ones if one[1] is Severity.ERROR] for name, ones in found(scan, values).items()}
    assert errors == {name: [] for name in values}
