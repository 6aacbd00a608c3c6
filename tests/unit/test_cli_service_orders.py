"""``orders`` of a procedure, as an operator types it: a subscriber is led, and what cannot be opened is named."""

import json

import pytest

from tests.unit.command_line import Run, ledger, one_line, run
from tests.unit.order_shop import shop

__all__ = ["ledger", "run", "shop"]  # fixtures

ANN = ("--by", "ann", "--reason", "by mail")

CONNECT = ("orders", "open", "77", "--procedure", "connect", "--customer", "dana", "--name", "Dana A.", "--by", "ann")
NEW = ("--phone", "+77011234567", "--address", "Abay Ave. 1", "--tariff", "internet-100", "--currency", "eur")


def test_a_subscriber_is_led_through_a_procedure(shop: Run) -> None:
    first = shop(*CONNECT, *NEW)
    assert first.exit_code == 0, first.stderr
    assert "77 of dana (Dana A.): Connect a subscriber, Awaiting task" in first.stdout
    assert "Can the address be connected?: since" in first.stdout
    assert "opened before, unchanged" in shop(*CONNECT, *NEW).stdout
    task = shop("tasks", "list", "--json")
    assert "feasibility" in task.stdout
    listed = shop("orders", "list")
    assert "Dana A." in listed.stdout
    assert "(dana)" in listed.stdout
    rows = json.loads(shop("orders", "list", "--procedure", "connect", "--json").stdout)["orders"]
    assert [row["standing"]["number"] for row in rows] == ["77"]
    assert json.loads(shop("orders", "list", "--stage", "Completed", "--json").stdout)["orders"] == []
    assert "no such order" in shop("orders", "list", "--stage", "Completed").stdout
    halted = shop("orders", "halt", "77", *ANN)
    assert "no step follows until somebody resumes" in halted.stdout
    corrected = shop("orders", "correct", "77", "--set", "tariff=internet-500", *ANN)
    assert "Tariff: internet-500, and not internet-100" in corrected.stdout
    assert "lacks =" in one_line(shop("orders", "correct", "77", "--set", "tariff", *ANN))
    assert "knows no 'colour'; you can correct: tariff" in one_line(
        shop("orders", "correct", "77", "--set", "colour=red", *ANN)
    )
    assert "resumed" in shop("orders", "resume", "77", *ANN).stdout
    steps = json.loads(shop("orders", "show", "77", "--json").stdout)["steps"]
    assert [step["step"] for step in steps] == ["received", "feasibility"]
    assert "Awaiting task" in shop("orders", "show", "77").stdout
    cancelled = shop("orders", "cancel", "77", *ANN)
    assert "ended as cancelled" in cancelled.stdout
    again = shop("orders", "cancel", "77", *ANN)
    assert (again.exit_code, "77 ended as cancelled, cancelled by ann" in one_line(again)) == (2, True)


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (("--procedure", "conect"), 1, "there is no procedure 'conect'"),
        (("--procedure", "connect"), 2, "Tariff is missing"),
        ((), 2, "say --customer, --name and --currency"),
    ],
)
def test_a_service_order_that_cannot_be_opened_is_named(
    shop: Run, words: tuple[str, ...], code: int, expected: str
) -> None:
    refused = shop("orders", "open", "77", "--by", "ann", *words)
    assert refused.exit_code == code
    assert expected in one_line(refused)
