"""The commands of docs/orders.md, rails.md and subscribers.md, as they are written, beside a real ``starter.py up``."""

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
ORDERS, RAILS, SUBSCRIBERS = (
    (ROOT / "docs" / name).read_text() for name in ("orders.md", "rails.md", "subscribers.md")
)
COMMANDS = ORDERS.partition("\n## Commands")[2].partition("\n## ")[0]
TRY_IT, TRY_SUBSCRIBERS = (text.partition("\n## Try it")[2].partition("\n## ")[0] for text in (RAILS, SUBSCRIBERS))
SHOP = re.findall(r"```sh\n(.*?)```", ORDERS, re.DOTALL)
(SECRET,) = re.findall(r"`(SECRET=\S+)`", ORDERS)

pytestmark = pytest.mark.limit(600)
Typed = list[tuple[str, str]]
"""Commands with their answers."""


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
def orders(up: Path) -> Typed:
    return _typed(up, *_blocks(COMMANDS), f"{SECRET}\n{SHOP[0]}")


@pytest.fixture(scope="module")
def rails(up: Path) -> Typed:
    return _typed(up, *_blocks(TRY_IT))


@pytest.fixture(scope="module")
def subscribers(up: Path) -> Typed:
    return _typed(up, *_blocks(TRY_SUBSCRIBERS))


def _blocks(text: str) -> list[str]:
    return re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def _typed(up: Path, *blocks: str) -> Typed:
    """What a shell in the project's folder answers to each command; the first that fails ends it."""
    script = "\n".join(["set -e", *map(_announced, blocks)]).replace(" data/", f" {up}/")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(up), "COLUMNS": "200", "NO_COLOR": "1"}
    shell = ["bash", "-c", script]
    run = subprocess.run(shell, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400)
    assert run.returncode == 0, run.stdout + run.stderr
    parts = re.split(r"^\$ (.*)$", run.stdout, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def _announced(block: str) -> str:
    """Each command, after a line that names it; what it is given goes with it."""
    commands = re.findall(r"^.*<<END\n(?:.*\n)*?END$|^.+$", block.replace("\\\n", ""), re.MULTILINE)
    named = ((command, command.partition("\n")[0]) for command in commands)
    return "\n".join(f"printf '\\n$ %s\\n' {_quoted(name)}\n{command}" for command, name in named)


def _quoted(command: str) -> str:
    return "'" + " ".join(command.replace("'", "").split()) + "'"


def _answers(typed: Typed, start: str, *words: str) -> list[str]:
    """To the commands that begin like this and have these words."""
    own = [answer for command, answer in typed if command.startswith(start) and all(word in command for word in words)]
    assert own, f"{start!r} with {words} is none of {[command for command, _ in typed]}"
    return own


def _answer(typed: Typed, start: str, *words: str) -> str:
    """To the last of them."""
    return _answers(typed, start, *words)[-1]


def test_a_callback_by_curl_releases_an_order_and_show_says_so(orders: Typed) -> None:
    assert '"status":"accept"' in _answer(orders, "curl", "webhooks/wayforpay")
    assert "released for production" in _answer(orders, "python starter.py orders show 1042")


def test_an_order_is_opened_halted_and_amended_before_it_is_paid(orders: Typed) -> None:
    assert "opened" in _answer(orders, "python starter.py orders open 1042")
    assert "A. Nowak (nowak)" in _answer(orders, "python starter.py orders list")
    assert "http://127.0.0.1:" in _answer(orders, "python starter.py orders link")
    assert "amended to version 2, 120.00 EUR" in _answer(orders, "python starter.py orders amend")


def test_a_transfer_ships_it_and_a_refused_release_is_sent_again(orders: Typed) -> None:
    assert "Fulfilled" in _answer(orders, "until", "1042")
    assert "refuses: 410" in _answer(orders, "until", "1043", "refuses")
    assert "Fulfilled" in _answer(orders, "until", "1043", "Fulfilled")


def test_a_cancelled_orders_transfer_waits_for_somebody_who_gives_it_back(orders: Typed) -> None:
    assert "give it back by hand" in _answer(orders, "python starter.py orders cancel 1044")
    assert "100.00 EUR" in _answer(orders, "python starter.py payments proposals")


def test_orders_come_from_a_file_and_from_the_shop(orders: Typed) -> None:
    assert "1 opened" in _answer(orders, "python starter.py orders import", "--by ann")
    assert '"price_minor":9000' in _answer(orders, "curl", "--json")
    assert '"stage":"AwaitingPayment"' in _answer(orders, "curl", "/orders/1046")


def test_a_callback_by_curl_releases_the_order_that_it_names_once(rails: Typed) -> None:
    first, again = _answers(rails, "curl", "webhooks/wayforpay")
    assert '"status":"accept"' in first
    assert again == first
    assert "released for production" in _answer(rails, "python starter.py orders show 1050")
    assert "19.90 EUR" in _answer(rails, "python starter.py payments show wayforpay DEMO-1")


def test_what_is_typed_at_the_static_page_finds_its_order_or_is_unmatched(rails: Typed) -> None:
    assert "WFP-BTN-1" in _answer(rails, "curl", "order=1050")
    assert "paid 25.50 EUR" in _answer(rails, "until", "1050")
    assert "WFP-BTN-2" in _answer(rails, "until", "--unmatched")


def test_a_link_that_is_paid_at_the_gateway_releases_its_order(rails: Typed) -> None:
    assert "303" in _answer(rails, "curl", "answer=pay")
    assert "Fulfilled" in _answer(rails, "until", "1051")
    assert '"expired_after"' in _answer(rails, "curl", "_control/callbacks/faults")


def test_a_banks_app_is_answered_in_each_dialect_and_repeats_alike(rails: Typed) -> None:
    paid = '{"txn_id":"1","prv_txn_id":"1","result":0,"sum":"12.50","comment":"OK"}'
    assert [answer.strip() for answer in _answers(rails, "curl", "bank-app?command=pay")] == [paid, paid]
    assert '"result":0,"sum":' in _answer(rails, "curl", "bank-app?command=check")
    assert "<result>0</result>" in _answer(rails, "curl", "bank-app.xml")
    assert "<prv_txn>2</prv_txn>" in _answer(rails, "curl", "command=pay", "terminals")
    assert '"due":' in _answer(rails, "curl", "local-bank/bills")
    assert '"number":"3","sum":"12.50"' in _answer(rails, "curl", "local-bank/payments")
    booked = _answer(rails, "python starter.py payments list --customer acme")
    assert all(rail in booked for rail in ("bank-app", "terminals", "local-bank"))


def test_a_register_says_what_is_missing_and_books_it_once_a_person_confirms(rails: Typed) -> None:
    taken = _answer(rails, "python starter.py payments register", "register.csv")
    assert "1 confirmed (12.50 EUR), 1 missing (4.00 EUR)" in taken
    assert "9002" in _answer(rails, "python starter.py payments registers --rail bank-app")
    assert "2 confirmed (16.50 EUR)" in _answer(rails, "python starter.py payments registers")
    assert "rejected" in _answer(rails, "python starter.py payments register reject")


def test_a_statement_books_what_its_lines_name_and_proposes_the_rest(rails: Typed) -> None:
    first, renamed = _answers(rails, "python starter.py payments import", "--by ann", ".txt")
    assert "1000.00 EUR before, 1180.00 EUR after" in first
    assert "2 known before" in renamed
    assert "nothing was booked" in _answer(rails, "python starter.py payments import", "--dry-run")
    assert "proposed" in _answer(rails, "python starter.py payments import", "next.csv")
    assert "150.00" in _answer(rails, "python starter.py orders show 3042")
    assert "next.csv" in _answer(rails, "python starter.py payments imports")


def test_accounting_gets_what_has_arrived(rails: Typed, up: Path) -> None:
    assert '"accounts":"1000009"' in _answer(rails, "python starter.py payments export", "json")
    (file,) = (up / "accounting").glob("payments-*.txt")
    text = file.read_bytes().decode("cp1251")
    assert "РасчСчет=KZ0001\r\n" in text
    assert "ВсегоПоступило=16.50\r\n" in text


def test_subscribers_of_a_file_have_accounts_tariffs_and_a_service_that_works(subscribers: Typed) -> None:
    assert "given to 4 accounts, 0 rows refused" in _answer(subscribers, "python starter.py tariffs import")
    assert '"1000017":"active"' in _answer(subscribers, "until", "1000017")
    bill = _answer(subscribers, "python starter.py subscribers bill aigul")
    assert all(words in bill for words in ("Internet 100", "Welcome", "Router", "19.90"))


def test_money_before_the_bill_is_credit_and_a_holiday_is_no_debt(subscribers: Typed) -> None:
    assert '"result":0' in _answer(subscribers, "curl", "command=pay")
    assert "5.00" in _answer(subscribers, "python starter.py customers show aigul")
    assert "away until May" in _answer(subscribers, "python starter.py subscribers show 2000016")


def test_who_would_be_suspended_is_seen_before_it_happens(subscribers: Typed) -> None:
    rehearsed = _answer(subscribers, "BILLING_SALES=none python starter.py rehearse")
    assert "Not in full service" in rehearsed
    assert "suspended" in rehearsed
    assert "Texts:" in rehearsed
