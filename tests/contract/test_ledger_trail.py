"""The audit trail as reviewers read it: what is in it, narrowed, page after page, on both databases."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from adapters.sql.ledger import SqlLedger
from billing.commands import Halt, Resume
from billing.errors import InvalidInput
from billing.invoices.review import decide
from billing.mails.mail import CustomerMail, CustomerMailKind, MessageStatus, RenderedMail
from billing.reviewers.queries import AuditCursor, AuditFilter, AuditKind
from tests.contract.ledger_fixtures import AT, LATER, NOVEMBER, OCTOBER, run
from tests.contract.page_fixtures import halted, month, recorded
from tests.unit.months import decided


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
