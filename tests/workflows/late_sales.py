"""Worksheets of two months, and drafts that are edited or refreshed."""

from datetime import timedelta
from typing import Any

import pytest

from billing.commands import CommandResult
from billing.invoices.commands import Edit
from billing.invoices.invoice import AddLine, ChangeLine, RemoveLine
from billing.invoices.month import Month
from billing.sales.adjustments import refresh_changes
from bootstrap import connect_sheet_comparer
from services import shared_sales
from tests.bed import OCTOBER, Bed, now

SEPTEMBER, NOVEMBER = "2026-09", "2026-11"
ACME = "acme@example.com"
ANN: dict[str, Any] = {"by": "ann", "reason": "as agreed"}


@pytest.fixture(autouse=True)
def read_anew(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """These months are collected late, one after the other within the seconds in which a reading is shared."""
    if "one_worksheet_more" not in request.node.name:
        monkeypatch.setattr(shared_sales, "_SHARED", timedelta())


def september(bed: Bed, *rows: tuple[str, str], email: str = ACME) -> None:
    bed.sales(SEPTEMBER, *((email, *row) for row in rows))


def october(bed: Bed, *rows: tuple[str, str]) -> None:
    bed.sales(OCTOBER, *((ACME, *row) for row in rows))


def billed(month: Month) -> list[tuple[str, int, str]]:
    """Line, amount, and the worksheet and row it points at."""
    assert month.invoice is not None
    return [
        (line.line_id, line.amount_minor, f"{line.source.sheet}, {line.source.row}" if line.source else "")
        for line in month.invoice.lines
    ]


async def refresh(bed: Bed, customer_id: str = "acme") -> CommandResult:
    """What a reviewer does by the command line or the console."""
    month = await bed.month(customer_id)
    compared = await connect_sheet_comparer(bed.settings, bed.adapters).compare(month, now())
    assert compared is not None
    assert month.invoice is not None
    edit = Edit(
        **ANN,
        period=month.period,
        version=month.invoice.version,
        digest=month.invoice.digest,
        changes=refresh_changes(compared.changes, compared.sales.digest),
        sales=compared.sales,
    )
    return await bed.command(customer_id, edit)


async def edit(bed: Bed, *changes: AddLine | ChangeLine | RemoveLine) -> None:
    month = await bed.month("acme")
    assert month.invoice is not None
    version = month.invoice.version
    command = Edit(**ANN, period=month.period, version=version, changes=changes)
    assert (await bed.command("acme", command)).accepted
    await bed.is_on_record(
        "acme", month.period, lambda kept: kept.invoice is not None and kept.invoice.version > version
    )
