"""What the ledger answers to the reviewers' page of a month, on SQLite and on PostgreSQL alike."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, text
from sqlalchemy.dialects import sqlite

from adapters.sql.ledger import SqlLedger
from adapters.sql.reviewers.review_queries import _matching
from billing.invoices.stages import Stage
from billing.period import Period
from billing.reviewers.overview import StageTotal
from billing.reviewers.queries import AuditFilter, AuditKind, Sort
from billing.reviewers.users import Role, User
from tests.contract.ledger_fixtures import AT, DECEMBER, LATER, NOVEMBER, OCTOBER, run
from tests.contract.page_fixtures import MONTH, halted, listed, mark, month, recorded

# -- the month


async def test_an_empty_ledger_has_no_months(ledger: SqlLedger) -> None:
    assert await ledger.current_period() is None
    assert await ledger.periods() == []
    assert await ledger.totals(NOVEMBER) == []
    assert await ledger.work(NOVEMBER) == []
    assert await ledger.coming(NOVEMBER, AT, LATER) == []
    assert await ledger.year(NOVEMBER) == []
    assert await ledger.rows(MONTH, 1) == []
    assert await ledger.count(MONTH) == 0
    assert await ledger.audit(AuditFilter(), None, 10) == []


async def test_the_current_month_is_the_newest_with_drafts(ledger: SqlLedger) -> None:
    await recorded(ledger, month("acme", period=OCTOBER))
    assert await ledger.current_period() == OCTOBER
    await recorded(ledger, month("bolt", 100, period=Period("2026-08")), month("coal", period=DECEMBER))
    assert await ledger.current_period() == Period("2026-08")
    assert await ledger.periods() == ["2026-12", "2026-11", "2026-10", "2026-09", "2026-08"]


async def test_totals_are_by_stage_and_currency(ledger: SqlLedger) -> None:
    await recorded(ledger, month("acme", 90_000_000), month("bolt", 5), month("coal", 7, currency="usd"), month("dune"))
    totals = {(each.stage, each.currency): each for each in await ledger.totals(NOVEMBER)}
    together = StageTotal(stage=Stage.MONITORING, currency="eur", customers=2, drafts=2, total_minor=90_000_005)
    assert totals[Stage.MONITORING, "eur"] == together
    assert totals[Stage.MONITORING, "usd"].total_minor == 7
    assert totals[Stage.SCHEDULED, "eur"].drafts == 0
    assert len(totals) == 3


async def test_who_is_needed_is_grouped_by_reason_the_most_urgent_first(ledger: SqlLedger, url: str) -> None:
    names = ("acme", "bolt", "coal", "dune", "eden")
    await recorded(ledger, *(month(name, 100, currency="usd" if name == "coal" else "eur") for name in names))
    halt = {"stage": Stage.HALTED, "needs": "halted by ann: row 7"}
    for name, hours in (("acme", 3), ("bolt", 1), ("coal", 2)):
        mark(url, name, **halt, next_at=AT + timedelta(hours=hours))
    mark(url, "dune", stage=Stage.AWAITING_APPROVAL, needs="1.00 EUR waits", next_at=None)
    mark(url, "eden", needs=None, next_at=AT)
    approval, halts = await ledger.work(NOVEMBER)
    assert (approval.stage, approval.reason, approval.count, approval.next_at) == ("AwaitingApproval", None, 1, None)
    assert (halts.reason, halts.count, halts.sums) == ("halted by ann: row 7", 3, {"eur": 200, "usd": 100})
    assert halts.next_at == AT + timedelta(hours=1)
    assert [each.customer_id for each in halts.members] == ["bolt", "coal", "acme"]
    assert (halts.members[0].needs, halts.members[0].name) == ("halted by ann: row 7", "Bolt")
    assert await listed(ledger, needs=True, sort=Sort.NEXT) == ["dune", "bolt", "coal", "acme"]

    assert await ledger.reason_of(NOVEMBER, halts.stop) == "halted by ann: row 7"
    assert await ledger.reason_of(NOVEMBER, "another") is None
    assert await listed(ledger, reason="halted by ann: row 7") == ["acme", "bolt", "coal"]
    (left,) = await ledger.work(NOVEMBER, ["acme", "bolt", "coal"])
    assert left.stage == "AwaitingApproval"
    assert [each.customer_id for each in await ledger.open_of(NOVEMBER, ["eden", "none"])] == ["eden"]


async def test_rows_that_cannot_be_read_are_one_group_whatever_they_say(ledger: SqlLedger, url: str) -> None:
    await recorded(ledger, month("acme", 100), month("bolt", 100))
    for name in ("acme", "bolt"):
        mark(url, name, stage=Stage.HALTED, needs=f"row of {name} cannot be read", problems=1)
    (group,) = await ledger.work(NOVEMBER)
    assert (group.count, group.reason, group.stop) == (2, None, "")


async def test_what_comes_is_what_goes_on_by_itself(ledger: SqlLedger, url: str) -> None:
    drafted = month("acme", 100)
    await recorded(ledger, drafted, month("bolt", 100), month("coal"), month("dune", 100), month("eden", 100))
    mark(url, "bolt", stage=Stage.LAST_CALL)
    mark(url, "dune", stage=Stage.HALTED, needs="halted by ann: row 7")
    mark(url, "eden", total_minor=0)
    far = drafted.charge_at + timedelta(days=1)
    counts = Counter[str]()
    for each in await ledger.coming(NOVEMBER, drafted.import_at, far):
        counts[each.step] += each.count
    assert counts == {"sales": 1, "notice": 2, "charge": 3}
    assert await ledger.coming(NOVEMBER, far, far + timedelta(days=9)) == []
    only_charges = await ledger.coming(NOVEMBER, drafted.charge_at, far)
    assert {each.step for each in only_charges} == {"charge"}


async def test_the_year_says_what_was_charged_what_is_unpaid_and_what_was_skipped(ledger: SqlLedger, url: str) -> None:
    long_ago = Period("2025-11")
    closed = (
        month("acme", 100).close(Stage.PAID, AT),
        month("bolt", 100).close(Stage.PAST_DUE, AT),
        month("coal", 30).close(Stage.SKIPPED, AT),
        month("dune", 7, OCTOBER, currency="usd").close(Stage.PAID, AT),
        month("eden", 9, long_ago).close(Stage.PAID, AT),
    )
    await recorded(ledger, *closed, month("fern", 500))
    owe(url, "bolt", "Collecting")
    october, november = await ledger.year(NOVEMBER)
    assert (october.period, october.currency, october.charged_minor) == (OCTOBER, "usd", 7)
    assert (november.charged_minor, november.unpaid_minor, november.skipped_minor) == (140, 60, 30)


async def test_the_pulse_changes_with_every_change_of_the_month_and_no_other(ledger: SqlLedger) -> None:
    drafted = month("acme", 100)
    await recorded(ledger, drafted, month("bolt", 100, period=OCTOBER))
    pulses = [await ledger.pulse(NOVEMBER)]
    assert await ledger.pulse(NOVEMBER) == pulses[0]
    await ledger.record(halted(drafted), AT - timedelta(days=9))  # a clock that is behind
    pulses.append(await ledger.pulse(NOVEMBER))
    await recorded(ledger, halted(month("bolt", 100, period=OCTOBER)))
    assert await ledger.pulse(NOVEMBER) == pulses[1]
    await recorded(ledger, month("coal"))
    pulses.append(await ledger.pulse(NOVEMBER))
    assert len(set(pulses)) == 3


# -- the audit trail


def owe(url: str, customer_id: str, stage: str, next_at: datetime | None = None) -> None:
    """Of a customer's November, 60 are still owed."""
    account = text(
        "INSERT INTO collections (customer_id, period, stage, next_at, revision, state, updated_at)"
        " VALUES (:whose, '2026-11', :stage, :next, 1, '{}', :at)"
    )
    owed = text(
        "INSERT INTO debts (customer_id, period, collection, stage, currency, amount_minor, outstanding_minor,"
        " opened_at, next_at, is_tried, updated_at)"
        " VALUES (:whose, '2026-11', '2026-11', :stage, 'eur', 100, 60, :at, :next, false, :at)"
    )
    values = {"whose": customer_id, "stage": stage, "at": AT, "next": next_at}
    for statement in (account, owed):
        run(url, lambda connection, statement=statement: connection.execute(statement, values))


async def test_what_is_owed_and_open_months_are_needed_in_the_order_of_the_next_instant(
    ledger: SqlLedger, url: str
) -> None:
    closed = [month(name, 100).close(Stage.PAST_DUE, AT) for name in ("bolt", "coal", "dune")]
    await recorded(ledger, month("acme", 100), month("eden", 100), *closed)
    for name, hours in (("acme", 1), ("eden", 3)):
        mark(url, name, needs="approve it", next_at=AT + timedelta(hours=hours))
    owe(url, "bolt", "AwaitingPerson", AT + timedelta(hours=2))
    owe(url, "coal", "Collecting", AT)
    owe(url, "dune", "Exhausted", AT + timedelta(hours=4))
    groups = [(each.collecting, [need.customer_id for need in each.members]) for each in await ledger.work(NOVEMBER)]
    assert groups == [(False, ["acme", "eden"]), (True, ["bolt"]), (True, ["dune"])]


async def test_the_list_of_who_is_needed_has_what_is_owed_too(ledger: SqlLedger, url: str) -> None:
    closed = [month(name, 100).close(Stage.PAST_DUE, AT) for name in ("bolt", "coal")]
    await recorded(ledger, month("acme", 100), *closed, month("bolt", 100, period=OCTOBER))
    mark(url, "acme", needs="approve it")
    owe(url, "bolt", "Unresolved")
    owe(url, "coal", "Collecting")
    assert await listed(ledger, needs=True) == ["acme", "bolt"]
    assert await listed(ledger, needs=True, search="bolt@") == ["bolt"]
    rows = {row.customer_id: row.needs for row in await ledger.rows(MONTH, 1)}
    assert rows == {"acme": "approve it", "bolt": "the collection needs a person", "coal": None}
    assert await ledger.count(MONTH.evolve(period=OCTOBER, needs=True)) == 0


async def test_who_is_needed_is_found_without_reading_a_month(ledger: SqlLedger, url: str) -> None:
    if not url.startswith("sqlite"):
        pytest.skip("PostgreSQL chooses by the size of its tables")
    counted = str(
        _matching(MONTH.evolve(needs=True), func.count()).compile(
            dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}
        )
    )
    plan: list[str] = []
    run(
        url, lambda connection: plan.extend(row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {counted}")))
    )
    assert "SEARCH invoices USING COVERING INDEX invoices_for_desk (period=? AND customer_id=?)" in plan
    assert "SEARCH months USING INDEX invoices_in_need (period=? AND outcome=?)" in plan


async def test_sign_ins_are_told_of_known_users_only(ledger: SqlLedger) -> None:
    await ledger.add_user(User(username="ann", name="Ann", role=Role.VIEWER), "", AT)
    for name in ("ann", "my secret password"):
        await ledger.begin_sign_in(name, "192.0.2.1", AT)
    (row,) = await ledger.audit(AuditFilter(), None, 10)
    assert (row.kind, row.by, row.command, row.accepted, row.result) == (
        AuditKind.SIGN_IN,
        "ann",
        "sign in",
        False,
        "192.0.2.1",
    )
    assert await ledger.audit(AuditFilter(sign_ins=True), None, 10) == [row]
    assert await ledger.audit(AuditFilter(sign_ins=False), None, 10) == []
