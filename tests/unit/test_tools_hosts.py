"""Which hosts a policy lets the web tools reach."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from pydantic import ValidationError

from notebook_executor.tools.hosts import WebRules, is_public


def _allows(rules: list[str], host: str, port: int = 443) -> bool:
    return WebRules(hosts=tuple(rules)).allows_host(host, port)


@pytest.mark.parametrize(
    ("rule", "host"),
    [
        ("example.org", "example.org"),
        ("EXAMPLE.org.", "example.org"),
        ("*.example.org", "a.example.org"),
        ("*.example.org", "a.b.example.org"),
        ("*", "anything.example"),
        ("*", "8.8.8.8"),
        ("example.org:443", "example.org"),
        ("127.0.0.1", "127.0.0.1"),
        ("10.0.0.0/8", "10.1.2.3"),
        ("[::1]:443", "::1"),
        ("fd00::/8", "fd00::1"),
    ],
)
def test_a_rule_allows(rule: str, host: str) -> None:
    assert _allows([rule], host)


@pytest.mark.parametrize(
    ("rule", "host"),
    [
        ("example.org", "www.example.org"),
        ("example.org", "example.org.evil.example"),
        ("example.org", "evilexample.org"),
        ("*.example.org", "example.org"),
        ("*.example.org", "evilexample.org"),
        ("example.org:8443", "example.org"),
        ("*", "127.0.0.1"),
        ("*", "169.254.169.254"),
        ("*", "::1"),
        ("10.0.0.0/8", "11.0.0.1"),
        ("10.0.0.0/8", "internal.example"),
    ],
)
def test_a_rule_does_not_allow(rule: str, host: str) -> None:
    assert not _allows([rule], host)


def test_no_rule_allows_nothing() -> None:
    assert not _allows([], "example.org")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fd00::1",
        "fe80::1",
        "ff02::1",
    ],
)
def test_an_address_that_is_not_public_has_to_be_named(address: str) -> None:
    assert not is_public(ip_address(address))
    for rules in (["*"], ["internal.example"], ["localhost"], ["198.51.100.0/24"]):
        known = WebRules(hosts=tuple(rules))
        assert not known.allows_address("internal.example", address, 443)
    named = WebRules(hosts=("internal.example", "127.0.0.0/8"))
    assert named.allows_address("internal.example", "127.0.0.1", 443)


def test_localhost_means_this_machine_when_it_is_named() -> None:
    rules = WebRules(hosts=("localhost:8080",))
    assert rules.allows_address("localhost", "127.0.0.1", 8080)
    assert rules.allows_address("localhost", "::1", 8080)
    assert not rules.allows_address("localhost", "127.0.0.1", 80)
    assert not rules.allows_address("localhost", "10.0.0.1", 8080)
    assert not rules.allows_address("other.example", "127.0.0.1", 8080)


def test_public_addresses_need_no_more_than_their_name() -> None:
    assert WebRules(hosts=("example.org",)).allows_address("example.org", "93.184.216.34", 443)
    assert is_public(ip_address("2606:4700::1111"))
    assert is_public(ip_address("::ffff:8.8.8.8"))


@pytest.mark.parametrize(
    "host", ["", "http://x", "a b", "*.*", "x:0", "x:99999", "10.1.2.3/8", "é.example", "a..b"]
)
def test_a_rule_that_is_a_mistake_is_found_when_it_is_read(host: str) -> None:
    with pytest.raises(ValidationError, match="hosts"):
        WebRules(hosts=(host,))


@pytest.mark.parametrize("search", ["", "google", "ftp://x", "ddgs: x"])
def test_a_place_to_search_that_is_none_is_found_when_it_is_read(search: str) -> None:
    with pytest.raises(ValidationError, match="search"):
        WebRules(search=search)
