"""Which service accounts are not as they should be, by the journal, the tariffs and what provisioning has taken."""

from datetime import date, timedelta

from sqlalchemy import Connection, text

from adapters.sql.ledger import SqlLedger
from billing.completeness.report import FindingKind
from billing.completeness.service_check import service_findings
from billing.subscribers.service import CallState, ServiceCause, ServiceState
from billing.tariffs.changes import EndTariff, Subscribe
from billing.tariffs.tariff import Tariff, TariffVersion
from tests.contract.ledger_fixtures import AT, run
from tests.contract.service_fixtures import DUE, NUMBER, OTHER, SUSPENDED, WHY, by_person, payment, subscribe, with_bill
from tests.contract.service_fixtures import ledger as ledger  # a fixture
from tests.contract.test_ledger_incoming import close_account

NOW = DUE + timedelta(days=1)


async def found(ledger: SqlLedger) -> list[tuple[FindingKind, str]]:
    faults = await ledger.service_faults(NOW, NOW - timedelta(hours=6))
    return [(finding.kind, finding.remedies[0].account) for finding in service_findings(faults)]


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
    version = TariffVersion(starts_on=date(2026, 1, 1), fee_minor=4500)
    await ledger.add_tariff(Tariff(code="fast", name="Fast", currency="eur", versions=(version,)), "ann", "new", AT)
    await ledger.agree(Subscribe(account=NUMBER, tariff="fast", starts_on=date(2027, 1, 1)), "ann", "new", AT)
    assert await found(ledger) == [(FindingKind.WITHOUT_TARIFF, OTHER)]
    await ledger.agree(EndTariff(account=NUMBER, ends_on=date(2027, 1, 10)), "ann", "ends", AT)
    assert await found(ledger) == [(FindingKind.WITHOUT_TARIFF, number) for number in (NUMBER, OTHER)]


async def test_an_account_that_works_though_its_customer_is_closed_is_found(ledger: SqlLedger, url: str) -> None:
    await with_bill(ledger)
    await all_told(ledger)
    close_account(url)
    assert await found(ledger) == [(FindingKind.CONNECTED_ENDED, NUMBER)]
