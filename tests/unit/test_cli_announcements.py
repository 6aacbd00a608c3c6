"""``announcements``: what people type about planned works, and what they are told."""

import asyncio
import csv
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from adapters.sql.ledger import SqlLedger
from tests.contract.announcement_fixtures import account, many, phone, settle_in
from tests.unit.command_line import NOW, Run, ledger, run

__all__ = ["ledger", "run"]  # fixtures

STARTS = f"{NOW + timedelta(days=9):%Y-%m-%d} 10:00"
WORKS = "--from", STARTS, "--to", "12:00", "--works", "new switch"
BY, WHY = ("--by", "ann"), ("--by", "bob", "--reason", "checked")


def subscribers(tmp_path: Path) -> None:
    async def settle() -> None:
        ledger = await SqlLedger.connect(f"sqlite:///{tmp_path}/data/ledger.db")
        people = many(4)
        await settle_in(ledger, [*people[:3], people[3]._replace(nodes=("south-1",))], NOW)
        await ledger.close()

    asyncio.run(settle())


def test_works_are_previewed_written_approved_corrected_cancelled_and_proved(
    run: Run, ledger: Callable[..., None], tmp_path: Path
) -> None:
    ledger()
    subscribers(tmp_path)
    seen = run("announcements", "preview", *WORKS, "--node", "north-1").stdout
    assert "Planned works " in seen
    assert "3 accounts of 4, 3 customers" in seen
    assert "3 texts of 1 segment each (GSM-7): 0.00 EUR" in seen
    assert "no works are announced" in run("announcements", "list").stdout
    for _ in range(2):
        written = run("announcements", "create", *WORKS, "--node", "north-1", *BY, "--command-id", "c1").stdout
        assert "announcement 1, draft: " in written
        assert "announcements approve 1 --texts 3" in written
    refused = run("announcements", "approve", "1", "--texts", "9", *WHY)
    assert "takes 3 texts by now, not 9" in " ".join(refused.stderr.split())
    for _ in range(2):
        assert "announcement 1, approved" in run("announcements", "approve", "1", "--texts", "3", *WHY).stdout
    for _ in range(2):
        corrected = run("announcements", "correct", "1", "--to", "14:00", *WHY).stdout
        assert "announcement 2, approved, corrects 1: " in corrected
        assert "10:00 to 14:00 Europe/Paris, new switch" in corrected
    shown = json.loads(run("announcements", "show", "1", "--json").stdout)
    assert [(each["state"], each["why"]) for each in shown["recipients"]] == [("excluded", "replaced")] * 3
    assert "approved by bob" in run("announcements", "show", "2").stdout
    file = tmp_path / "told.csv"
    assert not run("announcements", "show", "2", "--csv", str(file)).exit_code
    rows = list(csv.DictReader(file.open(encoding="utf-8")))
    assert [(row["account"], row["phone"], row["outcome"], row["knew_before"]) for row in rows] == [
        (account(place), f"'{phone(place)}", "waiting", "no") for place in range(3)
    ]  # no spreadsheet takes the number for a formula
    assert "announcement 3, approved, cancels 2" in run("announcements", "cancel", "2", *WHY).stdout
    listed = json.loads(run("announcements", "list", "--json").stdout)["announcements"]
    assert [each["announcement"]["number"] for each in listed] == [3, 2, 1]
    assert "0 of 3 told" not in run("announcements", "list").stdout


def test_what_is_wrong_is_refused_with_what_to_do(run: Run, ledger: Callable[..., None], tmp_path: Path) -> None:
    ledger()
    subscribers(tmp_path)
    listed = tmp_path / "accounts.txt"
    listed.write_text(f"{account(0)}\n{account(3)}\n")
    assert "2 accounts of 4" in run("announcements", "preview", *WORKS, "--accounts", str(listed)).stdout
    long = "--from", STARTS, "--to", "12:00", "--works", "x" * 120
    late = "--from", STARTS, "--to", "09:00", "--works", "new switch"
    past = "--from", "2020-01-02 10:00", "--to", "12:00", "--works", "new switch"
    everywhere = "--node", "north-1", "--node", "south-1"
    for words, advice in (
        ((*WORKS, "--node", "west-1"), "this concerns nobody"),
        (WORKS, "who is concerned?"),
        ((*WORKS, *everywhere), "all 4 accounts; if that is meant, say everybody (--everybody in a command)"),
        ((*WORKS, "--account", "1000008"), "its last digit does not fit"),
        ((*WORKS, "--account", "1000009"), "not connected: 1000009"),
        ((*WORKS, "--node", "a b"), "write letters, digits"),
        ((*long, "--node", "north-1"), "which are 2 segments, and may have 1"),
        ((*late, "--node", "north-1"), "works end after they begin"),
        ((*past, "--node", "north-1"), "these works are over already"),
        (("--from", "tomorrow", "--to", "12:00", "--works", "x", "--everybody"), "write it like 2026-12-03 10:00"),
    ):
        refused = run("announcements", "preview", *words)
        assert refused.exit_code in (1, 2), words
        assert advice in " ".join(refused.stderr.split())
    assert "4 accounts of 4" in run("announcements", "preview", *WORKS, *everywhere, "--everybody").stdout
    assert "announcements list" in run("announcements", "show", "7").stderr


def test_where_an_account_is_is_set_and_shown(run: Run, ledger: Callable[..., None], tmp_path: Path) -> None:
    ledger()
    subscribers(tmp_path)
    placed = run("subscribers", "set", account(0), "--node", "north-9", "--tag", "fiber", "--tag", "vip").stdout
    assert "node north-9" in placed
    assert "tags fiber vip" in placed
    assert "tags" not in run("subscribers", "set", account(0), "--without-tags").stdout
    assert "nothing to set" in run("subscribers", "set", account(0)).stderr
    assert "write letters" in " ".join(run("subscribers", "set", account(0), "--tag", "a/b").stderr.split())
