"""Tariffs, and what was agreed for accounts, in the ledger, on SQLite and PostgreSQL alike."""

import asyncio
from datetime import date, timedelta
from itertools import pairwise

import pytest

from adapters.sql.ledger import SqlLedger
from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.customers.ladder import ladder_text, parse_ladder
from billing.errors import InvalidInput, NotFound, TariffsChanged
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.period import Period
from billing.reviewers.queries import AuditFilter, AuditKind
from billing.tariffs.changes import AddFee, EndTariff, SetLimit, Subscribe
from billing.tariffs.lines import lines_of
from billing.tariffs.tariff import Tariff, TariffVersion
from services.collecting import LadderTerms, collect
from tests.contract.erase_fixtures import ERIKA, closed_month, dump
from tests.contract.ledger_fixtures import ACME, AT, INVOICE, LATER, NOVEMBER, opened

NUMBER = "1000009"
WHO = "ann", "contract 17", AT
NET = Tariff(
    code="net",
    name="Internet 100",
    currency="eur",
    versions=(TariffVersion(starts_on=date(2026, 1, 1), fee_minor=3000),),
)
SUBSCRIBE = Subscribe(account=NUMBER, tariff="net", starts_on=date(2026, 11, 16))
FEE = AddFee(key="router", account=NUMBER, day=date(2026, 11, 20), amount_minor=500, text="Router")


async def with_account(ledger: SqlLedger) -> None:
    await ledger.record(opened(), AT)
    await ledger.open_number("acme", NUMBER, *WHO)
    await ledger.add_tariff(NET, *WHO)


async def test_a_tariff_is_added_once_changed_from_a_later_day_on_and_ended(ledger: SqlLedger) -> None:
    await ledger.add_tariff(NET, *WHO)
    assert await ledger.add_tariff(NET, "bob", "again", LATER) == NET
    with pytest.raises(InvalidInput, match="there is another tariff net already"):
        await ledger.add_tariff(NET.evolve(name="Other"), *WHO)
    dearer = TariffVersion(starts_on=date(2027, 1, 1), fee_minor=3500)
    with pytest.raises(InvalidInput, match="is not after 2026-12-01"):
        await ledger.change_tariff("net", dearer.evolve(starts_on=date(2026, 12, 1)), *WHO)
    for _ in range(2):
        changed = await ledger.change_tariff("net", dearer, *WHO)
    ended = await ledger.end_tariff("net", date(2027, 3, 31), "bob", "superseded", LATER)
    assert ended == changed.evolve(ended_on=date(2027, 3, 31))
    assert await ledger.tariffs() == [ended]
    assert [(entry.by, entry.text) for entry in await ledger.tariff_log(code="net")] == [
        ("ann", "net (Internet 100): 30.00 EUR from 2026-01-01, by days"),
        ("ann", "net (Internet 100): 30.00 EUR from 2026-01-01, by days; 35.00 EUR from 2027-01-01, by days"),
        (
            "bob",
            "net (Internet 100): 30.00 EUR from 2026-01-01, by days; 35.00 EUR from 2027-01-01, by days; "
            "not offered after 2027-03-31",
        ),
    ]
    with pytest.raises(NotFound):
        await ledger.change_tariff("slow", dearer, *WHO)


async def test_what_was_agreed_is_written_once_with_who_and_why(ledger: SqlLedger) -> None:
    await with_account(ledger)
    agreed = await ledger.agree(SUBSCRIBE, *WHO)
    assert await ledger.agree(SUBSCRIBE, "bob", "again", LATER) == agreed
    agreed = await ledger.agree(FEE, *WHO)
    assert await ledger.agree(FEE, *WHO) == agreed == await ledger.agreed("acme")
    assert [line.amount_minor for line in lines_of(NOVEMBER, agreed, "eur")] == [1500, 500]
    assert [entry.text for entry in await ledger.tariff_log("acme")] == [
        f"tariff: {NUMBER} net from 2026-11-16",
        f"fee: {NUMBER} 5.00 EUR on 2026-11-20: Router",
    ]
    assert (await ledger.agreed("nobody")).items == ()


async def test_what_does_not_fit_is_refused_and_nothing_is_written(ledger: SqlLedger) -> None:
    await with_account(ledger)
    with pytest.raises(NotFound, match="no account number 2000008"):
        await ledger.agree(SUBSCRIBE.evolve(account="2000008"), *WHO)
    with pytest.raises(NotFound, match="no tariff slow"):
        await ledger.agree(SUBSCRIBE.evolve(tariff="slow"), *WHO)
    with pytest.raises(NotFound, match="nobody"):
        await ledger.agree(SetLimit(customer_id="nobody", amount_minor=1, starts_with=NOVEMBER), *WHO)
    await ledger.close_number(NUMBER, *WHO)
    with pytest.raises(InvalidInput, match="was closed on 2026-12-01"):
        await ledger.agree(SUBSCRIBE, *WHO)
    assert (await ledger.agreed("acme")).revision == 0
    assert await ledger.tariff_log("acme") == []


async def test_a_draft_accounts_for_every_change_before_it_and_none_comes_after(ledger: SqlLedger) -> None:
    await with_account(ledger)
    agreed = await ledger.agree(SUBSCRIBE, *WHO)
    seen = INVOICE.evolve(lines=lines_of(NOVEMBER, agreed, "eur"), problems=(), tariffs_seen=agreed.revision)
    later = await ledger.agree(FEE, *WHO)
    with pytest.raises(TariffsChanged):
        await ledger.record_draft(opened().drafted(seen), AT)
    again = seen.evolve(lines=lines_of(NOVEMBER, later, "eur"), tariffs_seen=later.revision)
    await ledger.record_draft(opened().drafted(again), AT)
    with pytest.raises(InvalidInput, match="2026-11 has its draft already"):
        await ledger.agree(FEE.evolve(key="another"), *WHO)
    month = await ledger.month("acme", NOVEMBER)
    assert month is not None
    assert month.invoice is not None
    assert [line.tariff for line in month.invoice.lines] == [line.tariff for line in again.lines]


async def test_of_changes_at_once_each_is_in_the_draft_or_refused(ledger: SqlLedger) -> None:
    await with_account(ledger)
    await ledger.agree(SUBSCRIBE, *WHO)

    async def draft() -> None:
        while True:
            agreed = await ledger.agreed("acme")
            lines = lines_of(NOVEMBER, agreed, "eur")
            try:
                invoice = INVOICE.evolve(lines=lines, problems=(), tariffs_seen=agreed.revision)
                return await ledger.record_draft(opened().drafted(invoice), AT)
            except TariffsChanged:
                continue

    changes = [ledger.agree(FEE.evolve(key=f"f{number}"), *WHO) for number in range(8)]
    done = await asyncio.gather(*changes[:4], draft(), *changes[4:], return_exceptions=True)
    refused = [answer for answer in done if isinstance(answer, InvalidInput)]
    assert [answer for answer in done if isinstance(answer, BaseException)] == refused
    month = await ledger.month("acme", NOVEMBER)
    assert month is not None
    assert month.invoice is not None
    assert month.invoice.lines == lines_of(NOVEMBER, await ledger.agreed("acme"), "eur")
    assert len(month.invoice.lines) == 1 + 8 - len(refused)


async def test_of_two_tariffs_at_once_an_account_has_one_at_a_time(ledger: SqlLedger) -> None:
    await with_account(ledger)
    await ledger.add_tariff(NET.evolve(code="fast"), *WHO)
    days = [date(2026, 11, 1) + timedelta(days=number) for number in range(6)]
    changes = [
        Subscribe(account=NUMBER, tariff=("net", "fast")[number % 2], starts_on=day) for number, day in enumerate(days)
    ]
    await asyncio.gather(*(ledger.agree(change, *WHO) for change in changes), return_exceptions=True)
    own = (await ledger.agreed("acme")).subscriptions(NUMBER)
    assert own
    assert all(before.ends_on and before.ends_on < after.starts_on for before, after in pairwise(own))
    assert own[-1].ends_on is None


async def test_a_limit_and_an_end_are_the_customers(ledger: SqlLedger) -> None:
    await with_account(ledger)
    await ledger.agree(SUBSCRIBE, *WHO)
    await ledger.agree(SetLimit(customer_id="acme", amount_minor=1000, starts_with=NOVEMBER), *WHO)
    agreed = await ledger.agree(EndTariff(account=NUMBER, ends_on=date(2026, 12, 15)), *WHO)
    assert sum(line.amount_minor for line in lines_of(NOVEMBER, agreed, "eur")) == 1000
    assert lines_of(Period("2027-01"), agreed, ACME.currency) == ()


async def test_changes_are_in_the_audit_trail(ledger: SqlLedger) -> None:
    await with_account(ledger)
    await ledger.agree(FEE, "bob", "task 7", LATER)
    rows = await ledger.audit(AuditFilter(), None, 10)
    assert [(row.kind, row.by, row.customer_id, row.period, row.reason, row.result) for row in rows] == [
        (AuditKind.TARIFF, "bob", "acme", "", "task 7", f"fee: {NUMBER} 5.00 EUR on 2026-11-20: Router"),
        (AuditKind.TARIFF, "ann", "", "net", "contract 17", "net (Internet 100): 30.00 EUR from 2026-01-01, by days"),
    ]


async def test_an_erasure_leaves_no_name_in_what_was_agreed(ledger: SqlLedger, url: str) -> None:
    await ledger.record(Month.open(ERIKA, NOVEMBER), AT)
    await ledger.open_number("c77", NUMBER, *WHO)
    await ledger.agree(FEE.evolve(text="Router for Erika Mustermann"), "ann", "Erika Mustermann has asked", AT)
    await ledger.record(closed_month(), LATER)
    with pytest.raises(InvalidInput, match="c77 is closed, and gets no more bills"):
        await ledger.agree(FEE.evolve(key="more", day=date(2026, 12, 20)), *WHO)
    await ledger.settle("c77", "ann", "paid in cash", LATER)
    assert "mustermann" in dump(url)
    await ledger.erase("c77", "ann", "asked for it", LATER)
    [fee] = (await ledger.agreed("c77")).items
    assert (fee.kind, fee.starts_on) == ("fee", date(2026, 11, 20))
    assert "mustermann" not in dump(url)


class Started:
    """The collection that was begun."""

    def __init__(self) -> None:
        self.collection: Collection | None = None

    async def begin(self, collection: Collection, debt: Debt) -> None:
        self.collection = collection

    async def count_again(self, customer_id: str, reason: str) -> bool:
        return True

    async def look_up(self, customer_id: str, period: Period, reason: str) -> bool:
        return False

    async def runs(self, customer_id: str) -> bool:
        return False


@pytest.mark.parametrize(
    ("own", "of_tariff", "walked"),
    [
        ("30 remind", "20 remind", "30 remind"),
        ("", "20 remind", "20 remind"),
        ("", "", "10 remind"),
    ],
)
async def test_a_collection_walks_the_customers_ladder_else_the_tariffs_else_everybodys(
    ledger: SqlLedger, own: str, of_tariff: str, walked: str
) -> None:
    await with_account(ledger)
    await ledger.agree(SUBSCRIBE, *WHO)
    await ledger.set_ladder("net", parse_ladder(of_tariff) if of_tariff else (), *WHO)
    terms = ACME.terms.evolve(ladder=own) if own else ACME.terms
    agreed = await ledger.agreed("acme")
    lines = lines_of(NOVEMBER, agreed, "eur")
    invoice = INVOICE.evolve(lines=lines, problems=(), tariffs_seen=agreed.revision)
    declined = ChargeResult(status=ChargeStatus.DECLINED, at=AT, decline_code="insufficient_funds", attempt_id="ch_1")
    month = opened(terms=terms).drafted(invoice).close(Stage.PAST_DUE, AT, declined)
    await ledger.record(month, AT)
    started = Started()
    await collect(ledger, started, month, LadderTerms(parse_ladder("10 remind")))
    assert started.collection is not None
    assert ladder_text(started.collection.ladder) == walked
