"""The difference between two versions of an invoice, and what a corrected notice corrects."""

from datetime import UTC, datetime, timedelta

from billing.invoices.invoice import AddLine, ChangeLine, Invoice, LineItem, Problem, RemoveLine, Source
from billing.invoices.ports import VersionRow
from billing.invoices.versions import LineChange, difference
from billing.mails.corrections import correction
from billing.mails.mail import CustomerMailKind, MessageRow, MessageStatus

AT = datetime(2026, 11, 4, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
SOURCE = Source(sheet="2026-10", row=4, digest="d")
BEANS = LineItem(line_id="row-2", description="Beans", amount_minor=100)
MILK = LineItem(line_id="row-3", description="Milk", amount_minor=50)
ODD = Problem(line_id="row-4", description="Odd", raw="#REF!", reason="no amount", source=SOURCE)
FIRST = Invoice(currency="EUR", imported_at=AT, lines=(BEANS, MILK), problems=(ODD,))


def test_the_same_invoice_does_not_differ() -> None:
    assert difference(FIRST, FIRST.evolve(version=2)) == ()


def test_changed_added_and_removed_lines_are_told_in_order() -> None:
    changes = (
        ChangeLine(line_id="row-2", amount_minor=90),
        AddLine(description="Discount", amount_minor=-5),
        RemoveLine(line_id="row-3"),
    )
    after = FIRST.edited(changes)
    assert difference(FIRST, after) == (
        LineChange(line_id="row-2", before=BEANS, after=BEANS.evolve(amount_minor=90)),
        LineChange(line_id="added-1", after=after.lines[-1]),
        LineChange(line_id="row-3", before=MILK),
    )


def test_another_text_is_a_change_too() -> None:
    (change,) = difference(FIRST, FIRST.edited((ChangeLine(line_id="row-3", description="Oat milk"),)))
    assert (change.before, change.after) == (MILK, MILK.evolve(description="Oat milk"))


def test_a_row_that_could_not_be_read_says_what_became_of_it() -> None:
    mended = FIRST.edited((ChangeLine(line_id="row-4", amount_minor=7),))
    (change,) = difference(FIRST, mended)
    assert (change.before, change.after, change.note) == (None, mended.lines[-1], "was unreadable: #REF!")
    (removed,) = difference(FIRST, FIRST.edited((RemoveLine(line_id="row-4"),)))
    assert removed == LineChange(line_id="row-4", note="unreadable row removed: #REF!")


# -- corrections


def version(number: int, invoice: Invoice, at: datetime) -> VersionRow:
    return VersionRow(version=number, digest=invoice.digest, by=None, at=at, invoice=invoice)


def notice(at: datetime, total_minor: int, to: str = "ann@example.com", **changes: object) -> MessageRow:
    row = MessageRow(
        message_id=str(at),
        kind=CustomerMailKind.NOTICE,
        number=1,
        recipient=to,
        status=MessageStatus.SENT,
        at=at,
        total_minor=total_minor,
        subject="",
        text="",
    )
    return row.evolve(**changes)


SECOND = FIRST.edited((ChangeLine(line_id="row-2", amount_minor=90),))
THIRD = SECOND.edited((RemoveLine(line_id="row-3"),))
VERSIONS = [version(1, FIRST, AT), version(2, SECOND, AT + 2 * HOUR), version(3, THIRD, AT + 4 * HOUR)]


def test_a_correction_is_against_what_was_told_last() -> None:
    told = [notice(AT + HOUR, 150), notice(AT + 3 * HOUR, 140)]
    found = correction(THIRD, told, VERSIONS, "ann@example.com")
    assert found is not None
    assert (found.told_at, found.told_minor) == (AT + 3 * HOUR, 140)
    assert found.changes == (LineChange(line_id="row-3", before=MILK),)


def test_what_never_arrived_and_what_is_no_notice_is_not_corrected() -> None:
    unsent = notice(AT, 150, status=MessageStatus.SENDING)
    assert correction(THIRD, [unsent, notice(AT, 150, kind=CustomerMailKind.RECEIPT)], VERSIONS) is None


def test_another_address_was_told_nothing_yet() -> None:
    told = [notice(AT + HOUR, 150, to="old@example.com")]
    assert correction(THIRD, told, VERSIONS, "ann@example.com") is None
    assert correction(THIRD, told, VERSIONS) is not None


def test_of_a_version_that_is_not_on_record_only_the_total_is_known() -> None:
    found = correction(THIRD, [notice(AT + HOUR, 150)], [])
    assert found is not None
    assert (found.told_minor, found.changes) == (150, None)
