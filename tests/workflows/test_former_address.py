"""A customer has a new address, and the sheet still the old one: their sales are billed once a person has agreed."""

from datetime import timedelta
from typing import Any

import pytest

from billing.commands import CommandResult
from billing.completeness.report import CompletenessReport, FindingKind
from billing.completeness.row_check import DifferenceReason
from billing.customers.customer import CustomerChanges
from billing.invoices.approval_policy import Flag, flags
from billing.invoices.commands import Approve, Edit, UpdateCustomer
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.period import Period
from billing.remedies import RemedyAction
from billing.reviewers.alerts import AlertKind
from bootstrap import connect_completeness
from services import shared_sales
from tests.bed import OCTOBER, Bed
from tests.stops import text_of
from tests.workflows.late_sales import billed, refresh

NOVEMBER = "2026-11"
OLD, NEW = "acme@example.com", "Billing@Acme.example"
ANN: dict[str, Any] = {"by": "ann", "reason": "as agreed"}


@pytest.fixture(autouse=True)
def read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_sales, "_SHARED", timedelta())


async def moves(bed: Bed, email: str = NEW, customer_id: str = "acme") -> None:
    """Until the ledger knows, too: from then on the old address may be another customer's."""
    command = UpdateCustomer(**ANN, changes=CustomerChanges(email=email))
    assert (await bed.command(customer_id, command)).accepted
    period = (await bed.month(customer_id)).period
    await bed.is_on_record(customer_id, period, lambda month: month.customer.email == email)


async def approved(bed: Bed) -> CommandResult:
    month = await bed.month("acme")
    assert month.invoice is not None
    return await bed.command("acme", Approve(**ANN, digest=month.invoice.digest))


async def looked(bed: Bed, period: str = OCTOBER) -> CompletenessReport:
    return await connect_completeness(bed.settings, bed.adapters, bed.client).look(Period(period))


async def in_november(bed: Bed, *rows: tuple[str, str, str]) -> Month:
    """October was billed by the old address; November's sheet has these rows, and is collected after the move."""
    await bed.monitored(period=OCTOBER)
    await moves(bed)
    bed.sales(NOVEMBER, *rows)
    await bed.closed(period=OCTOBER)
    return await bed.drafted("acme", NOVEMBER)


async def test_rows_under_a_former_address_are_on_the_draft_and_nobody_is_charged_before_a_person_agrees(
    bed: Bed,
) -> None:
    month = await in_november(bed, (OLD, "30", "Hosting"), (NEW.lower(), "5", "Tea"))
    assert billed(month) == [("row-2", 3000, "2026-11, 2"), ("row-3", 500, "2026-11, 3")]
    assert Flag.ADDRESS in flags(month)
    alerts = [alert for alert in await bed.ledger.alerts() if (alert.customer_id, alert.period) == ("acme", NOVEMBER)]
    (report,) = [alert for alert in alerts if alert.kind is AlertKind.REPORT]
    assert report.text.startswith("of worksheet 2026-11, row 2: under an address that acme had before; approve")
    await bed.skip_to("acme", month.notice_at)
    month = await bed.until("acme", lambda month: bool(month.alerted_at))
    assert month.stage(month.notice_at) is Stage.AWAITING_APPROVAL
    assert text_of(month.waits_for(month.notice_at)) == (
        "35.00 EUR waits for an approval (rows under a former address of the customer: 2)"
    )
    assert (await looked(bed, NOVEMBER)).kinds == {FindingKind.APPROVAL: 1}
    assert (await approved(bed)).accepted
    assert (await bed.closed(period=NOVEMBER)).outcome is Stage.PAID
    assert bed.charged() == [(OCTOBER, 10000), (NOVEMBER, 3500)]
    assert (await looked(bed, NOVEMBER)).covered


async def test_rows_that_a_reviewer_takes_off_are_nobodys_debt(bed: Bed) -> None:
    month = await in_november(bed, (OLD, "30", "Hosting"), (NEW, "5", "Tea"))
    changes = [{"op": "remove", "line_id": "row-2"}]
    edit = Edit.model_validate({**ANN, "period": NOVEMBER, "version": 1, "changes": changes})
    assert (await bed.command("acme", edit)).accepted
    month = await bed.month("acme")
    assert Flag.ADDRESS not in flags(month)
    await bed.closed(period=NOVEMBER)
    assert bed.charged() == [(OCTOBER, 10000), (NOVEMBER, 500)]


async def test_rows_typed_under_a_former_address_after_the_collection_are_named_and_a_refresh_takes_them_in(
    bed: Bed,
) -> None:
    await bed.start(await bed.customer("acne", email="acne@example.com"), NOVEMBER)
    await in_november(bed, (NEW, "5", "Tea"))
    bed.sales(NOVEMBER, (NEW, "5", "Tea"), (OLD.upper(), "30", "Hosting"))
    (finding,) = (await looked(bed, NOVEMBER)).findings
    assert finding.kind is FindingKind.FORMER_ADDRESS
    assert finding.text == (
        "acme had the address ACME@EXAMPLE.COM before, and has row 3 of worksheet 2026-11 under it: 30.00 EUR"
    )
    assert finding.advice == "refresh the draft; and correct row 3 to Billing@Acme.example"
    assert finding.remedies == (RemedyAction.REFRESH.of("acme", Period(NOVEMBER)),)
    assert (await refresh(bed)).accepted
    month = await bed.month("acme")
    assert billed(month) == [("row-2", 500, "2026-11, 2"), ("row-3", 3000, "2026-11, 3")]
    assert Flag.ADDRESS in flags(month)
    coverage = await looked(bed, NOVEMBER)
    assert FindingKind.FORMER_ADDRESS not in coverage.kinds
    assert not sum(total.differences_minor.get(DifferenceReason.UNEXPLAINED, 0) for total in coverage.sums)


async def test_a_former_address_that_is_another_customers_now_is_that_customers(bed: Bed) -> None:
    await bed.monitored(period=OCTOBER)
    await moves(bed)
    await bed.start(await bed.customer("bolt", email=OLD), NOVEMBER)
    bed.sales(NOVEMBER, (OLD, "30", "Hosting"))
    await bed.closed(period=OCTOBER)
    assert billed(await bed.drafted("acme", NOVEMBER)) == []
    await bed.skip_to("bolt", (await bed.month("bolt")).import_at)
    assert billed(await bed.drafted("bolt", NOVEMBER)) == [("row-2", 3000, "2026-11, 2")]
