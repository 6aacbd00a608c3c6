"""The commands of docs/orders.md, one after the other as they are written, beside a real ``starter.py up``."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.stack.ports import Ports, free_port
from sandbox.stack.processes import Child, logged
from sandbox.stack.stack import free_temporal_port

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "orders.md").read_text()
COMMANDS = DOCUMENT.partition("\n## Commands")[2].partition("\n## ")[0]
SHOP = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
(SECRET,) = re.findall(r"`(SECRET=\S+)`", DOCUMENT)

pytestmark = pytest.mark.limit(600)
Typed = dict[str, str]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a stack that is up."""
    folder = tmp_path_factory.mktemp("up") / "data"
    ports = {name: str(free_port()) for name in (*Ports.settings(), "console_port")}
    environment = {f"BILLING_{name.upper()}": port for name, port in ports.items()}
    environment |= {"TEMPORAL_ADDRESS": f"127.0.0.1:{free_temporal_port()}", "NO_COLOR": "1"}
    command = [sys.executable, "starter.py", "up", "--data-dir", str(folder)]
    log = folder.parent / "up.log"
    child = Child("up", command, log=log, ready=logged("Ctrl-C ends it"), env=environment, cwd=ROOT)
    child.ready_timeout_seconds = 240
    with asyncio.Runner() as runner:
        runner.run(child.start())
        try:
            yield folder
        finally:
            runner.run(child.stop())


@pytest.fixture(scope="module")
def typed(up: Path) -> Typed:
    """What a shell in the project's folder answers to each command; the first that fails ends it."""
    blocks = [*re.findall(r"^```\n(.*?)^```", COMMANDS, re.MULTILINE | re.DOTALL), f"{SECRET}\n{SHOP[0]}"]
    script = "\n".join(["set -e", *map(_announced, blocks)]).replace(" data/", f" {up}/")
    environment = {"PATH": os.environ["PATH"], "HOME": str(up), "COLUMNS": "200", "NO_COLOR": "1"}
    shell = ["bash", "-c", script]
    run = subprocess.run(shell, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500)
    assert run.returncode == 0, run.stdout + run.stderr
    parts = re.split(r"^\$ (.*)$", run.stdout, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _announced(block: str) -> str:
    """Each command, after a line that names it."""
    commands = block.replace("\\\n", "").splitlines()
    return "\n".join(f"printf '\\n$ %s\\n' {_quoted(command)}\n{command}" for command in commands)


def _quoted(command: str) -> str:
    return "'" + " ".join(command.replace("'", "").split()) + "'"


def _answer(typed: Typed, start: str, *words: str) -> str:
    """To the last command that begins like this and has these words."""
    own = [
        answer for command, answer in typed.items() if command.startswith(start) and all(w in command for w in words)
    ]
    assert own, f"{start!r} with {words} is none of {list(typed)}"
    return own[-1]


def test_a_callback_by_curl_releases_an_order_and_show_says_so(typed: Typed) -> None:
    assert '"status":"accept"' in _answer(typed, "curl", "webhooks/wayforpay")
    assert "released for production" in _answer(typed, "python starter.py orders show 1042")


def test_an_order_is_opened_halted_and_amended_before_it_is_paid(typed: Typed) -> None:
    assert "opened" in _answer(typed, "python starter.py orders open 1042")
    assert "A. Nowak (nowak)" in _answer(typed, "python starter.py orders list")
    assert "http://127.0.0.1:" in _answer(typed, "python starter.py orders link")
    assert "amended to version 2, 120.00 EUR" in _answer(typed, "python starter.py orders amend")


def test_a_transfer_ships_it_and_a_refused_release_is_sent_again(typed: Typed) -> None:
    assert "Fulfilled" in _answer(typed, "until", "1042")
    assert "refuses: 410" in _answer(typed, "until", "1043", "refuses")
    assert "Fulfilled" in _answer(typed, "until", "1043", "Fulfilled")


def test_a_cancelled_orders_transfer_waits_for_somebody_who_gives_it_back(typed: Typed) -> None:
    assert "give it back by hand" in _answer(typed, "python starter.py orders cancel 1044")
    assert "100.00 EUR" in _answer(typed, "python starter.py payments proposals")


def test_orders_come_from_a_file_and_from_the_shop(typed: Typed) -> None:
    assert "1 opened" in _answer(typed, "python starter.py orders import", "--by ann")
    assert '"price_minor":9000' in _answer(typed, "curl", "--json")
    assert '"stage":"AwaitingPayment"' in _answer(typed, "curl", "/orders/1046")
