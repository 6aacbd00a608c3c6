"""A month of a subscriber: the tariff is drafted, announced and charged beside the rows of the sheet."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from billing.invoices.commands import Edit
from billing.invoices.invoice import RemoveLine
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.period import Period
from billing.tariffs.changes import AddFee, Subscribe
from billing.tariffs.tariff import Tariff, TariffVersion
from bootstrap import connect_completeness
from sandbox.stack.sample import HEADER
from sandbox.stack.stand_ins import serve
from sandbox.stack.temporal_server import TemporalServer
from sandbox.stand_ins.sales_api import sales_app
from sandbox.stand_ins.whole_file import write_csv
from tests.bed import Bed, prepared_bed

NUMBER = "1000009"


async def subscribed(bed: Bed) -> Period:
    """A customer with a tariff from the 16th of a month on, a router, and a row of the sheet; not drafted yet."""
    started = await bed.start(await bed.customer("acme"))
    assert started.period is not None
    period, who = started.period, ("ann", "contract 17", datetime.now(UTC))
    day = period.first_day + timedelta(days=15)
    version = TariffVersion(starts_on=period.first_day, fee_minor=3000)
    await bed.ledger.add_tariff(Tariff(code="net", name="Internet 100", currency="eur", versions=(version,)), *who)
    await bed.ledger.open_number("acme", NUMBER, *who)
    await bed.ledger.agree(Subscribe(account=NUMBER, tariff="net", starts_on=day), *who)
    await bed.ledger.agree(AddFee(key="r", account=NUMBER, day=day, amount_minor=500, text="Router"), *who)
    bed.sales(period, ("acme@example.com", "12.50", "Calls"))
    bed.sales(period.next())
    return period


async def drafted(bed: Bed) -> Month:
    await bed.skip_to("acme", (await bed.month("acme")).import_at)
    return await bed.until("acme", lambda month: month.invoice is not None)


def by_days(period: Period) -> int:
    length = period.last_day.day
    return 3000 - 3000 * 15 // length


async def test_tariffs_are_announced_and_charged_and_covered(bed: Bed) -> None:
    period = await subscribed(bed)
    month = await drafted(bed)
    assert month.invoice is not None
    assert [line.amount_minor for line in month.invoice.lines] == [by_days(period), 500, 1250]
    await bed.announced()
    [notice] = bed.letters()
    assert f"Internet 100, {period}-16 to {period.last_day}, account {NUMBER}" in " ".join(notice.text.split())
    closed = await bed.closed()
    assert closed.outcome is Stage.PAID
    assert bed.charged() == [(period, by_days(period) + 500 + 1250)]
    following = await drafted(bed)
    assert following.invoice is not None
    assert [(line.description, line.amount_minor) for line in following.invoice.lines] == [
        (f"Internet 100, {period.next()}, account {NUMBER}", 3000)
    ]


async def test_a_reviewer_can_take_a_tariff_off_a_draft(bed: Bed) -> None:
    period = await subscribed(bed)
    await drafted(bed)
    remove = RemoveLine(line_id=f"fee-{NUMBER}-16")
    answer = await bed.command("acme", Edit(by="ann", reason="outage", period=period, version=1, changes=(remove,)))
    assert answer.accepted
    closed = await bed.closed()
    assert closed.invoice is not None
    assert closed.invoice.waived == (remove.line_id,)
    assert bed.charged() == [(period, 1750)]


async def test_a_company_without_a_sheet_bills_tariffs_alone(server: TemporalServer, tmp_path: Path) -> None:
    async with prepared_bed(server, tmp_path, sales="none") as bed:
        period = await subscribed(bed)  # whose rows nobody reads
        await drafted(bed)
        closed = await bed.closed()
        assert bed.charged() == [(period, by_days(period) + 500)]
        assert closed.drift is None
        report = await connect_completeness(bed.settings, bed.adapters, bed.client).look(period)
        assert (report.unseen, report.kinds) == ({}, {})


async def test_a_companys_own_system_is_asked_for_the_rows(server: TemporalServer, tmp_path: Path) -> None:
    secret, rows = "secret-of-the-sales-of-the-sandbox-0123", tmp_path / "rows"
    rows.mkdir()
    async with serve(sales_app(rows, [secret])) as port:
        asked: dict[str, Any] = {"sales_url": f"http://127.0.0.1:{port}/sales", "sales_secret": SecretStr(secret)}
        async with prepared_bed(server, tmp_path / "bed", **asked) as bed:
            period = await subscribed(bed)
            write_csv(rows / f"{period}.csv", [HEADER, ("acme@example.com", "7.25", "Calls")])
            write_csv(rows / f"{period.next()}.csv", [HEADER])
            await drafted(bed)
            await bed.closed()
            assert bed.charged() == [(period, by_days(period) + 500 + 725)]
