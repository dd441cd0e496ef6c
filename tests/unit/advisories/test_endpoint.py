"""The endpoint, asked as auditors ask, and as they do not."""

import http.client
import json
import socket
import sqlite3
import urllib.error
import urllib.request

import pytest

from theodore_plugin.advisories.endpoint import serve, url


@pytest.fixture
def port(database_of, record):
    events = ({"introduced": "0"}, {"fixed": "1.5"}, {"introduced": "2.0"}, {"fixed": "later"})
    more = record("other", events=({"introduced": "2"}, {"fixed": "3"}))["affected"]
    found = record("Demo.Package", events=events, aliases=["CVE-1"], summary="bad")
    found["affected"] += record("demo-package", events=({"introduced": "0"}, {"fixed": "1.4"}))["affected"] + more
    with serve(database_of(found)) as number:
        yield number


def post(port, body, path="/v1/query"):
    request = urllib.request.Request(url(port).replace("/v1/query", path), data=body, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as problem:
        with problem:
            return problem.code, json.loads(problem.read())


def query(name="demo-package", version="1.0", ecosystem="PyPI"):
    return json.dumps({"package": {"name": name, "ecosystem": ecosystem}, "version": version}).encode()


def test_an_answer_holds_all_fixed_versions_under_the_name_that_was_asked_for(port):
    status, answer = post(port, query("demo_package"))
    (found,) = answer["vulns"]
    assert (status, found["id"], found["aliases"], found["summary"]) == (200, "PYSEC-1", ["CVE-1"], "bad")
    (affected,) = found["affected"]
    assert affected["package"]["name"] == "demo_package"
    assert [event["fixed"] for event in affected["ranges"][0]["events"][1:]] == ["1.4", "1.5"]


def test_a_version_that_is_not_affected_gets_an_empty_answer(port):
    assert post(port, query(version="1.6")) == (200, {})
    assert post(port, query("unheard-of")) == (200, {})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"package": 1}',
        query(ecosystem="npm"),
        query(version=None),
        query(name=[]),
        b"[" * 60_000,
    ],
    ids=["empty", "cut", "list", "no utf-8", "no package", "npm", "no version", "name is a list", "deep"],
)
def test_what_is_no_query_is_refused_and_the_next_one_answered(port, body):
    assert post(port, body)[0] == 400
    assert post(port, query())[0] == 200


def test_only_one_path_exists(port):
    assert post(port, query(), "/v1/querybatch")[0] == 400


def test_one_connection_serves_many_questions(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(20):
        connection.request("POST", "/v1/query", query())
        assert json.loads(connection.getresponse().read())["vulns"]
    connection.close()


@pytest.mark.parametrize("length", ["-1", "x", "99999999", "٣"])
def test_a_length_that_is_none_is_refused_without_reading(port, length):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as link:
        link.sendall(f"POST /v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        assert link.recv(100).startswith(b"HTTP/1.1 400")


def test_a_client_that_goes_away_disturbs_nobody(port):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as link:
        link.sendall(b"POST /v1/query HTTP/1.1\r\nContent-Length: 50\r\n\r\nhalf")
    assert post(port, query())[0] == 200


def test_a_database_that_cannot_be_read_is_an_error_and_not_an_empty_answer(database_of, record):
    database = database_of(record(versions=["1.0"]))
    with serve(database) as port:
        database.close()
        status, answer = post(port, query())
    assert (status, "cannot be read" in answer["message"]) == (500, True)
    with pytest.raises(sqlite3.Error):
        database.affecting("demo", "1.0")


def test_the_endpoint_is_gone_after_the_block(database_of, record):
    with serve(database_of(record())) as port:
        pass
    with pytest.raises(urllib.error.URLError):
        post(port, query())
