"""An account that was closed is billed again: from the month after the last one, and no month twice."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from billing.errors import BillingError, InvalidInput, LedgerUnavailable
from billing.invoices.commands import CloseAccount, Skip
from billing.invoices.month import Month
from billing.period import Period
from clients.start import StartStatus
from tests.bed import Bed, now

ANN: dict[str, Any] = {"by": "ann", "reason": "moved away"}


async def closed_account(bed: Bed, billed: bool, period: str = "2026-10") -> Month:
    """An account that ended in its month, which was billed or skipped."""
    month = await bed.monitored(period=period)
    await bed.command("acme", CloseAccount(**ANN))
    if billed:
        announced = await bed.announced()
        await bed.skip_to("acme", announced.charge_at)
    else:
        await bed.command("acme", Skip(**ANN))
    await bed.handle("acme").result()
    return month


async def months(bed: Bed) -> list[str]:
    return sorted(row.period for row in await bed.ledger.invoices(customer_id="acme"))


@pytest.mark.parametrize("billed", [True, False])
async def test_the_month_in_which_it_was_closed_is_not_billed_again(bed: Bed, billed: bool) -> None:
    month = await closed_account(bed, billed)
    bed.sales("2026-11", ("acme@example.com", "30", "November"))
    assert (await bed.start(month.customer, reopen=True)).period == "2026-11"
    await bed.skip_to("acme", (await bed.month("acme")).import_at)
    await bed.drafted("acme", "2026-11")
    await bed.closed("acme")
    paid = [("2026-10", 10_000)] if billed else []
    assert bed.charged("acme") == [*paid, ("2026-11", 3_000)]


@pytest.mark.parametrize("billed", [True, False])
async def test_nobody_can_ask_for_that_month_again(bed: Bed, billed: bool) -> None:
    month = await closed_account(bed, billed)
    for period in ("2026-10", "2026-09"):
        with pytest.raises(InvalidInput, match=f"billing goes on with 2026-11, not with {period}"):
            await bed.start(month.customer, period, reopen=True)
    assert await months(bed) == ["2026-10"]


async def test_closed_and_opened_within_the_current_month_it_goes_on_with_the_next_one(bed: Bed) -> None:
    current = Period.at(now(), "Europe/Paris")
    customer = await bed.customer("acme")
    await bed.start(customer)
    for expected in (current, current.next(), current.next().next()):
        assert (await bed.month("acme")).period == expected
        await bed.command("acme", CloseAccount(**ANN))
        await bed.command("acme", Skip(**ANN, period=expected))
        await bed.handle("acme").result()
        await bed.start(customer, reopen=True)
    assert bed.charged("acme") == []
    assert Counter(await months(bed)).most_common(1)[0][1] == 1


async def test_reopened_by_several_at_once_it_runs_once(bed: Bed) -> None:
    month = await closed_account(bed, billed=True)
    tries = (bed.start(month.customer, reopen=True) for _ in range(5))
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert all(isinstance(each, BillingError) or each.period in ("2026-11", None) for each in answers)  # type: ignore[union-attr]
    assert (await bed.month("acme")).period == "2026-11"
    assert await months(bed) == ["2026-10", "2026-11"]


async def test_a_person_who_was_erased_is_billed_again_only_with_data_of_theirs(bed: Bed) -> None:
    month = await closed_account(bed, billed=True)
    await bed.ledger.erase("acme", "ann", "asked by letter", now())
    erased = await bed.ledger.customer("acme")
    assert erased is not None
    with pytest.raises(InvalidInput, match="data were erased"):
        await bed.start(erased, reopen=True)
    assert (await bed.start(month.customer, reopen=True)).period == "2026-11"


async def test_a_start_that_was_interrupted_before_the_ledger_was_told_is_mended_by_a_repeat(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    month = await closed_account(bed, billed=True)

    async def down(*_: object) -> None:
        raise LedgerUnavailable("the ledger could not record acme")

    with monkeypatch.context() as broken:
        broken.setattr(bed.ledger, "record", down)
        with pytest.raises(LedgerUnavailable):
            await bed.start(month.customer, reopen=True)
    assert await bed.ledger.closed_reason("acme")
    assert (await bed.start(month.customer)).status is StartStatus.ALREADY_RUNNING
    assert not await bed.ledger.closed_reason("acme")
    assert await months(bed) == ["2026-10", "2026-11"]


async def test_a_balance_that_nobody_takes_over_is_told(bed: Bed) -> None:
    await bed.monitored(sales=("0.30",))
    await bed.command("acme", CloseAccount(**ANN))
    month = await bed.month("acme")
    await bed.skip_to("acme", month.notice_at)
    await bed.handle("acme").result()
    assert "closes with a balance of 0.30 EUR" in await bed.told()
