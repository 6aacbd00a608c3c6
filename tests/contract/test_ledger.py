"""The ledger's months, on SQLite and on PostgreSQL alike: what is written, and what never changes again."""

from datetime import UTC, timedelta, timezone
from typing import Any

import pytest

from adapters.sql.ledger import SqlLedger
from billing.commands import Halt
from billing.errors import OutcomeConflict, StaleRun
from billing.invoices.month import Month
from billing.invoices.review import decide
from billing.invoices.stages import Stage
from billing.payments.methods import CardOnFile
from tests.contract.ledger_fixtures import (
    ACME,
    AT,
    DECEMBER,
    INVOICE,
    LATER,
    NOVEMBER,
    OCTOBER,
    drafted,
    halted,
    opened,
    read,
)
from tests.unit.months import decided


def leaving(month: Month) -> Month:
    return month.evolve(leaving="ann: moved away").close(Stage.NOTHING_DUE, AT)


# -- customers and months


async def test_a_month_comes_back_as_it_was_recorded(ledger: SqlLedger) -> None:
    month = halted(drafted())
    await ledger.record(month, AT)
    assert await ledger.month("acme", NOVEMBER) == month
    assert await ledger.month("acme", OCTOBER) is None
    assert await ledger.customer("acme") == ACME
    assert await ledger.decisions("acme", NOVEMBER) == list(month.decisions)
    (row,) = await ledger.invoices()
    assert row.model_dump() == {
        "customer_id": "acme",
        "period": NOVEMBER,
        "stage": Stage.HALTED,
        "currency": "EUR",
        "total_minor": 2**40 - 500,
        "version": 1,
        "problems": 1,
        "next_at": month.due(AT).at,
        "updated_at": AT,
    }


async def test_lines_are_those_of_the_last_record(ledger: SqlLedger, url: str) -> None:
    query = "SELECT position, kind, line_id, amount_minor, sheet, row, raw, reason FROM lines ORDER BY position"
    month = drafted()
    await ledger.record(month, AT)
    await ledger.record(month, AT)
    assert [tuple(line) for line in read(url, query)] == [
        (1, "line", "row-7", 2**40, "2026-11", 7, None, None),
        (2, "line", "added-1", -500, None, None, None, None),
        (3, "problem", "row-9", None, "2026-11", 7, "x,y", "not money"),
    ]
    await ledger.record(month.evolve(invoice=INVOICE.evolve(lines=(), problems=()), revision=9), AT)
    assert read(url, query) == []


async def test_a_repeat_changes_nothing_but_what_time_has_changed(ledger: SqlLedger) -> None:
    month = opened().drafted(INVOICE.evolve(problems=()))
    await ledger.record(month, AT)
    (before,) = await ledger.invoices()
    await ledger.record(month, LATER)
    assert await ledger.month("acme", NOVEMBER) == month
    assert await ledger.invoices() == [before.evolve(updated_at=LATER)]


async def test_an_older_revision_is_refused_and_changes_nothing(ledger: SqlLedger) -> None:
    month = halted(drafted())
    await ledger.record(month, AT)
    with pytest.raises(StaleRun):
        await ledger.record(opened(name="Old name"), LATER)
    assert await ledger.month("acme", NOVEMBER) == month
    assert await ledger.customer("acme") == ACME


async def test_months_are_listed_by_customer_and_period_and_found_by_each(ledger: SqlLedger) -> None:
    for month in (drafted(DECEMBER), opened(), opened(customer_id="a_b"), opened(customer_id="a-b"), opened(OCTOBER)):
        await ledger.record(month, AT)

    async def keys(**wanted: Any) -> list[tuple[str, str]]:
        return [(row.customer_id, row.period) for row in await ledger.invoices(**wanted)]

    everything = [("a-b", NOVEMBER), ("a_b", NOVEMBER)] + [("acme", month) for month in (OCTOBER, NOVEMBER, DECEMBER)]
    assert await keys() == everything
    assert await keys(period=NOVEMBER) == [*everything[:2], ("acme", NOVEMBER)]
    assert await keys(stage=Stage.HALTED) == [("acme", DECEMBER)]
    assert await keys(customer_id="acme", stage=Stage.SCHEDULED) == everything[2:4]
    assert await keys(customer_id="nobody") == []
    assert [customer.customer_id for customer in await ledger.customers()] == ["a-b", "a_b", "acme"]


async def test_a_record_of_an_older_month_leaves_the_customer_as_the_newer_month_has_it(ledger: SqlLedger) -> None:
    await ledger.record(halted(opened(DECEMBER, email="new@acme.example")), AT)
    await ledger.record(leaving(opened(NOVEMBER)), LATER)
    (customer,) = await ledger.customers()
    assert customer.email == "new@acme.example"


async def test_a_customer_follows_the_month_and_was_created_with_the_first(ledger: SqlLedger, url: str) -> None:
    first, second = (ACME.payment_method.evolve(last4=last4) for last4 in ("1111", "2222"))
    await ledger.record(opened(payment_method=first), AT)
    created_at = read(url, "SELECT created_at FROM customers")
    await ledger.record(opened(payment_method=second), LATER)
    assert await ledger.customer("acme") == ACME.evolve(payment_method=second)
    assert read(url, "SELECT created_at FROM customers") == created_at


async def test_customers_with_one_email_or_card_are_found_as_long_as_their_account_is_open(ledger: SqlLedger) -> None:
    await ledger.record(leaving(opened(customer_id="gone")), AT)
    await ledger.record(opened(customer_id="other", email="bob@acme.example"), AT)
    await ledger.record(opened(), AT)
    twin = ACME.evolve(customer_id="twin", payment_method=CardOnFile(payer_id="cus_twin", card_id="pm_twin"))
    assert await ledger.customers_like(twin) == [ACME]
    assert await ledger.customers_like(twin.evolve(email="twin@example.com")) == []
    same_card = twin.evolve(
        email="twin@example.com", payment_method=twin.card_on_file.evolve(card_id=ACME.card_on_file.card_id)
    )
    assert [other.customer_id for other in await ledger.customers_like(same_card)] == ["acme", "other"]
    assert [other.customer_id for other in await ledger.customers_like(ACME)] == ["other"]


async def test_an_account_closes_with_its_last_month_and_may_open_again(ledger: SqlLedger, url: str) -> None:
    query = "SELECT closed_reason, closed_at IS NULL FROM customers"
    await ledger.record(drafted().evolve(leaving="ann: moved away"), AT)
    assert await ledger.customers() == [ACME]
    last = leaving(drafted())
    await ledger.record(last, AT)
    assert await ledger.customers() == []
    assert await ledger.customer("acme") == ACME
    assert read(url, query) == [("ann: moved away", False)]
    await ledger.record(opened(DECEMBER), LATER)
    await ledger.record(last, LATER)
    assert await ledger.customers() == [ACME]
    assert read(url, query) == [(None, True)]


# -- outcomes


async def test_an_outcome_is_never_replaced(ledger: SqlLedger) -> None:
    skipped = drafted().close(Stage.SKIPPED, AT)
    await ledger.record(skipped, AT)
    second_chain = [opened(), halted(drafted(), 9), drafted().close(Stage.PAID, LATER)]
    for month in second_chain:
        with pytest.raises(OutcomeConflict, match=r"acme, 2026-11 is closed as Skipped .* second workflow"):
            await ledger.record(month, LATER)
    assert await ledger.month("acme", NOVEMBER) == skipped
    assert await ledger.decisions("acme", NOVEMBER) == []


async def test_a_record_from_before_the_close_that_comes_late_is_ignored(ledger: SqlLedger) -> None:
    closed = drafted().close(Stage.SKIPPED, LATER)
    await ledger.record(closed, LATER)
    await ledger.record(drafted(), AT)
    assert await ledger.month("acme", NOVEMBER) == closed


async def test_a_closed_month_still_takes_decisions(ledger: SqlLedger) -> None:
    closed = drafted().close(Stage.PAID, AT)
    await ledger.record(closed, AT)
    refused, decision = decided(closed, Halt(by="ann", reason="too late"), LATER, "test")
    await ledger.record(refused, LATER)
    assert await ledger.decisions("acme", NOVEMBER) == [decision]
    assert not decision.accepted


# -- the audit trail


async def test_the_audit_trail_keeps_what_the_month_no_longer_carries(ledger: SqlLedger) -> None:
    month = halted(drafted(), 60)
    await ledger.record(month, AT)
    month = halted(month.recorded(120))
    await ledger.record(month, LATER)
    assert len(month.decisions) < month.decision_count == 122
    assert [entry.number for entry in await ledger.decisions("acme", NOVEMBER)] == list(range(1, 123))


async def test_an_entry_of_the_audit_trail_is_never_changed_or_deleted(ledger: SqlLedger) -> None:
    month = halted(drafted())
    await ledger.record(month, AT)
    forged = tuple(entry.evolve(by="mallory", result="nothing") for entry in month.decisions)
    await ledger.record(month.evolve(decisions=forged, revision=50), LATER)
    await ledger.record(month.evolve(decisions=(), revision=51), LATER)
    assert await ledger.decisions("acme", NOVEMBER) == list(month.decisions)


async def test_a_sign_that_postgresql_cannot_store_does_not_stop_a_month(ledger: SqlLedger) -> None:
    month, *_ = decide(drafted(), Halt(by="ann", reason="a\0b"), AT, "test")
    await ledger.record(month, AT)
    assert await ledger.month("acme", NOVEMBER) == month
    assert [entry.reason for entry in await ledger.decisions("acme", NOVEMBER)] == ["a\N{REPLACEMENT CHARACTER}b"]


async def test_a_departed_customer_leaves_no_month_behind_that_had_not_begun(ledger: SqlLedger) -> None:
    await ledger.record(opened(DECEMBER), AT)
    await ledger.record(leaving(opened(NOVEMBER)), LATER)
    assert [row.period for row in await ledger.invoices()] == [NOVEMBER]
    assert await ledger.customers() == []
    assert await ledger.closed_reason("acme")


# -- instants


async def test_instants_come_back_in_utc_to_the_microsecond_whatever_zone_they_were_written_in(
    ledger: SqlLedger, url: str
) -> None:
    tokyo = AT.astimezone(timezone(timedelta(hours=9)))
    await ledger.record(opened(), tokyo)
    session = url if "sqlite" in url else f"{url}&options=-c%20timezone%3DAmerica/New_York"
    elsewhere = await SqlLedger.connect(session)
    (row,) = await elsewhere.invoices()
    await elsewhere.close()
    assert row.updated_at == AT
    assert row.updated_at.tzinfo is UTC
    assert "2026-12-01 03:00:00.123456" in str(read(url, "SELECT updated_at FROM invoices")[0][0])
