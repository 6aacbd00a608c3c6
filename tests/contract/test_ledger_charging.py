"""What decides on a charge, in one visit; on SQLite and on PostgreSQL alike."""

from adapters.sql.ledger import SqlLedger
from billing.receivables.journal import Subject
from billing.reviewers.ports import ChargeStanding
from tests.contract.incoming_fixtures import UNKNOWN
from tests.contract.journal_fixtures import announced, drafted, record
from tests.contract.ledger_fixtures import AT, NOVEMBER


async def test_a_charge_is_decided_by_the_month_the_money_and_the_brake(ledger: SqlLedger) -> None:
    unknown = ChargeStanding(revision=0, outcome=None, owed_minor=0, brake=None)
    assert await ledger.charge_standing("acme", NOVEMBER, "eur") == unknown
    month = await record(ledger, announced(drafted(1200)))
    owed = unknown.evolve(revision=month.revision, owed_minor=1200)
    assert await ledger.charge_standing("acme", NOVEMBER, "eur") == owed
    assert (await ledger.charge_standing("acme", NOVEMBER, "usd")).owed_minor == 0
    await ledger.book(UNKNOWN.evolve(customer_id="acme", subject=Subject.month(NOVEMBER)), AT)
    brake = await ledger.pull_brake("ann", "a wrong sheet", "cli", AT)
    assert await ledger.charge_standing("acme", NOVEMBER, "eur") == owed.evolve(owed_minor=0, brake=brake)
