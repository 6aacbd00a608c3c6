"""Charged exactly what was announced, however late somebody edits it: case 16."""

import asyncio
from datetime import timedelta

from billing.invoices.commands import Edit
from billing.invoices.invoice import ChangeLine
from billing.period import Period
from tests.bed import OCTOBER, Bed
from tests.workflows.charging import ANN, CONFIRM

LAST_SECONDS = timedelta(seconds=15)
"""Enough for an edit to arrive, also on a busy machine."""


async def test_case_16_an_edit_in_the_last_seconds_wins_or_is_refused_but_never_charged_unannounced(bed: Bed) -> None:
    edit = Edit(**ANN, period=Period(OCTOBER), version=1, changes=(ChangeLine(line_id="row-2", amount_minor=1),))
    for name in ("early", "late"):
        await bed.start(await bed.customer(name), OCTOBER)
    bed.sales(OCTOBER, *((f"{name}@example.com", "100", "Hosting") for name in ("early", "late")))
    for name in ("early", "late"):
        await bed.drafted(name, OCTOBER)
        await bed.announced(name)
    month = await bed.month("early")
    await bed.skip_to("early", month.charge_at - LAST_SECONDS, beyond=timedelta())
    change = edit.evolve(changes=(ChangeLine(line_id="row-2", amount_minor=9000),))
    assert (await bed.command("early", change)).accepted
    announced = await bed.until("early", lambda month: month.notices == 2 and month.announced)
    assert announced.charge_at >= month.charge_at + timedelta(hours=70)
    await bed.closed("early")
    await bed.stripe_fault(path=CONFIRM, kind="slow", seconds=2)
    passing = asyncio.create_task(bed.skip_to("late", month.charge_at))
    await bed.until("late", lambda month: month.charging is not None)
    refused = await bed.command("late", change)
    assert not refused.accepted
    assert "has begun" in refused.result
    await passing
    await bed.closed("late", OCTOBER)
    assert sorted(bed.charged()) == [(OCTOBER, 9000), (OCTOBER, 10000)]


async def test_case_16_an_edit_around_the_notice_is_in_it_or_corrects_it(bed: Bed) -> None:
    change = ChangeLine(line_id="row-2", amount_minor=9000)
    edit = Edit(**ANN, period=Period(OCTOBER), version=1, changes=(change,))
    bed.sales(OCTOBER, *((f"{name}@example.com", "100", "Hosting") for name in ("before", "after")))
    for name in ("before", "after"):
        await bed.start(await bed.customer(name), OCTOBER)
        await bed.drafted(name, OCTOBER)
    month = await bed.month("before")
    await bed.skip_to("before", month.notice_at - LAST_SECONDS, beyond=timedelta())
    assert (await bed.command("before", edit)).accepted
    await bed.announced("before")
    told = [" ".join(mail.text.split()) for mail in bed.mails("before@example.com")]
    assert len(told) == 1
    assert "We will charge €90.00" in told[0]
    assert "corrects" not in told[0]
    first = await bed.announced("after")
    edit = edit.evolve(changes=(change.evolve(line_id="row-3"),))
    assert (await bed.command("after", edit)).accepted
    second = await bed.until("after", lambda month: month.notices == 2 and month.announced)
    assert first.notice is not None
    assert second.notice is not None
    assert second.notice.delivered_at is not None
    assert second.charge_at - second.notice.delivered_at >= second.customer.terms.min_notice
    corrected = " ".join(bed.mails("after@example.com")[-1].text.split())
    for words in (
        "This corrects our notice of",
        "The total is €90.00 instead of €100.00.",
        "Changed: Hosting, €90.00 instead of €100.00.",
        "We will charge €90.00",
    ):
        assert words in corrected
    for name in ("before", "after"):
        await bed.closed(name, OCTOBER)
    assert sorted(bed.charged()) == [(OCTOBER, 9000), (OCTOBER, 9000)]


async def test_case_16_an_edit_while_the_notice_is_on_its_way_is_told_before_it_is_charged(bed: Bed) -> None:
    month = await bed.monitored()
    await bed.mail_faults({"recipient": "acme@example.com", "action": "defer"})
    skipping = asyncio.create_task(bed.skip_to("acme", month.notice_at))
    await bed.until("acme", lambda month: month.notice is not None)
    change = ChangeLine(line_id="row-2", amount_minor=9000)
    edit = Edit(**ANN, period=Period(OCTOBER), version=1, changes=(change,))
    assert (await bed.command("acme", edit)).accepted
    await skipping
    await bed.until("acme", lambda month: month.announced)
    await bed.closed()
    assert bed.charged() == [(OCTOBER, 9000)]
    assert "We will charge €90.00" in " ".join(bed.mails("acme@example.com")[-2].text.split())


async def test_case_16_an_edit_in_the_last_seconds_before_the_charge_corrects_the_notice(bed: Bed) -> None:
    await bed.monitored()
    month = await bed.announced()
    await bed.skip_to("acme", month.charge_at - LAST_SECONDS, beyond=timedelta())
    change = ChangeLine(line_id="row-2", amount_minor=9000)
    edit = Edit(**ANN, period=Period(OCTOBER), version=1, changes=(change,))
    assert (await bed.command("acme", edit)).accepted
    await bed.until("acme", lambda month: month.notices == 2 and month.announced)
    assert "€90.00 instead of €100.00" in " ".join(bed.mails("acme@example.com")[-1].text.split())
    assert bed.charged() == []
    await bed.closed()
    assert bed.charged() == [(OCTOBER, 9000)]
