"""Sales typed, changed or removed after the collection are lines of the next month, once, and of their customer."""

from datetime import timedelta

from billing.customers.customer import CustomerChanges, ReviewMode, Terms, TermsChanges
from billing.invoices.approval_policy import Flag, flags
from billing.invoices.commands import Approve, Edit, Skip, UpdateCustomer
from billing.invoices.invoice import AddLine, ChangeLine, RemoveLine
from billing.invoices.stages import Stage
from billing.period import Period
from bootstrap import connect_completeness
from tests.bed import OCTOBER, Bed
from tests.stops import text_of
from tests.workflows.late_sales import ACME, ANN, NOVEMBER, SEPTEMBER, billed, edit, october, read_anew, september

__all__ = ["read_anew"]  # fixture


# -- after the charge


async def test_rows_added_changed_and_removed_after_the_charge_are_lines_of_the_next_month(bed: Bed) -> None:
    await bed.monitored(sales=("100", "50", "7"), period=SEPTEMBER)
    october(bed, ("10", "Hosting"))
    await bed.announced()
    september(bed, ("120", "Sale 1"), ("7", "Sale 3"), ("3", "Forgotten"))
    await bed.closed(period=SEPTEMBER)
    month = await bed.drafted("acme", OCTOBER)
    assert billed(month) == [
        ("row-2", 1000, "2026-10, 2"),
        ("late-2026-09-row-2", 2000, "2026-09, 2"),
        ("removed-2026-09-row-3", -5000, "2026-09, 3"),
        ("late-2026-09-row-4", 300, "2026-09, 4"),
    ]
    assert Flag.SHEET in flags(month)
    assert bed.charged() == [(SEPTEMBER, 15700)]


async def test_what_was_adjusted_once_is_not_adjusted_again_in_the_months_after(bed: Bed) -> None:
    await bed.monitored(sales=("100",), period=SEPTEMBER)
    october(bed, ("10", "Hosting"))
    bed.sales(NOVEMBER, (ACME, "1", "Tea"))
    await bed.announced()
    september(bed, ("100", "Sale 1"), ("5", "Forgotten"))
    await bed.closed(period=SEPTEMBER)
    await bed.drafted("acme", OCTOBER)
    september(bed, ("100", "Sale 1"), ("5", "Forgotten"), ("9", "Even later"))
    await bed.announced()
    october(bed, ("11", "Hosting"))
    await bed.closed(period=OCTOBER)
    month = await bed.drafted("acme", NOVEMBER)
    assert billed(month) == [("row-2", 100, "2026-11, 2"), ("late-2026-10-row-2", 100, "2026-10, 2")]
    await bed.closed(period=NOVEMBER)
    assert bed.charged() == [(SEPTEMBER, 10000), (OCTOBER, 1500), (NOVEMBER, 200)]


async def test_a_sheet_that_is_corrected_as_a_reviewer_had_edited_the_draft_adjusts_nothing(bed: Bed) -> None:
    await bed.monitored(sales=("4800", "12,50", "7"), period=SEPTEMBER)
    october(bed, ("10", "Hosting"))
    await edit(
        bed,
        ChangeLine(line_id="row-2", amount_minor=48000),
        ChangeLine(line_id="row-3", amount_minor=1250),
        RemoveLine(line_id="row-4"),
        AddLine(description="Forgotten", amount_minor=500),
    )
    september(bed, ("480", "Sale 1"), ("12.50", "Sale 2"), ("5", "Forgotten"))
    assert (await bed.announced()).drift is None
    await bed.closed(period=SEPTEMBER)
    assert billed(await bed.drafted("acme", OCTOBER)) == [("row-2", 1000, "2026-10, 2")]


async def test_a_row_that_cannot_be_read_any_more_stops_the_next_month_for_a_person(bed: Bed) -> None:
    await bed.monitored(sales=("100",), period=SEPTEMBER)
    october(bed, ("10", "Hosting"))
    await bed.announced()
    september(bed, ("1,2", "Sale 1"))
    await bed.closed(period=SEPTEMBER)
    month = await bed.drafted("acme", OCTOBER)
    assert "row 2 of worksheet 2026-09 cannot be read" in text_of(month.stopped)
    assert "100.00 EUR is billed for it: give the difference" in text_of(month.stopped)
    await edit(bed, ChangeLine(line_id="late-2026-09-row-2", amount_minor=-9880))
    await bed.closed(period=OCTOBER)
    assert (await bed.recorded("acme", OCTOBER)).outcome is Stage.CARRIED_FORWARD


async def test_nobody_is_billed_for_a_month_that_was_skipped_and_people_are_told(bed: Bed) -> None:
    await bed.monitored(sales=("100",), period=SEPTEMBER)
    october(bed, ("10", "Hosting"))
    september(bed, ("5", "Forgotten"))
    await bed.command("acme", Skip(**ANN))
    month = await bed.drafted("acme", OCTOBER)
    assert billed(month) == [("row-2", 1000, "2026-10, 2")]
    assert "2026-09 was skipped, and its sheet has changed since" in (month.remark or "")
    assert Flag.SHEET in flags(month)
    assert "2026-09 was skipped" in await bed.told()


async def test_late_sales_of_a_month_that_is_skipped_are_on_the_next_invoice_once(bed: Bed) -> None:
    await bed.monitored(sales=("100",), period=SEPTEMBER)
    october(bed, ("10", "Hosting"))
    bed.sales(NOVEMBER, (ACME, "1", "Tea"))
    await bed.announced()
    september(bed, ("100", "Sale 1"), ("5", "Forgotten"))
    await bed.closed(period=SEPTEMBER)
    await bed.drafted("acme", OCTOBER)
    answer = await bed.command("acme", Skip(**ANN))
    assert "moved to the next invoice: late sales of earlier months (5.00 EUR)" in answer.result
    (bed.folder / "sheets" / "sales" / f"{OCTOBER}.csv").rename(bed.folder / "away.csv")
    month = await bed.until("acme", lambda month: month.period == NOVEMBER)
    await bed.skip_to("acme", month.import_at)
    month = await bed.drafted("acme", NOVEMBER)
    assert billed(month) == [("row-2", 100, "2026-11, 2"), ("late-2026-09-row-3", 500, "2026-09, 3")]
    assert "2026-10 was skipped, and its sheet cannot be compared" in (month.remark or "")
    check = connect_completeness(bed.settings, bed.adapters, bed.client)
    assert (await check.look(Period(SEPTEMBER))).findings == ()
    await bed.closed(period=NOVEMBER)
    assert bed.charged() == [(SEPTEMBER, 10000), (NOVEMBER, 600)]


async def test_late_sales_before_a_month_that_is_skipped_without_a_draft_are_on_the_next_invoice(bed: Bed) -> None:
    await bed.monitored(sales=("100",), period=SEPTEMBER, is_last=True)
    bed.sales(NOVEMBER, (ACME, "1", "Tea"))
    await bed.announced()
    september(bed, ("100", "Sale 1"), ("5", "Forgotten"))
    await bed.closed(period=SEPTEMBER)
    await bed.skip("acme", timedelta(minutes=2))  # the first round of tries: there is no worksheet of October
    await bed.until("acme", lambda month: month.period == OCTOBER and bool(month.outage), seconds=60)
    assert (await bed.command("acme", Skip(**ANN, period=Period(OCTOBER)))).accepted
    month = await bed.until("acme", lambda month: month.period == NOVEMBER)
    await bed.skip_to("acme", month.import_at)
    month = await bed.drafted("acme", NOVEMBER)
    assert billed(month) == [("row-2", 100, "2026-11, 2"), ("late-2026-09-row-3", 500, "2026-09, 3")]
    check = connect_completeness(bed.settings, bed.adapters, bed.client)
    assert (await check.look(Period(SEPTEMBER))).findings == ()


async def test_a_month_that_was_carried_forward_or_had_nothing_due_is_adjusted_like_any_other(bed: Bed) -> None:
    await bed.monitored(sales=("0.30",), period=SEPTEMBER)
    await bed.monitored("other", sales=(), period=SEPTEMBER)
    bed.sales(SEPTEMBER, (ACME, "0.20", "Sale 1"), ("other@example.com", "4", "Forgotten"))
    october(bed, ("10", "Hosting"))
    for name in ("acme", "other"):
        await bed.closed(name, SEPTEMBER)
        await bed.drafted(name, OCTOBER)
    month = await bed.month("acme")
    assert month.invoice is not None
    assert month.invoice.total_minor == 30 + 1000 - 10
    assert billed(await bed.month("other")) == [("late-2026-09-row-3", 400, "2026-09, 3")]


async def test_amounts_that_people_enter_are_not_compared_but_get_what_the_sheet_lacked_before(bed: Bed) -> None:
    await bed.monitored(sales=("100",), period=SEPTEMBER)
    october(bed, ("10", "not for the bill"))
    await bed.announced()
    september(bed, ("100", "Sale 1"), ("5", "Forgotten"))
    changes = CustomerChanges(terms=TermsChanges(review_mode=ReviewMode.MANUAL))
    await bed.skip_to("acme", (await bed.month("acme")).charge_at)
    await bed.until("acme", lambda month: month.period == OCTOBER)
    month = await bed.drafted("acme", OCTOBER)
    await bed.command("acme", UpdateCustomer(**ANN, changes=changes))
    assert billed(month)[-1] == ("late-2026-09-row-3", 500, "2026-09, 3")
    manual = await bed.monitored(
        "byhand", sales=("1",), period=SEPTEMBER, terms=Terms(review_mode=ReviewMode.MANUAL), email="h@example.com"
    )
    assert manual.invoice is not None
    assert manual.invoice.sales is None
    add = AddLine(description="Retainer", amount_minor=5000)
    assert (await bed.command("byhand", Edit(**ANN, period=manual.period, version=1, changes=(add,)))).accepted
    entered = await bed.month("byhand")
    assert entered.invoice is not None
    await bed.command("byhand", Approve(by="bob", reason="agreed", digest=entered.invoice.digest))
    bed.sales(SEPTEMBER, ("h@example.com", "99", "Sale 9"))
    await bed.closed("byhand", SEPTEMBER)
    assert billed(await bed.drafted("byhand", OCTOBER)) == []


# -- whose rows


async def test_rows_of_a_customer_with_another_address_by_now_are_the_same_rows(bed: Bed) -> None:
    await bed.monitored(sales=("100", "50"), period=SEPTEMBER)
    bed.sales(OCTOBER, ("new@example.com", "10", "Hosting"))
    await bed.command("acme", UpdateCustomer(**ANN, changes=CustomerChanges(email="new@example.com")))
    september(bed, ("50", "Sale 2"), ("100", "Sale 1"), ("5", "Forgotten"), email="new@example.com")
    await bed.closed(period=SEPTEMBER)
    assert billed(await bed.drafted("acme", OCTOBER)) == [
        ("row-2", 1000, "2026-10, 2"),
        ("late-2026-09-row-4", 500, "2026-09, 4"),
    ]


async def test_rows_that_another_customer_was_billed_for_stay_theirs_whoever_has_the_address_now(bed: Bed) -> None:
    bed.sales(SEPTEMBER, ("one@example.com", "10", "One"), ("two@example.com", "20", "Two"))
    bed.sales(OCTOBER, ("two@example.com", "1", "One"))
    for name in ("one", "two"):
        await bed.start(await bed.customer(name, email=f"{name}@example.com"), SEPTEMBER)
        await bed.drafted(name, SEPTEMBER)
    await bed.command("two", UpdateCustomer(**ANN, changes=CustomerChanges(email="three@example.com")))
    await bed.command("one", UpdateCustomer(**ANN, changes=CustomerChanges(email="two@example.com")))
    for name, lines in (("one", [("row-2", 100, "2026-10, 2")]), ("two", [])):
        await bed.closed(name, SEPTEMBER)
        assert billed(await bed.drafted(name, OCTOBER)) == lines
    assert sorted(bed.charged()) == [(SEPTEMBER, 1000), (SEPTEMBER, 2000)]
