"""``orders``, as an operator types it, on a real ledger: opened, listed, changed; repeats change nothing."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.sql.ledger import SqlLedger
from billing.events.event import Destination
from orders.order import ReleaseKind
from tests.unit.command_line import Run, ledger, one_line, run
from tests.unit.order_shop import OPEN, opened, shop, shown

__all__ = ["ledger", "run", "shop"]  # fixtures

ANN = ("--by", "ann", "--reason", "by mail")


def pay(run: Run, reference: str, amount: str, *more: str) -> Any:
    paid = ("payments", "record", "transfer", reference, "--amount", amount, "--currency", "eur", "--order", "1042")
    return run(*paid, *ANN, *more)


def answer(folder: Path, accepted: bool, text: str) -> None:
    """What production says to the order's release."""

    async def note() -> None:
        ledger = await SqlLedger.connect(f"sqlite:///{folder}/data/ledger.db", (Destination.PRODUCTION,))
        await ledger.note_answer("1042", ReleaseKind.PRODUCTION, accepted, text, datetime.now(UTC))
        await ledger.close()

    asyncio.run(note())


def test_an_order_is_opened_paid_released_and_shown(shop: Run, tmp_path: Path) -> None:
    (tmp_path / "sign.pdf").write_bytes(b"%PDF")
    first = opened(shop, "--file", "sign.pdf", "--expires", "14d", "--email", "a@nowak.example")
    assert first.exit_code == 0, first.stderr
    assert "1042 of nowak (A. Nowak [b]): Awaiting payment" in first.stdout
    assert "due 90.00 EUR, paid 0.00 EUR, outstanding 90.00 EUR; version 1" in first.stdout
    again = opened(shop, "--file", "sign.pdf", "--expires", "14d", "--email", "a@nowak.example")
    assert again.stdout.startswith("opened before, unchanged"), again.stderr
    assert shown(shop)["agreed"]["file_digest"] == hashlib.sha256(b"%PDF").hexdigest()

    assert "receivable nowak order 1042" in pay(shop, "7731", "40").stdout
    assert shown(shop)["stage"] == "PartPaid"
    assert pay(shop, "7732", "50", "--customer", "nowak").exit_code == 0
    order = shown(shop)
    assert (order["stage"], order["outstanding_minor"]) == ("Released", 0)
    assert [entry["what"] for entry in order["log"]] == ["opened", "released"]
    answer(tmp_path, True, "job 7")
    text = shop("orders", "show", "1042").stdout
    assert "Fulfilled" in text
    assert "production answers: job 7" in text
    assert "2" in text
    assert "Sign" in text


def test_orders_are_listed_by_what_is_wanted(shop: Run) -> None:
    opened(shop)
    shop(*OPEN[:2], "1043", *OPEN[3:], "--line", "Poster=10")
    rows = json.loads(shop("orders", "list", "--json").stdout)["orders"]
    assert [(row["number"], row["buyer"]) for row in rows] == [("1043", "A. Nowak [b]"), ("1042", "A. Nowak [b]")]
    for words, numbers in (
        (("--search", "1043"), ["1043"]),
        (("--stage", "awaiting-payment"), ["1043", "1042"]),
        (("--stage", "Fulfilled"), []),
        (("--customer", "nobody"), []),
        (("--open", "--search", "nowak"), ["1043", "1042"]),
    ):
        rows = json.loads(shop("orders", "list", *words, "--json").stdout or '{"orders": []}')["orders"]
        assert [row["number"] for row in rows] == numbers, words
    text = shop("orders", "list").stdout
    assert "1042" in text
    assert "90.00 EUR" in text
    assert "[b]" in text
    assert "no such order" in shop("orders", "list", "--stage", "Expired").stdout
    wrong = shop("orders", "list", "--stage", "paid")
    assert (wrong.exit_code, "is none of: Rejected, Halted" in one_line(wrong)) == (2, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--line", "Sign=-1"), 2, "amount_minor: Input should be greater than or equal to 0"),
        (("--line", "Sign=0"), 2, "the price is 0.00 EUR; it has to be above 0"),
        (("--line", "Sign=999999999999.99"), 2, "is more than the 9999999999.99 EUR limit"),
        (("--line", "Sign=90,00"), 2, "'90,00' is not an amount in EUR; write it like 1234.50"),
        (("--line", "Sign"), 2, "is not a line; write it like"),
        (("--line", "Sign=90", "--file", "none.pdf"), 2, "none.pdf cannot be read: No such file or directory"),
        (("--line", "Sign=90", "--digest", "abc"), 2, "file_digest: write the file's SHA-256"),
        (("--line", "Sign=90", "--deposit", "0"), 2, "deposit: '0' is not a percentage from 1 to 99"),
        (("--line", "Sign=90", "--tolerance", "90"), 2, "nothing would have to be paid"),
        (("--line", "Sign=90", "--expires", "2020-01-01"), 2, "is over already"),
        (("--line", "Sign=90", "--email", "nobody"), 2, "'nobody' is not an email address"),
    ],
)
def test_what_cannot_be_opened_is_named(shop: Run, words: tuple[str, ...], code: int, said: str) -> None:
    result = shop(*OPEN, *words)
    assert (result.exit_code, said in one_line(result)) == (code, True), result.stderr
    assert shop("orders", "show", "1042").exit_code == 1


def test_another_order_with_the_number_is_refused(shop: Run) -> None:
    opened(shop)
    other = shop(*OPEN, "--line", "Sign=91")
    assert (other.exit_code, "order 1042 is another order already" in one_line(other)) == (2, True)


def test_an_order_is_amended_and_what_was_left_out_stays(shop: Run) -> None:
    opened(shop, "--digest", "a" * 64)
    amended = shop("orders", "amend", "1042", "--line", "3 x Sign=120", "--deposit", "30", *ANN)
    assert "amended to version 2, 120.00 EUR" in amended.stdout, amended.stderr
    order = shown(shop)
    assert (order["version"], order["due_minor"], order["agreed"]["deposit_percent"]) == (2, 12000, 30)
    assert order["agreed"]["file_digest"] == "a" * 64
    cleared = shop("orders", "amend", "1042", "--no-file", "--no-deposit", "--version", "2", *ANN)
    assert cleared.exit_code == 0, cleared.stderr
    assert {shown(shop)["agreed"][name] for name in ("file_digest", "deposit_percent")} == {None}
    stale = shop("orders", "amend", "1042", "--line", "Sign=1", "--version", "2", *ANN)
    assert (stale.exit_code, "has version 3 by now; look at it again" in one_line(stale)) == (2, True)
    same = shop("orders", "amend", "1042", "--line", "3 x Sign=120", *ANN)
    assert (same.exit_code, "unchanged: that is what was agreed already, as version 3" in same.stdout) == (0, True)
    assert [entry["what"] for entry in shown(shop)["log"]] == ["opened", "amended", "amended"]


def test_an_amendment_below_what_was_paid_leaves_credit(shop: Run) -> None:
    opened(shop)
    shop("orders", "halt", "1042", *ANN)
    pay(shop, "7731", "80")
    amended = shop("orders", "amend", "1042", "--line", "Sign=50", *ANN)
    assert "30.00 EUR of what was paid is credit of nowak" in amended.stdout, amended.stderr
    assert "resumed" in shop("orders", "resume", "1042", *ANN).stdout
    assert shown(shop)["stage"] == "Released"
    late = shop("orders", "cancel", "1042", *ANN)
    assert (late.exit_code, "was released already: it cannot be cancelled" in one_line(late)) == (2, True)


def test_a_command_id_takes_effect_once(shop: Run) -> None:
    opened(shop)
    for _ in range(2):
        assert "halted" in shop("orders", "halt", "1042", *ANN, "--command-id", "c1").stdout
    assert [entry["what"] for entry in shown(shop)["log"]] == ["opened", "halted"]


def test_a_cancelled_orders_money_is_given_back_by_hand_and_named(shop: Run) -> None:
    opened(shop)
    pay(shop, "7731", "40")
    cancelled = shop("orders", "cancel", "1042", "--refund", *ANN)
    assert cancelled.exit_code == 0, cancelled.stderr
    said = " ".join(cancelled.stdout.split())
    assert "40.00 EUR of payment 7731 (transfer): to do: give it back by hand" in said
    (to_do,) = json.loads(shop("payments", "proposals", "--json").stdout)["proposals"]
    assert f"payments confirm {to_do['instruction_id']} --refund-reference" in said
    confirm = ("payments", "confirm", to_do["instruction_id"], *ANN)
    assert "confirm with the bank's reference of it" in one_line(shop(*confirm))
    assert "given back as 9021" in shop(*confirm, "--refund-reference", "9021").stdout
    again = json.loads(shop("orders", "cancel", "1042", "--refund", *ANN, "--json").stdout)
    assert [given["state"] for given in again["given_back"]] == ["done"]
    assert again["stage"] == "Cancelled"


def test_what_production_refused_is_sent_again(shop: Run, tmp_path: Path) -> None:
    opened(shop)
    nothing = shop("orders", "send-again", "1042", *ANN)
    assert (nothing.exit_code, "there is nothing to send" in one_line(nothing)) == (2, True)
    pay(shop, "7731", "90")
    answer(tmp_path, False, "410 gone")
    assert "production refuses: 410 gone" in shop("orders", "show", "1042").stdout
    assert "is sent again" in shop("orders", "send-again", "1042", *ANN).stdout
    assert shown(shop)["stage"] == "Released"


def test_what_does_not_exist_is_said(shop: Run) -> None:
    for command in (("show", "77"), ("halt", "77", *ANN), ("link", "77", *ANN), ("cancel", "77", "--refund", *ANN)):
        result = shop("orders", *command)
        assert (result.exit_code, "there is no order 77" in one_line(result)) == (1, True)
    assert "there is no order 77" in one_line(shop("payments", "assign", "transfer", "1", "--order", "77", *ANN))
    nobody = shop("payments", "assign", "transfer", "1", *ANN)
    assert (nobody.exit_code, "--customer or --order" in one_line(nobody)) == (2, True)


def test_a_link_needs_a_rail_of_links(shop: Run) -> None:
    opened(shop)
    wrong = shop("orders", "link", "1042", "--rail", "cash", *ANN)
    assert (wrong.exit_code, "'cash' makes no payment links" in one_line(wrong)) == (2, True)
    shop("orders", "cancel", "1042", *ANN)
    ended = shop("orders", "link", "1042", *ANN)
    assert (ended.exit_code, "1042 has ended (cancelled)" in one_line(ended)) == (2, True)
