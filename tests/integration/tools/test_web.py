"""Searching and reading the web: against a real server, which the policy has to name."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notebook_executor.errors import ToolDeniedError, ToolError
from notebook_executor.tools.builtin import providers
from notebook_executor.tools.builtin.fetching import Fetcher
from tests.integration.tools import redirected_ddgs
from tests.integration.tools.web_server import Server, served
from tests.tool_calls import call_builtin, new_call, run_call


@pytest.fixture
def server() -> Iterator[Server]:
    with served() as made:
        yield made


def _policy(*hosts: str, **web: Any) -> dict[str, Any]:
    return {"web": {"hosts": list(hosts), **web}}


def _extract(place: Path, server: Server, *paths: str, **arguments: Any) -> list[dict[str, str]]:
    urls = [f"http://{server.address}{path}" for path in paths]
    policy = _policy(server.address)
    told = call_builtin("web_extract", place, policy, urls=urls, **arguments)
    results: list[dict[str, str]] = told["results"]
    assert [one["url"] for one in results] == urls
    return results


def _fetcher(place: Path, policy: dict[str, Any], addresses: dict[str, list[str]]) -> Fetcher:
    call = new_call("web_extract", place, policy)
    return Fetcher(call, lambda host, port: addresses[host])


# Pages


def test_a_page_becomes_markdown_without_what_surrounds_it(tmp_path: Path, server: Server) -> None:
    (page,) = _extract(tmp_path, server, "/article")
    assert page["title"] == "Orders of the day"
    assert "904 parcels" in page["content"]
    assert "second paragraph" in page["content"]
    assert "<p>" not in page["content"]
    assert "Imprint" not in page["content"]
    assert page["error"] == ""


def test_text_is_taken_as_it_is(tmp_path: Path, server: Server) -> None:
    plain, data = _extract(tmp_path, server, "/plain", "/json")
    assert (plain["content"], data["content"]) == ("café", '{"a": 1}')


def test_one_that_fails_does_not_fail_the_others(tmp_path: Path, server: Server) -> None:
    paths = ("/none", "/image", "/loop", "/huge", "/redirect?to=/article")
    missing, image, loop, huge, article = _extract(tmp_path, server, *paths)
    assert missing["error"] == "the server answers with status 404"
    assert image["error"] == "it is image/png, which is no text"
    assert "more than 5 times" in loop["error"]
    assert "larger than" in huge["error"]
    assert "904 parcels" in article["content"]


def test_a_long_page_is_cut_and_a_file_has_the_whole(tmp_path: Path, server: Server) -> None:
    (page,) = _extract(tmp_path, server, "/long", char_limit=1000)
    (whole,) = (tmp_path / "outputs").iterdir()
    assert whole.read_text() == "0123456789" * 10_000
    assert f"[… 99000 characters left out; all is in {whole} …]" in page["content"]
    assert len(page["content"]) < 1300


def test_a_server_that_does_not_come_to_an_end_is_left(tmp_path: Path, server: Server) -> None:
    url = f"http://{server.address}/stuck"
    call = new_call("web_extract", tmp_path, _policy(server.address), urls=[url])
    call.cancelled.set()
    (page,) = run_call(call)["results"]
    assert "takes too long" in page["error"]
    (page,) = run_call(call._replace(deadline=0.0))["results"]
    assert "takes too long" in page["error"]


def test_nobody_there_is_an_error(tmp_path: Path) -> None:
    with served() as server:
        address = server.address
    told = call_builtin("web_extract", tmp_path, _policy(address), urls=[f"http://{address}/"])
    assert "cannot be read" in told["results"][0]["error"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "ftp://example.org/",
        "file:///etc/passwd",
        "http://",
        "http://u:p@x/",
        "\0",
    ],
)
def test_what_is_no_address_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ToolError):
        call_builtin("web_extract", tmp_path, _policy("*"), urls=[url])


# Hosts


def test_no_host_is_reached_that_the_policy_does_not_name(tmp_path: Path, server: Server) -> None:
    url = f"http://{server.address}/article"
    for hosts in ([], ["*"], ["localhost"], ["example.org"], [f"127.0.0.1:{server.port - 1}"]):
        with pytest.raises(ToolDeniedError, match="does not allow the host"):
            call_builtin("web_extract", tmp_path, _policy(*hosts), urls=[url])
    assert server.asked == []


@pytest.mark.parametrize("name", ["2130706433", "127.1", "0x7f.1", "localhost"])
def test_another_way_to_write_this_machine_is_none(
    tmp_path: Path, server: Server, name: str
) -> None:
    urls = [f"http://{name}:{server.port}/article"]
    told = call_builtin("web_extract", tmp_path, _policy("*"), urls=urls)
    assert "not a public one" in told["results"][0]["error"]
    assert server.asked == []


@pytest.mark.parametrize("to", ["http://localhost:{port}/article", "http://[::1]:{port}/article"])
def test_a_redirect_is_judged_like_an_address(tmp_path: Path, server: Server, to: str) -> None:
    target = to.format(port=server.port)
    (page,) = _extract(tmp_path, server, f"/redirect?to={target}")
    assert "does not allow the host" in page["error"]
    (page,) = _extract(tmp_path, server, "/redirect?to=file:///etc/passwd")
    assert page["error"]
    assert not any("article" in asked.split("?")[0] for asked in server.asked)


def test_a_name_that_leads_into_a_private_network_is_denied(tmp_path: Path, server: Server) -> None:
    known = {"public.example": ["127.0.0.1"], "mixed.example": ["93.184.216.34", "10.0.0.1"]}
    with _fetcher(tmp_path, _policy("*"), known) as fetcher:
        for host, address in (("public.example", "127.0.0.1"), ("mixed.example", "10.0.0.1")):
            with pytest.raises(ToolDeniedError, match=f"{address}, which is not a public one"):
                fetcher.get(f"http://{host}:{server.port}/article")
    assert server.asked == []


def test_a_name_is_resolved_once_and_that_address_is_connected_to(
    tmp_path: Path, server: Server
) -> None:
    """A name server that gives another answer the second time does not get a second time."""
    answers = [["127.0.0.1"], ["127.0.0.2"]]
    call = new_call("web_extract", tmp_path, _policy("rebound.example", "127.0.0.1"))
    with Fetcher(call, lambda host, port: answers.pop(0)) as fetcher:
        page = fetcher.get(f"http://rebound.example:{server.port}/article")
    assert page.status == 200
    assert answers == [["127.0.0.2"]]
    assert server.asked == [f"rebound.example:{server.port} /article"]


def test_an_address_that_does_not_answer_is_not_the_last(tmp_path: Path, server: Server) -> None:
    known = {"two.example": ["127.0.0.3", "127.0.0.1"]}
    policy = _policy("two.example", "127.0.0.0/8")
    with _fetcher(tmp_path, policy, known) as fetcher:
        assert fetcher.get(f"http://two.example:{server.port}/json").content == b'{"a": 1}'


def test_proxies_of_the_environment_are_not_used(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    (page,) = _extract(tmp_path, server, "/plain")
    assert page["content"] == "café"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_certificate_has_to_be_that_of_the_name(tmp_path: Path) -> None:
    certificate = tmp_path / "both.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=shop.example"
    names = ["-addext", "subjectAltName=DNS:shop.example"]
    files = ["-keyout", "key.pem", "-out", "cert.pem"]
    command = ["openssl", *words.split(), *names, *files]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    text = (tmp_path / "key.pem").read_text() + (tmp_path / "cert.pem").read_text()
    certificate.write_text(text)
    call = new_call("web_extract", tmp_path, _policy("*.example", "127.0.0.1"))
    trusted = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    with served(str(certificate)) as server:
        with Fetcher(call, lambda host, port: ["127.0.0.1"], trusted) as fetcher:
            assert fetcher.get(f"https://shop.example:{server.port}/json").status == 200
            for host in ("other.example", "127.0.0.1"):
                with pytest.raises(ToolError, match="certificate verify failed"):
                    fetcher.get(f"https://{host}:{server.port}/json")
        untrusting = Fetcher(call, lambda host, port: ["127.0.0.1"])
        with untrusting, pytest.raises(ToolError, match="certificate verify failed"):
            untrusting.get(f"https://shop.example:{server.port}/json")


# Searches


def _search(place: Path, server: Server, query: str, **arguments: Any) -> dict[str, Any]:
    policy = _policy(server.address, search=f"http://{server.address}/")
    told: dict[str, Any] = call_builtin("web_search", place, policy, query=query, **arguments)
    return told


def test_searxng_is_asked(tmp_path: Path, server: Server) -> None:
    told = _search(tmp_path, server, "late parcels & more", limit=2)
    assert told == {
        "success": True,
        "data": {
            "web": [
                {
                    "url": f"https://example.org/{number}",
                    "title": f"Title {number}",
                    "description": f"About {number}",
                    "position": number,
                }
                for number in (1, 2)
            ]
        },
    }
    assert server.asked == [f"{server.address} /search?q=late+parcels+%26+more&format=json"]
    assert _search(tmp_path, server, "nothing")["data"]["web"] == []


def test_a_searxng_that_answers_otherwise_is_an_error(tmp_path: Path, server: Server) -> None:
    with pytest.raises(ToolError, match="does not answer as SearXNG"):
        _search(tmp_path, server, "broken")
    with pytest.raises(ToolError, match="status 403") as refused:
        _search(tmp_path, server, "forbidden")
    assert "formats" in refused.value.hint
    with pytest.raises(ToolError, match="query is empty"):
        _search(tmp_path, server, " ")
    with pytest.raises(ToolError, match="limit"):
        _search(tmp_path, server, "x", limit=0)


def test_a_search_is_denied_where_its_host_is(tmp_path: Path, server: Server) -> None:
    for search in (f"http://{server.address}", "ddgs:brave"):
        policy = _policy("example.org", search=search)
        with pytest.raises(ToolDeniedError, match="does not allow the host"):
            call_builtin("web_search", tmp_path, policy, query="x")
    assert server.asked == []


def test_ddgs_is_asked(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "_METASEARCH", f"{redirected_ddgs.__name__}:search")
    told = call_builtin("web_search", tmp_path, _policy(server.address), query="late", limit=2)
    assert [one["url"] for one in told["data"]["web"]] == [
        "https://example.org/1",
        "https://example.org/2",
    ]
    assert told["data"]["web"][0]["title"] == "Title 1"
    (asked,) = server.asked
    assert asked.startswith(f"{server.address} /html/ ")
    assert "q=late" in asked


def test_an_engine_that_ddgs_does_not_know_is_said(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="no search engine 'altavista'"):
        call_builtin("web_search", tmp_path, _policy("*", search="ddgs:altavista"), query="x")
