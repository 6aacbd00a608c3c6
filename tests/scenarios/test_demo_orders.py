"""The demo of orders as people run it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from orders.order import OrderStage
from sandbox.demo.orders.sample_orders import SAMPLE_ORDERS

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.limit(600)
Played = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("demo") / "data"
    command = [sys.executable, "starter.py", "demo", "--orders", "--json", "--data-dir", str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=540)


def test_every_order_ends_as_its_money_calls_for_and_every_promise_is_kept(played: Played) -> None:
    assert played.returncode == 0, played.stdout + played.stderr
    summary = json.loads(played.stdout)
    assert summary["stages"] == {sample.number: sample.ends for sample in SAMPLE_ORDERS}
    assert [check["name"] for check in summary["checks"] if not check["ok"]] == []


def test_each_release_is_timed_by_productions_own_journal(played: Played) -> None:
    releases = json.loads(played.stdout)["releases"]
    fulfilled = {sample.number for sample in SAMPLE_ORDERS if sample.ends is OrderStage.FULFILLED}
    assert {release["number"] for release in releases} == fulfilled
    assert len(releases) == len(fulfilled) + 1, "the deposit's order is released twice: to be made, and to be shipped"
    assert all(release["row_ms"] > 0 for release in releases)
    by_payers = {release["number"] for release in releases if release["click_ms"]}
    assert by_payers >= {"1001", "1003", "1005", "1010", "1012"}


def test_a_bank_tells_of_a_payment_and_its_statement_of_another(played: Played) -> None:
    story = " ".join(played.stderr.split())
    assert "the app asks us, and shows: To pay: 30.00 EUR" in story
    statement = story.partition("payments import statement.txt")[2].partition("Give back:")[0]
    assert "95.00 EUR" in statement
    assert "29.70 EUR" in statement, "what the app has taken, net of commission"
    assert "1 confirmed (30.00 EUR)" in story, "by the register of the day"


def test_coverage_answers_its_three_questions_until_people_have_acted(played: Played) -> None:
    answers = played.stderr.split("starter.py coverage --period ")[1:]
    found, acted = (answer.partition("$ python")[0] for answer in answers)
    for words in (
        "order paid, not released: order 1004 of moreau",
        "halted by ann",
        "order released, not paid: order 1010 of rossi",
        "money of an ended order: 310.00 EUR of weber",
        "unmatched money: 35.00 EUR",
        "exit code 1",
    ):
        assert words in found, found
    assert "Every customer and every row is accounted for." in acted, acted
