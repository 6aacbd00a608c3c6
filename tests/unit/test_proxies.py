"""What is believed of a reverse proxy, and what of everybody else."""

from ipaddress import ip_network

import pytest
from fastapi import Request

from process.proxies import TrustedProxies

PROXIES = TrustedProxies([ip_network("10.0.0.0/24"), ip_network("fd00::/8")], "X-Forwarded-User")


def request(peer: str | None, *headers: tuple[str, str]) -> Request:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    return Request({"type": "http", "headers": raw, "client": (peer, 1) if peer is not None else None})


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.9"], "203.0.113.7"),
        ("10.0.1.1", ["198.51.100.9"], "10.0.1.1"),
        ("10.0.0.7", ["198.51.100.9"], "198.51.100.9"),
        ("::ffff:10.0.0.7", ["198.51.100.9"], "198.51.100.9"),
        ("10.0.0.7", ["1.1.1.1, 198.51.100.9"], "198.51.100.9"),
        ("10.0.0.7", ["1.1.1.1", "198.51.100.9, 10.0.0.8"], "198.51.100.9"),
        ("10.0.0.7", ["1.2.3.4:5678"], "1.2.3.4"),
        ("10.0.0.7", ["[2001:db8:1:2::9]:80"], "2001:db8:1:2::/64"),
        ("10.0.0.7", ["[2001:db8:1:2::9]"], "2001:db8:1:2::/64"),
        ("10.0.0.7", ["1.1.1.1, 10.0.0.8:1234"], "1.1.1.1"),
        ("10.0.0.7", ["1.2.3.4:"], "10.0.0.7"),
        ("10.0.0.7", ["1.2.3.4:5678:9"], "10.0.0.7"),
        ("10.0.0.7", ["[1.2.3.4"], "10.0.0.7"),
        ("10.0.0.7", ["10.0.0.8"], "10.0.0.8"),
        ("10.0.0.7", ["nonsense"], "10.0.0.7"),
        ("10.0.0.7", ["1.1.1.1, nonsense, 10.0.0.8"], "10.0.0.8"),
        ("10.0.0.7", [], "10.0.0.7"),
        ("fd00::1", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", [], "2001:db8:1:2::/64"),
        ("testclient", ["198.51.100.9"], "unknown"),
        (None, ["198.51.100.9"], "unknown"),
    ],
)
def test_the_client_is_the_last_one_whom_no_trusted_proxy_vouches_for(
    peer: str | None, forwarded: list[str], client: str
) -> None:
    assert PROXIES.client(request(peer, *(("X-Forwarded-For", each) for each in forwarded))) == client


@pytest.mark.parametrize(("peer", "user"), [("10.0.0.7", "ann"), ("10.0.1.1", ""), ("", ""), (None, "")])
def test_a_user_is_named_by_a_trusted_proxy_only(peer: str | None, user: str) -> None:
    named = request(peer, ("X-Forwarded-User", "ann"), ("X-Forwarded-For", "10.0.0.7"))
    assert PROXIES.user(named) == user
    assert TrustedProxies([ip_network("10.0.0.0/8")]).user(named) == ""


def test_two_names_are_none() -> None:
    assert PROXIES.user(request("10.0.0.7", ("X-Forwarded-User", "ann"), ("x-forwarded-user", "carol"))) == ""
