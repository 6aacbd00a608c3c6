"""In a rehearsal nothing leaves this machine."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.privacy import OutsideConnectionError, forget_settings, loopback_only, private_folder
from sandbox.stack.stack import ROOT


def test_connections_to_others_are_refused_and_noted() -> None:
    with loopback_only() as refused:
        with pytest.raises(OutsideConnectionError):
            socket.create_connection(("192.0.2.1", 443), timeout=1)
        with pytest.raises(OutsideConnectionError):
            socket.getaddrinfo("api.stripe.com", 443)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram, pytest.raises(OutsideConnectionError):
            datagram.sendto(b"x", ("192.0.2.2", 53))
    assert refused == ["192.0.2.1", "api.stripe.com", "192.0.2.2"]


def test_this_machine_can_be_reached_and_its_own_name_is_no_offence() -> None:
    with loopback_only() as refused, socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
        socket.getaddrinfo("localhost", 80)
        socket.getfqdn("a-name-of-ours.example")  # as mail clients do; answered without a look-up
    assert refused == []


def test_settings_of_the_real_world_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        for name in ("BILLING_STRIPE_API_KEY", "billing_ledger_url", "Temporal_Address", "HTTPS_PROXY", "all_proxy"):
            patched.setenv(name, "x")
        patched.setenv("TEMPORAL_CONFIG_FILE", "x")
        forget_settings()
        left = {
            name for name in os.environ if name.upper().startswith(("BILLING_", "TEMPORAL_")) or "proxy" in name.lower()
        }
        assert left - {"no_proxy", "NO_PROXY", "BILLING_DEBUG"} == {"TEMPORAL_CONFIG_FILE"}


def test_mails_are_for_nobody_else_also_in_a_folder_that_was_there(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir(mode=0o755)
    private_folder(tmp_path / "kept")
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700


def test_a_part_ends_with_the_command_however_that_ends() -> None:
    """A killed process says nothing; but what it holds is closed."""
    code = "import time; from sandbox.rehearsal.parts import end_with_parent; end_with_parent(); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE) as part:
        assert part.stdin is not None
        part.stdin.close()
        assert part.wait(timeout=60) == 1
