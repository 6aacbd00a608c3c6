"""Orders by a shipped procedure whose values were wrong: people correct them, and the order comes to its end."""

import re
from datetime import date, datetime, timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from billing.errors import InvalidInput
from billing.invoices.invoice import Invoice
from billing.invoices.month import Month
from billing.period import Period
from orders.changes import Correct, Halt, Resume
from orders.service.service_order import ServiceStage
from tests.contract.procedure_fixtures import NO, connects, does, ledger, opens, standing, subscriptions
from tests.ordering import by
from tests.service_ordering import LATER, shown, task_of

__all__ = ["ledger"]  # fixture


async def a_change_into_a_drafted_month(ledger: SqlLedger) -> None:
    """78 is to change the tariff on 15 December, and halts at its billing: that month has its draft by then."""
    account = await connects(ledger)
    await opens(ledger, "78", "change_tariff", account=account, values={"tariff": "internet-500"})
    await does(ledger, "78", "look", visit=NO, first_day="2026-12-15")
    at = (await standing(ledger, "78")).next_at
    assert at is not None
    await ledger.pass_time("78", at)
    customer = await ledger.customer("dana")
    assert customer is not None
    seen = (await ledger.agreed("dana")).revision
    month = Month.open(customer, Period("2026-12")).drafted(Invoice(currency="kzt", imported_at=at, tariffs_seen=seen))
    await ledger.record_draft(month, at)
    await does(ledger, "78", "switch", at)
    halted = await standing(ledger, "78")
    assert (halted.stage, halted.step) == (ServiceStage.HALTED, "billing")
    assert "2026-12 has its draft already" in halted.halt_text


def correction(typed: str, name: str = "look.first_day", change_id: str = "right") -> Correct:
    return Correct(**by(change_id), name=name, typed=typed)


async def test_a_day_that_was_wrong_is_corrected_and_the_order_comes_to_its_end(ledger: SqlLedger) -> None:
    await a_change_into_a_drafted_month(ledger)
    for _ in range(2):  # a repeat changes nothing
        found, effect = await ledger.change_service_order("78", correction("2027-01-01"), LATER)
        assert found.stage is ServiceStage.HALTED, "only a resume has it go on"
        assert effect == "First day of the new tariff: 2027-01-01, and not 2026-12-15"
    await ledger.change_service_order("78", Resume(**by("on")), LATER)
    assert (await standing(ledger, "78")).outcome == "changed"
    assert await subscriptions(ledger) == [
        ("internet-100", date(2026, 12, 3), date(2026, 12, 31)),
        ("internet-500", date(2027, 1, 1), None),
    ]
    log = [entry for entry in (await shown(ledger, "78")).log if entry.what == "corrected"]
    assert [(entry.by, entry.text) for entry in log] == [("ann", effect)]


@pytest.mark.parametrize(
    ("name", "typed", "why"),
    [
        ("look.first_day", "tomorrow", "look.first_day: write a day of this century"),
        ("look.first_day", " ", "look.first_day: say what it is instead"),
        ("look.first_day", "2026-12-15", "look.first_day is that already"),
        ("debt.outcome", "settled", "knows no 'debt.outcome'; you can correct: tariff, look.visit, look.first_day"),
        ("plan_visit.day", "2026-12-24", "knows no 'plan_visit.day'"),
    ],
)
async def test_a_correction_that_says_nothing_useful_is_refused(
    ledger: SqlLedger, name: str, typed: str, why: str
) -> None:
    await a_change_into_a_drafted_month(ledger)
    with pytest.raises(InvalidInput, match=re.escape(why)):
        await ledger.change_service_order("78", correction(typed, name), LATER)
    assert (await shown(ledger, "78")).order.values["look.first_day"] == "2026-12-15"


async def test_a_day_that_is_waited_for_moves_with_its_correction_and_only_while_halted(ledger: SqlLedger) -> None:
    account = await connects(ledger)
    await opens(ledger, "78", "change_tariff", account=account, values={"tariff": "internet-500"})
    await does(ledger, "78", "look", visit=NO, first_day="2026-12-15")
    with pytest.raises(InvalidInput, match="78 is not halted; halt it first"):
        await ledger.change_service_order("78", correction("2026-12-20"), LATER)
    await ledger.change_service_order("78", Halt(**by("halt")), LATER)
    await ledger.change_service_order("78", correction("2026-12-20"), LATER)
    await ledger.change_service_order("78", Resume(**by("on")), LATER)
    assert (await standing(ledger, "78")).ends_at == datetime.fromisoformat("2026-12-20T00:00:00+05:00")


async def test_a_task_is_due_by_what_the_corrected_order_says(ledger: SqlLedger) -> None:
    account = await connects(ledger)
    await opens(ledger, "80", "request", account=account, values={"category": "Contract", "text": "Help"})
    assert (await task_of(ledger, "80")).due_at == LATER + timedelta(days=1)
    await ledger.change_service_order("80", Halt(**by("halt")), LATER)
    found, _ = await ledger.change_service_order("80", correction("Something else", "category"), LATER)
    assert (await task_of(ledger, "80")).due_at == found.due_at == LATER + timedelta(days=3)


async def test_words_of_somebodys_own_stay_out_of_the_log(ledger: SqlLedger) -> None:
    account = await connects(ledger)
    values = {"category": "Contract", "text": "My name is written wrongly"}
    await opens(ledger, "80", "request", account=account, values=values)
    await ledger.change_service_order("80", Halt(**by("halt")), LATER)
    _, effect = await ledger.change_service_order("80", correction("My address is", "text"), LATER)
    assert effect.endswith(": corrected")
    assert (await shown(ledger, "80")).order.values["text"] == "My address is"
