"""Ports that are chosen for servers: nobody else gets one before its server is there."""

import socket
import subprocess
import sys

import pytest

from sandbox.stack.ports import HOST, free_port, is_taken, reserve
from sandbox.stack.stack import UI_PORT_DISTANCE, free_temporal_port


def test_a_port_that_is_kept_is_not_given_away_again_but_its_server_gets_it() -> None:
    port = free_port()
    assert not reserve(port)
    assert not is_taken(port)
    with socket.create_server((HOST, port)):
        assert is_taken(port)
        assert not reserve(port)


def test_another_process_does_not_get_it_either() -> None:
    ask = "import sys; from sandbox.stack.ports import reserve; sys.exit(reserve(int(sys.argv[1])))"
    assert subprocess.run([sys.executable, "-c", ask, str(free_port())], check=False).returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says its range there")
def test_no_outgoing_connection_is_given_it() -> None:
    with open("/proc/sys/net/ipv4/ip_local_port_range") as given:
        first = int(given.read().split()[0])
    assert all(free_port() < first for _ in range(50))


def test_the_port_of_temporals_page_is_kept_as_well() -> None:
    assert not reserve(free_temporal_port() + UI_PORT_DISTANCE)
