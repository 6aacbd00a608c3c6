"""Which service accounts are not as they should be, by the journal, the tariffs and what provisioning has taken."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from adapters.sql.ledger import SqlLedger
from billing.completeness.report import Finding, FindingKind
from billing.completeness.service_check import service_findings
from billing.remedies import RemedyAction
from billing.subscribers.service import CallState, NewService, ServiceCause, ServiceState
from billing.tariffs.changes import EndTariff, Subscribe
from billing.tariffs.tariff import Tariff, TariffVersion
from tests.contract.incoming_fixtures import close_account
from tests.contract.journal_fixtures import drafted, record
from tests.contract.ledger_fixtures import AT, run
from tests.contract.service_fixtures import DUE, NUMBER, OTHER, SUSPENDED, WHY, by_person, payment, subscribe, with_bill
from tests.contract.service_fixtures import ledger as ledger  # a fixture
from tests.service_ordering import LATER, connected, opened, shown

NOW = DUE + timedelta(days=1)


async def findings(ledger: SqlLedger, now: datetime = NOW) -> list[Finding]:
    return list(service_findings(await ledger.service_faults(now, now - timedelta(hours=6))))


async def found(ledger: SqlLedger, now: datetime = NOW) -> list[tuple[FindingKind, str]]:
    return [(finding.kind, finding.remedies[0].account) for finding in await findings(ledger, now)]


async def with_tariff(ledger: SqlLedger, **rules: Any) -> None:
    version = TariffVersion(starts_on=date(2026, 1, 1), fee_minor=4500, **rules)
    await ledger.add_tariff(Tariff(code="fast", name="Fast", currency="eur", versions=(version,)), "ann", "new", AT)


async def begins(ledger: SqlLedger, day: date) -> None:
    await ledger.agree(Subscribe(account=NUMBER, tariff="fast", starts_on=day), "ann", "new", AT)


async def all_told(ledger: SqlLedger) -> None:
    for service in await ledger.services_of("acme"):
        for change in await ledger.service_changes(service.number):
            if change.call is not None:
                await ledger.note_call(service.number, change.position, CallState.DONE, "ok", NOW)


async def test_what_is_as_it_should_be_is_no_finding(ledger: SqlLedger) -> None:
    await with_bill(ledger)
    await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY)
    await all_told(ledger)
    assert await found(ledger) == []


async def test_who_is_suspended_and_owes_nothing_is_found(ledger: SqlLedger, url: str) -> None:
    await with_bill(ledger)
    await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY)
    await ledger.book(payment(1000), DUE)
    await all_told(ledger)

    def defect(connection: Connection) -> None:
        connection.execute(text("UPDATE service_accounts SET state = 'suspended', cause = 'non_payment'"))

    run(url, defect)
    assert await found(ledger) == [(FindingKind.SUSPENDED_PAID, NUMBER)]


async def test_what_provisioning_does_not_take_is_found_by_what_it_means(ledger: SqlLedger) -> None:
    await with_bill(ledger)
    await subscribe(ledger, OTHER)
    await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY)
    assert await found(ledger) == [(FindingKind.NOT_PROVISIONED, number) for number in (NUMBER, OTHER)]
    await ledger.book(payment(1000), DUE)
    await ledger.change_service(OTHER, by_person(ServiceState.DISCONNECTED, ServiceCause.TERMINATED, "close", DUE))
    assert sorted(await found(ledger)) == [
        (FindingKind.CONNECTED_ENDED, OTHER),
        (FindingKind.RESTORED_LATE, NUMBER),
    ]
    await all_told(ledger)
    assert await found(ledger) == []


async def test_an_account_without_a_tariff_is_found_where_others_have_one(ledger: SqlLedger) -> None:
    await with_bill(ledger)
    await subscribe(ledger, OTHER)
    await all_told(ledger)
    assert await found(ledger) == []  # there are no tariffs at all
    await with_tariff(ledger)
    await begins(ledger, date(2027, 1, 1))  # NOW is the end of that month
    assert await found(ledger) == [(FindingKind.WITHOUT_TARIFF, OTHER)]
    await ledger.agree(EndTariff(account=NUMBER, ends_on=date(2027, 1, 10)), "ann", "ends", AT)
    assert await found(ledger) == [(FindingKind.WITHOUT_TARIFF, number) for number in (NUMBER, OTHER)]


async def test_an_account_that_works_before_its_tariff_begins_is_found_with_the_day(ledger: SqlLedger) -> None:
    await with_bill(ledger)
    await all_told(ledger)
    await with_tariff(ledger)
    await begins(ledger, date(2027, 2, 10))
    (finding,) = await findings(ledger)
    assert finding.kind is FindingKind.WITHOUT_TARIFF
    assert finding.text.endswith("and its tariff does not begin before 2027-02-10")
    midnight = datetime(2027, 2, 9, 23, tzinfo=UTC)  # in Paris, where acme is
    assert len(await findings(ledger, midnight - timedelta(seconds=1))) == 1
    assert await findings(ledger, midnight) == []


async def test_an_account_that_does_not_work_yet_waits_for_its_tariff(ledger: SqlLedger) -> None:
    await record(ledger, drafted(1000))
    wanted = NewService(customer_id="acme", number=NUMBER, phone="+77011234567", by="ann", reason="contract 7")
    await ledger.register_service(wanted, AT)
    await with_tariff(ledger)
    await begins(ledger, date(2027, 2, 10))
    assert await found(ledger) == []


async def test_a_tariff_of_whole_months_bills_the_days_before_it_too(ledger: SqlLedger) -> None:
    await with_bill(ledger)
    await all_told(ledger)
    await with_tariff(ledger, prorated=())
    await begins(ledger, date(2027, 2, 10))
    assert await found(ledger) == [(FindingKind.WITHOUT_TARIFF, NUMBER)]
    assert await found(ledger, datetime(2027, 2, 1, tzinfo=UTC)) == []


async def test_an_account_that_works_and_whose_buyer_nobody_bills_is_found(ledger: SqlLedger) -> None:
    await opened(ledger)
    account = (await shown(ledger)).order.account
    assert account is not None
    assert await found(ledger) == [], "it does not work yet"
    await ledger.change_service(account, by_person(ServiceState.ACTIVE, ServiceCause.CONNECTED, "by hand"))
    await ledger.note_call(account, 2, CallState.DONE, "ok", AT)
    for tariffs in (False, True):
        if tariffs:
            await with_bill(ledger)
            await all_told(ledger)
            await with_tariff(ledger)
            await begins(ledger, date(2027, 1, 1))
        (finding,) = await findings(ledger)
        assert (finding.kind, finding.customer_id) == (FindingKind.CONNECTED_UNBILLED, "dana")
        assert "nobody bills its customer" in finding.text
        assert [remedy.action for remedy in finding.remedies] == [
            RemedyAction.SHOW_SUBSCRIBER,
            RemedyAction.START_FROM_FILE,
        ]


async def test_a_subscriber_who_was_connected_through_all_steps_is_billed(ledger: SqlLedger) -> None:
    account = await connected(ledger)
    await ledger.note_call(account, 2, CallState.DONE, "ok", LATER)
    assert await found(ledger, LATER) == []


async def test_an_account_that_works_though_its_customer_is_closed_is_found(ledger: SqlLedger, url: str) -> None:
    await with_bill(ledger)
    await all_told(ledger)
    close_account(url)
    assert await found(ledger) == [(FindingKind.CONNECTED_ENDED, NUMBER)]
