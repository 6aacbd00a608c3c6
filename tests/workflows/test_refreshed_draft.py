"""Sales changed before the charge: people are told, and the draft takes them in if somebody refreshes it."""

from billing.invoices.approval_policy import Flag, flags
from billing.invoices.commands import Edit
from billing.invoices.invoice import ChangeLine
from billing.reviewers.alerts import AlertKind
from billing.sales.adjustments import refresh_changes
from bootstrap import connect_sheet_comparer
from tests.bed import OCTOBER, Bed, now
from tests.workflows.late_sales import (
    ACME,
    ANN,
    NOVEMBER,
    SEPTEMBER,
    billed,
    edit,
    october,
    read_anew,
    refresh,
    september,
)

__all__ = ["read_anew"]  # fixture


async def test_a_change_before_the_notice_is_told_and_stops_nothing(bed: Bed) -> None:
    await bed.monitored()
    october(bed, ("100", "Sale 1"), ("20", "Forgotten"))
    month = await bed.announced()
    assert month.drift == "rows: 1 added; 20.00 EUR more"
    assert Flag.SHEET in flags(month)
    assert "the sheet has changed since the import (rows: 1 added; 20.00 EUR more)" in await bed.told()
    assert (await bed.recorded("acme", OCTOBER)).drift == month.drift
    await bed.closed()
    assert bed.charged() == [(OCTOBER, 10000)]
    assert [row.kind for row in await bed.ledger.alerts()].count(AlertKind.REPORT) == 1


async def test_a_draft_is_refreshed_before_the_notice_and_the_edits_of_other_lines_stay(bed: Bed) -> None:
    await bed.monitored(sales=("100", "50", "7"))
    await edit(bed, ChangeLine(line_id="row-2", amount_minor=9000), ChangeLine(line_id="row-3", amount_minor=4000))
    october(bed, ("1", "Cake"), ("100", "Sale 1"), ("60", "Sale 2"))
    answer = await refresh(bed)
    assert answer.accepted
    assert answer.result.startswith("version 3: 151.00 EUR")
    month = await bed.announced()
    assert billed(month) == [
        ("row-2", 9000, "2026-10, 2"),
        ("row-3", 6000, "2026-10, 4"),
        ("added-1", 100, "2026-10, 2"),
    ]
    assert month.drift is None
    bed.sales(NOVEMBER, (ACME, "2", "Tea"))
    await bed.closed()
    assert bed.charged() == [(OCTOBER, 15100)]
    assert (await bed.month("acme")).period == NOVEMBER


async def test_a_refresh_in_the_last_call_sends_a_corrected_notice_and_is_not_billed_again(bed: Bed) -> None:
    await bed.monitored(period=SEPTEMBER)
    october(bed, ("10", "Hosting"))
    september(bed, ("100", "Sale 1"), ("20", "Forgotten"))
    assert (await bed.announced()).drift
    assert (await refresh(bed)).accepted
    month = await bed.until("acme", lambda month: month.notices == 2)
    assert month.drift is None
    assert "120.00" in bed.mails(ACME)[-1].text
    await bed.closed(period=SEPTEMBER)
    assert billed(await bed.drafted("acme", OCTOBER)) == [("row-2", 1000, "2026-10, 2")]
    assert bed.charged() == [(SEPTEMBER, 12000)]


async def test_what_changes_after_a_refresh_is_adjusted_from_there(bed: Bed) -> None:
    await bed.monitored(period=SEPTEMBER)
    october(bed, ("10", "Hosting"))
    september(bed, ("20", "Forgotten"), ("100", "Sale 1"))
    assert (await refresh(bed)).accepted
    await bed.announced()
    september(bed, ("25", "Forgotten"), ("100", "Sale 1"))
    await bed.closed(period=SEPTEMBER)
    month = await bed.drafted("acme", OCTOBER)
    assert billed(month)[1:] == [("late-2026-09-row-2", 500, "2026-09, 2")]


async def test_a_refresh_of_what_somebody_has_edited_meanwhile_is_refused(bed: Bed) -> None:
    seen = await bed.monitored()
    october(bed, ("100", "Sale 1"), ("20", "Forgotten"))
    await edit(bed, ChangeLine(line_id="row-2", amount_minor=9000))
    compared = await connect_sheet_comparer(bed.settings, bed.adapters).compare(seen, now())
    assert compared is not None
    assert seen.invoice is not None
    changes = refresh_changes(compared.changes, compared.sales.digest)
    said = Edit(**ANN, period=seen.period, version=1, digest=seen.invoice.digest, changes=changes, sales=compared.sales)
    answer = await bed.command("acme", said)
    assert not answer.accepted
    assert "made on version 1" in answer.result


async def test_a_sheet_that_cannot_be_read_does_not_stop_the_notice(bed: Bed) -> None:
    await bed.monitored()
    october(bed, ("999", "Sale 1"))
    await bed.sheets_fault(path="/v4/", kind="status", status=503, times=None)
    month = await bed.announced()
    assert month.drift is None
    await bed.closed()
    assert bed.charged() == [(OCTOBER, 10000)]
