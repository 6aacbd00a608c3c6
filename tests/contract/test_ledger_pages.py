"""What the ledger answers to the reviewers' pages, on SQLite and on PostgreSQL alike."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, text
from sqlalchemy.dialects import sqlite

from adapters.sql.ledger import SqlLedger
from adapters.sql.reviewers.review_queries import _matching
from billing.commands import Halt, Resume
from billing.customers.customer import Terms
from billing.errors import InvalidInput
from billing.invoices.invoice import Invoice, LineItem, Source
from billing.invoices.month import Month
from billing.invoices.review import decide
from billing.invoices.stages import Stage
from billing.mails.mail import CustomerMail, CustomerMailKind, MessageStatus, RenderedMail
from billing.period import Period
from billing.reviewers.brake import BrakeHold
from billing.reviewers.overview import StageTotal
from billing.reviewers.queries import AuditCursor, AuditFilter, AuditKind, InvoiceFilter, Sort
from billing.reviewers.users import Role, User
from tests.contract.ledger_fixtures import ACME, AT, DECEMBER, LATER, NOVEMBER, OCTOBER, run
from tests.unit.months import decided

MONTH = InvoiceFilter(period=NOVEMBER)


def month(customer_id: str, amount_minor: int = 0, period: Period = NOVEMBER, **fields: Any) -> Month:
    """A customer's drafted month; without an amount, one that waits for its sales."""
    values = {"customer_id": customer_id, "email": f"{customer_id}@post.example", "name": customer_id.title()}
    opened = Month.open(ACME.evolve(**{**values, **fields}), period)
    if not amount_minor:
        return opened
    source = Source(sheet=period, row=2, digest="d")
    line = LineItem(line_id="row-2", description="Tea", amount_minor=amount_minor, source=source)
    return opened.drafted(Invoice(currency=opened.customer.currency, imported_at=AT, lines=(line,)))


def halted(drafted: Month, at: datetime = AT, reason: str = "row 7") -> Month:
    return decide(drafted, Halt(by="ann", reason=reason), at, "update")[0]


async def recorded(ledger: SqlLedger, *months: Month) -> None:
    for each in months:
        await ledger.record(each, AT)


def mark(url: str, customer_id: str, **columns: Any) -> None:
    """Sets columns of a customer's November."""
    sets = ", ".join(f"{name} = :{name}" for name in columns)
    statement = text(f"UPDATE invoices SET {sets} WHERE customer_id = :whose AND period = '2026-11'")
    run(url, lambda connection: connection.execute(statement, columns | {"whose": customer_id}))


async def listed(ledger: SqlLedger, **wanted: Any) -> list[str]:
    rows = await ledger.rows(MONTH.evolve(**wanted), 1)
    assert await ledger.count(MONTH.evolve(**wanted)) == len(rows)
    assert {each.customer_id for each in await ledger.seen(MONTH.evolve(**wanted))} == {r.customer_id for r in rows}
    return [row.customer_id for row in rows]


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


# -- the list


async def test_a_row_tells_what_a_decision_is_bound_to(ledger: SqlLedger, url: str) -> None:
    drafted = month("acme", 1300)
    await recorded(ledger, drafted)
    mark(url, "acme", flags="|first|edited|", needs="approve it", usual_minor=1000)
    (row,) = await ledger.rows(MONTH, 1)
    assert drafted.invoice is not None
    assert (row.version, row.digest, row.total_minor) == (1, drafted.invoice.digest, 1300)
    assert (row.flags, row.needs, row.change) == (("first", "edited"), "approve it", 30.0)
    assert (row.name, row.email, row.timezone) == ("Acme", "acme@post.example", "Europe/Paris")
    (seen,) = await ledger.seen(MONTH)
    assert (seen.customer_id, seen.version, seen.digest) == ("acme", 1, row.digest)
    now = await ledger.now_of(NOVEMBER, ["acme", "nobody"])
    assert now == {"acme": seen.evolve(stop=now["acme"].stop)}
    assert await ledger.months_of(NOVEMBER, ["acme", "nobody"]) == [drafted]


async def test_rows_are_found_by_any_part_of_id_name_and_email(ledger: SqlLedger) -> None:
    await recorded(ledger, month("acme", 1), month("bolt", 1, name="Percent 100% Ltd"), month("coal", 1))
    assert await listed(ledger, search="CME") == ["acme"]
    assert await listed(ledger, search="percent 1") == ["bolt"]
    assert await listed(ledger, search="coal@post") == ["coal"]
    assert await listed(ledger, search="%") == ["bolt"]
    assert await listed(ledger, search="_") == []
    assert await listed(ledger, search="' OR 1=1 --") == []


async def test_rows_are_filtered_by_stage_flag_and_currency(ledger: SqlLedger, url: str) -> None:
    await recorded(ledger, month("acme", 1), month("bolt", 1, currency="usd"), month("coal"))
    mark(url, "acme", flags="|large|")
    mark(url, "bolt", flags="|large|changed|")
    assert await listed(ledger, stage=Stage.SCHEDULED) == ["coal"]
    assert await listed(ledger, flag="large") == ["acme", "bolt"]
    assert await listed(ledger, flag="changed") == ["bolt"]
    assert await listed(ledger, flag="large", currency="eur") == ["acme"]


@pytest.mark.parametrize(
    ("sort", "up", "down"),
    [
        (Sort.CUSTOMER, "acme bolt coal dune", "dune coal bolt acme"),
        (Sort.STAGE, "dune acme coal bolt", "bolt acme coal dune"),
        (Sort.AMOUNT, "dune acme bolt coal", "bolt acme dune coal"),  # coal is in another currency
        (Sort.CHANGE, "bolt acme coal dune", "acme bolt coal dune"),  # coal and dune have nothing to compare with
        (Sort.NEXT, "coal acme dune bolt", "acme coal dune bolt"),  # bolt is closed
    ],
)
async def test_rows_come_in_any_order(ledger: SqlLedger, url: str, sort: Sort, up: str, down: str) -> None:
    skipped = month("bolt", 300).close(Stage.SKIPPED, AT)
    await recorded(ledger, month("acme", 200), skipped, month("coal", 1, currency="usd"), month("dune"))
    mark(url, "acme", usual_minor=400, next_at=LATER)
    mark(url, "bolt", usual_minor=290, next_at=None)
    mark(url, "coal", usual_minor=0, next_at=AT)
    mark(url, "dune", usual_minor=100, next_at=LATER if sort is Sort.NEXT else None)
    if sort is Sort.NEXT:
        down = "acme dune coal bolt"
    assert await listed(ledger, sort=sort) == up.split()
    assert await listed(ledger, sort=sort, descending=True) == down.split()


async def test_pages_follow_each_other(ledger: SqlLedger) -> None:
    await recorded(ledger, *(month(f"c{number:03}", 1) for number in range(105)))
    first, second, third = [await ledger.rows(MONTH, page) for page in (1, 2, 3)]
    assert [row.customer_id for row in first + second] == [f"c{number:03}" for number in range(105)]
    assert (len(first), third, await ledger.count(MONTH)) == (100, [], 105)


async def test_what_a_release_of_the_brake_lets_go_on_is_counted(ledger: SqlLedger) -> None:
    assert await ledger.held_by_brake() == BrakeHold(open_months=0, stopped_months=0, window_hours=0, tries=0, orders=0)
    patient = month("bolt", 100, terms=Terms(min_window_hours=24))
    closed = month("coal", 100).close(Stage.SKIPPED, AT)
    await recorded(ledger, month("acme", 100).braked("the brake is on"), patient, closed)
    hold = await ledger.held_by_brake()
    assert hold == BrakeHold(open_months=2, stopped_months=1, window_hours=24, tries=0, orders=0)
    assert hold.earliest(AT) == AT + timedelta(hours=24)


# -- the audit trail


async def test_a_mail_that_a_person_had_sent_again_is_in_the_trail_and_no_other(ledger: SqlLedger) -> None:
    announced = month("acme", 100)
    await recorded(ledger, announced)
    mail = CustomerMail(kind=CustomerMailKind.NOTICE, message_id="<1@x>", to="acme@post.example", month=announced)
    again = mail.evolve(message_id="<2@x>", asked_by="ann", asked_why="they cannot find it")
    for each in (mail, again):
        await ledger.save_message(each, 1, MessageStatus.SENT, LATER, RenderedMail("s", "t", "h"))
    (entry,) = await ledger.audit(AuditFilter(customer="acme"), None, 10)
    assert (entry.kind, entry.by, entry.reason, entry.via) == (AuditKind.MAIL, "ann", "they cannot find it", "console")
    assert entry.command == "send again: notice"
    assert await ledger.audit(AuditFilter(), entry.cursor, 10) == []
    assert [row.asked_by for row in await ledger.messages("acme", NOVEMBER)] == [None, "ann"]


async def test_the_trail_has_decisions_refusals_and_the_brake_newest_first(ledger: SqlLedger, url: str) -> None:
    trail = halted(month("acme", 100))
    trail, refused = decided(trail, Halt(by="bob", reason="me too"), LATER, "update")
    assert not refused.accepted
    await recorded(ledger, trail)
    pulled = {"at": AT + timedelta(minutes=1), "off": LATER + timedelta(minutes=1)}
    pull = text(
        "INSERT INTO brakes VALUES (1, 'ann', 'wrong sheet', 'console', :at, 'eve', 'it is right', 'console', :off)"
    )
    run(url, lambda connection: connection.execute(pull, pulled))
    rows = await ledger.audit(AuditFilter(), None, 10)
    told = [(row.kind, row.by, row.command, row.accepted, row.reason) for row in rows]
    assert told == [
        (AuditKind.BRAKE, "eve", "release the brake", True, "it is right"),
        (AuditKind.DECISION, "bob", "halt", False, "me too"),
        (AuditKind.BRAKE, "ann", "pull the brake", True, "wrong sheet"),
        (AuditKind.DECISION, "ann", "halt", True, "row 7"),
    ]
    assert (rows[1].customer_id, rows[1].period, rows[1].version) == ("acme", NOVEMBER, 1)


async def test_the_trail_is_narrowed_by_person_customer_period_and_text(ledger: SqlLedger) -> None:
    october = halted(month("acme", 100, period=OCTOBER), reason="sums are 100% wrong")
    resumed, *_ = decide(halted(month("acme", 100)), Resume(by="Bob", reason="mended"), LATER, "update")
    await recorded(ledger, october, resumed, halted(month("bolt", 100)))

    async def found(**wanted: Any) -> int:
        return len(await ledger.audit(AuditFilter(**wanted), None, 10))

    assert (await found(), await found(by="bob"), await found(customer="acme")) == (4, 1, 3)
    assert (await found(period=OCTOBER), await found(text="100%"), await found(text="MENDED")) == (1, 1, 1)
    assert (await found(by="ann", customer="bolt"), await found(by="ann", text="mended")) == (1, 0)


async def test_the_trail_goes_on_where_a_page_ended_even_within_one_instant(ledger: SqlLedger) -> None:
    await recorded(ledger, *(halted(month(f"c{number}", 1)) for number in range(7)))
    whole = await ledger.audit(AuditFilter(), None, 10)
    pages, after = [], None
    while page := await ledger.audit(AuditFilter(), after, 2):
        pages += page
        after = AuditCursor.parse(str(page[-1].cursor))
    assert pages == whole
    assert len({row.customer_id for row in pages}) == 7


@pytest.mark.parametrize("text", ["", "x", "~~~~", "2026-11-01~decision~acme~2026-11~1", "9~nobody~~~1"])
def test_a_place_in_the_trail_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        AuditCursor.parse(text)


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
