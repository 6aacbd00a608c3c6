"""``tariffs`` and ``subscribers``: what people are told, and what nobody can enter."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit import months
from tests.unit.command_line import Run, ledger, run

__all__ = ["ledger", "run"]  # fixtures

WHO = "--by", "ann", "--reason", "contract 17"
NUMBER = "1000009"
ADD = "tariffs", "add", "net", "--name", "Internet", "--fee", "31.00", "--currency", "eur", "--from", "2026-01-01", *WHO


@pytest.fixture
def book(run: Run, ledger: Callable[..., None]) -> Run:
    """A customer with an account, and a tariff; October is announced already."""
    ledger(months.announced(1250))
    for words in (("numbers", "open", "acme", "--number", NUMBER, *WHO), ADD):
        assert run(*words).exit_code == 0
    return run


def said(text: str) -> str:
    return " ".join(text.split())


def test_a_tariff_is_added_listed_changed_and_ended(book: Run) -> None:
    assert "31.00 EUR from 2026-01-01, by days" in book(*ADD).stdout
    changed = book("tariffs", "change", "net", "--fee", "35", "--from", "2090-01-01", "--whole-months", *WHO)
    assert "35.00 EUR from 2090-01-01, by days: never" in changed.stdout
    assert "if not paid: 7 warn, 14 suspend" in book("tariffs", "ladder", "net", "7 warn, 14 suspend", *WHO).stdout
    assert "needs a warning" in said(book("tariffs", "ladder", "net", "14 suspend", *WHO).stderr)
    assert "if not paid" not in book("tariffs", "ladder", "net", "none", *WHO).stdout
    assert "offered until 2090-06-30" in book("tariffs", "end", "net", "--last", "2090-06-30", *WHO).stdout
    [tariff] = json.loads(book("tariffs", "list", "--json").stdout)["tariffs"]
    assert (tariff["ended_on"], len(tariff["versions"])) == ("2090-06-30", 2)
    assert "contract 17" in book("tariffs", "show", "net").stdout
    assert "2090-06-30" in book("tariffs", "list").stdout


def test_a_subscriber_is_billed_what_was_agreed(book: Run) -> None:
    assert "net from 2026-12-17" in said(
        book("subscribers", "tariff", NUMBER, "net", "--from", "2026-12-17", *WHO).stdout
    )
    off = "subscribers", "discount", NUMBER, "10%", "--from", "2026-12-17", "--until", "2026-12-31", "--text", "Offer"
    fee = "subscribers", "fee", NUMBER, "5", "--day", "2026-12-20", "--text", "Router"
    for words in (off, fee, off, fee):
        assert book(*words, *WHO).exit_code == 0
    assert book("subscribers", "limit", "acme", "9", "--from", "2026-12", *WHO).exit_code == 0
    shown = json.loads(book("subscribers", "bill", "acme", "--period", "2026-12", "--json").stdout)
    assert [line["amount_minor"] for line in shown["lines"]] == [1500, -150, -450, 500]
    assert len(shown["items"]) == len(shown["log"]) == 4
    assert "14.00 EUR" in book("subscribers", "bill", "acme", "--period", "2026-12").stdout
    key = next(item["key"] for item in shown["items"] if item["kind"] == "discount")
    for last in (
        ("end-discount", NUMBER, key, "--last", "2026-12-20"),
        ("end-tariff", NUMBER, "--last", "2026-12-20"),
        ("limit", "acme", "none", "--from", "2026-12"),
    ):
        assert book("subscribers", *last, *WHO).exit_code == 0
    shown = json.loads(book("subscribers", "bill", "acme", "--period", "2026-12", "--json").stdout)
    assert [line["amount_minor"] for line in shown["lines"]] == [400, -40, 500]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("tariff", NUMBER, "slow", "--from", "2026-12-01"), "there is no tariff slow"),
        (("tariff", "2000008", "net", "--from", "2026-12-01"), "there is no account number 2000008"),
        (("tariff", "1000008", "net", "--from", "2026-12-01"), "its last digit does not fit the others"),
        (("tariff", NUMBER, "net", "--from", "2026-10-05"), "2026-10 has its draft already"),
        (("tariff", NUMBER, "net", "--from", "5.12.2026"), "write it like 2026-11-27"),
        (("fee", NUMBER, "0", "--day", "2026-12-05", "--text", "x"), "a fee of 0 bills nothing"),
        (
            ("fee", NUMBER, "1.005", "--day", "2026-12-05", "--text", "x"),
            "is not an amount in EUR; write it like 1234.50",
        ),
        (("discount", NUMBER, "0%", "--from", "2026-12-05", "--until", "2026-12-06", "--text", "x"), "no percentage"),
        (("limit", "nobody", "5", "--from", "2026-12"), "does not know nobody"),
        (("end-tariff", NUMBER, "--last", "2026-12-05"), "has no tariff that could end"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_to_do(book: Run, words: tuple[str, ...], told: str) -> None:
    refused = book("subscribers", *words, *WHO)
    assert refused.exit_code != 0
    assert told in said(refused.stderr)


def test_a_tariff_in_another_currency_is_refused(book: Run) -> None:
    dollars = [word.replace("net", "usd").replace("eur", "usd") for word in ADD]
    assert book(*dollars).exit_code == 0
    refused = book("subscribers", "tariff", NUMBER, "usd", "--from", "2026-12-01", *WHO)
    assert "tariff usd is in USD, and the customer is billed in EUR" in said(refused.stderr)


def test_accounts_get_their_tariffs_from_a_file_and_a_wrong_row_is_named(book: Run, tmp_path: Path) -> None:
    file = tmp_path / "accounts.csv"
    rows = [f"{NUMBER},net,2026-12-01", "1000008,net,2026-12-01", f"{NUMBER},net,1.12.2026", "2000008,net,2026-12-01"]
    file.write_text("\n".join(("Number,Tariff,From", *rows)))
    done = book("tariffs", "import", str(file), *WHO, "--json")
    assert done.exit_code == 1
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert (found["done"], [row["line"] for row in found["refused"]]) == (1, [3, 4, 5])
    assert "its last digit does not fit" in found["refused"][0]["reason"]
    assert "starts_on" in found["refused"][1]["reason"]
    assert "there is no account number 2000008" in found["refused"][2]["reason"]
    file.write_text(f"number,tariff,from\n{NUMBER},net,2026-12-01\n")
    assert "given to 1 account, 0 rows refused" in book("tariffs", "import", str(file), *WHO).stdout
    file.write_text("number,from\n")
    assert "the first row lacks tariff" in said(book("tariffs", "import", str(file), *WHO).stderr)
