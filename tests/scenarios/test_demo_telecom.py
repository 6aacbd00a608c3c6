"""The demo of a small provider as people run it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.demo.telecom.story import ENDS, STATES

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.limit(600)
Played = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("demo") / "data"
    command = [sys.executable, "starter.py", "demo", "--telecom", "--json", "--data-dir", str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=540)


@pytest.fixture
def story(played: Played) -> str:
    """What it tells, as one line."""
    return " ".join(played.stderr.split())


def test_every_order_comes_to_its_end_and_every_promise_is_kept(played: Played) -> None:
    assert played.returncode == 0, played.stdout + played.stderr
    summary = json.loads(played.stdout)
    assert (summary["orders"], summary["accounts"]) == (ENDS, STATES)
    assert [check["name"] for check in summary["checks"] if not check["ok"]] == []


def test_two_are_connected_through_four_departments(story: str) -> None:
    connected = story.partition("two people want to be connected")[2].partition("three have not paid")[0]
    for words in (
        "POST /orders 101 (connect Dana Moreau, who is new); the answer is 201, account ",
        "ann, operator: Can the address be connected?",
        "wes, warehouse: Buy the equipment.",
        "--by bob --reason 'statement, line 4'",
        "Returned to “Agree on a day, and choose a crew”: nobody opens the door.",
        "The signed contract: contract.pdf.",
        "SMS to dana: ",
        "SMS to erlan: ",
    ):
        assert words in connected, connected


def test_of_three_late_payers_one_is_restored_at_the_last_step_and_one_disconnected(story: str) -> None:
    for words in (
        "saule is active, marat is suspended, ruslan is suspended.",
        "The crew has 2 tasks to disconnect",
        "It has 1 left: ruslan.",
        "saule is active, marat is active, ruslan is suspended.",
        "bob, accounting: Nothing is owed, or accounting decides. Let the order go on, whatever is owed: yes",
        "saule is active, marat is active, ruslan is disconnected.",
    ):
        assert words in story, story


def test_the_last_bills_have_both_tariffs_and_what_was_not_given_back(played: Played) -> None:
    summary = json.loads(played.stdout)
    bills, (_, month) = summary["bills"], summary["periods"]
    assert len(bills[f"timur {month}"]) == 2, bills
    assert "60.00 EUR" in bills[f"ruslan {month}"]
    assert {name for name in STATES if f"{name} {month}" in bills} == set(STATES)


def test_those_whom_works_concern_are_told_once_and_of_the_new_day(story: str) -> None:
    told = story.partition("the node north-3 gets a new switch")[2].partition("they are warned")[0]
    for name in ("aigul", "timur", "saule"):
        assert told.count(f"SMS to {name}: ") == 2, told
    assert told.count("SMS to ") == 6, told
