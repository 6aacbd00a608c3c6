"""The demo as people run it, with its worker killed in the middle; and the judge, who must not be easy to please."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.sql.ledger import SqlLedger
from billing.period import Period
from sandbox.demo.demo import STORY
from sandbox.judge.gather import gather
from sandbox.judge.judge import judge

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.limit(600)  # the first test waits for the demo
Billed = tuple[Path, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def billed(tmp_path_factory: pytest.TempPathFactory) -> Billed:
    """The folder and the answer of a demo whose worker is killed three times."""
    folder = tmp_path_factory.mktemp("demo") / "data"
    command = [sys.executable, "starter.py", "demo", "--kill-worker", "--json", "--data-dir", str(folder)]
    return folder, subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=540)


def test_the_demo_bills_a_month_although_its_worker_is_killed(billed: Billed) -> None:
    _, demo = billed
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert demo.stderr.count("The worker is killed") == 3
    summary = json.loads(demo.stdout)
    assert summary["outcomes"] == {name: str(stage) for name, stage in STORY.items()}
    assert summary["charged_minor"] == {
        "aud": 31040,
        "bhd": 45250,
        "chf": 99995,
        "eur": 111000,
        "jpy": 120000,
        "nzd": 73025,
        "usd": 65250,
    }
    digests = summary["mails"].pop("digest")
    assert summary["mails"] == {"notice": 9, "receipt": 9, "decline": 1}
    assert summary["transfers"] == [
        "acme, 1400.00 EUR before the charge: the card is not charged, 69.60 EUR are credit",
        "denver, 95.00 USD after the decline: nothing is owed any more",
    ]
    assert summary["alerts"] == {"draft": 12, "person": 3, "report": 1}  # denver has paid after all
    assert 0 < digests < 15
    assert all(check["ok"] for check in summary["checks"])


def test_coverage_names_what_keeps_people_from_being_charged_until_it_is_mended(billed: Billed) -> None:
    _, demo = billed
    typed = demo.stderr.split("python starter.py coverage --period ")[1:]
    assert len(typed) == 3, demo.stderr
    found, mended, closed = (answer.partition("$ python")[0] for answer in typed)
    for words in (
        "no workflow: tanaka has no running workflow",
        "python starter.py start tanaka",
        "billing@bergsen.example: 150.00 EUR",
        "is it billing@bergson.example (bergson)?",
        "quito: row 13 of worksheet",
        "kiwi: halted by ann",
        "4 findings",
        "exit code 1",
    ):
        assert words in found, found
    assert "Every customer and every row is accounted for." in mended, mended
    assert "9 paid · 1 nothing due · 1 skipped · 1 carried forward" in closed, closed
    assert "Every customer and every row is accounted for." in closed, closed


def test_money_of_other_rails_is_in_the_books_and_rails_are_compared(billed: Billed) -> None:
    _, demo = billed
    _, too_much, after_decline = demo.stderr.split("python starter.py payments record transfer ")
    for words in ("1330.40 EUR receivable acme", "69.60 EUR credit acme"):
        assert words in too_much.partition("$ python")[0], too_much
    assert "95.00 USD receivable denver" in after_decline.partition("$ python")[0], after_decline
    reconciled = after_decline.partition("python starter.py reconcile --period ")[2].partition("$ python")[0]
    rows = {tuple(line.split()[:2]): line.split()[2:] for line in reconciled.splitlines() if " EUR" in line}
    assert rows["stripe", "1110.00"] == ["EUR", "1110.00", "EUR", "0.00", "EUR"]
    assert rows["transfer", "by"] == ["hand", "1400.00", "EUR"]
    assert "0 repaired, 0 open" in reconciled, reconciled


def _charge_again(folder: Path) -> None:
    _rewrite(folder, "succeeded", lambda intent: intent | {"id": "pi_again"})


def _charge_more(folder: Path) -> None:
    _rewrite(folder, "succeeded", lambda intent: intent | {"amount": 1, "amount_received": 1})


def _lose_the_notices(folder: Path) -> None:
    for mail in (folder / "mail").glob("*invoice-for*"):
        mail.unlink()


def _deliver_the_notices_late(folder: Path) -> None:
    for mail in (folder / "mail").glob("*invoice-for*"):
        mail.rename(mail.with_name("2" + "9" * 3 + mail.name[4:]))


def _lose_the_digests(folder: Path) -> None:
    for mail in (folder / "mail").glob("*reviewers*"):
        mail.unlink()


def _change_the_sheet(folder: Path) -> None:
    (sheet,) = (folder / "sheets" / "sales").glob("*.csv")
    sheet.write_text(sheet.read_text().replace("730.25", "730.26"))


def _lose_a_customer(folder: Path) -> None:
    entry = {"kind": "object", "object": {"object": "customer", "email": "lost@lost.example"}}
    with (folder / "stripe.jsonl").open("a") as journal:
        journal.write(json.dumps(entry) + "\n")


def _rewrite(folder: Path, status: str, change: Callable[[dict[str, object]], dict[str, object]]) -> None:
    """Appends a changed snapshot of a payment in this status to Stripe's journal."""
    journal = folder / "stripe.jsonl"
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    found = next(e for e in entries if e.get("object", {}).get("status") == status)
    with journal.open("a") as file:
        file.write(json.dumps(found | {"object": change(found["object"])}) + "\n")


@pytest.mark.parametrize(
    ("tamper", "broken"),
    [
        (_charge_again, "nobody is charged twice"),
        (_charge_again, "ledger and Stripe"),
        (_charge_more, "charges equal"),
        (_charge_more, "no charge without"),
        (_lose_the_notices, "no charge without"),
        (_deliver_the_notices_late, "no charge without"),
        (_lose_the_digests, "everything that reviewers"),
        (_change_the_sheet, "charges equal"),
        (_lose_a_customer, "every customer has one outcome"),
    ],
)
async def test_the_judge_finds_what_is_wrong(
    billed: Billed,
    tmp_path: Path,
    tamper: Callable[[Path], None],
    broken: str,
) -> None:
    folder, demo = billed
    await asyncio.to_thread(subprocess.run, ["cp", "-r", str(folder), str(tmp_path / "data")], check=True)
    tamper(tmp_path / "data")
    ledger = await SqlLedger.connect(f"sqlite:///{tmp_path / 'data' / 'ledger.db'}")
    checks = judge(await gather(tmp_path / "data", ledger, Period(json.loads(demo.stdout)["period"])))
    await ledger.close()
    assert any(check.name.startswith(broken) for check in checks if not check.ok), checks
