"""The ledger's outbox of alerts, on SQLite and on PostgreSQL alike."""

import asyncio
import itertools
import random
from datetime import timedelta

from adapters.sql.ledger import SqlLedger
from billing.reviewers.alerts import Alert, AlertKind, of_draft, of_report
from billing.reviewers.ports import Claim
from tests.contract.ledger_fixtures import AT, DECEMBER, LATER, NOVEMBER, drafted, run


def alert(number: int = 1) -> Alert:
    return of_report("acme", NOVEMBER, number, f"Añ 茶\n{number}", AT + timedelta(seconds=number))


async def ids(ledger: SqlLedger, digest_id: str) -> list[str]:
    return [each.alert_id for each in await ledger.digest(digest_id)]


async def test_an_alert_is_kept_once_as_it_was_first_written(ledger: SqlLedger) -> None:
    await ledger.save_alert(alert())
    await ledger.save_alert(alert().evolve(text="something else", at=LATER))
    (row,) = await ledger.alerts()
    assert Alert.model_validate(dict(row)) == alert()
    assert (row.digest_id, row.told_at) == (None, None)


async def test_alerts_are_listed_oldest_first(ledger: SqlLedger) -> None:
    others = of_report("other", NOVEMBER, 1, "", LATER), of_report("acme", DECEMBER, 1, "", LATER)
    for each in (*others, alert()):
        await ledger.save_alert(each)
    assert [row.at for row in await ledger.alerts()] == sorted([alert().at, LATER, LATER])


async def test_a_digest_takes_all_that_is_there_and_the_next_what_came_since(ledger: SqlLedger) -> None:
    for number in (2, 1):
        await ledger.save_alert(alert(number))
    assert await ledger.claim_alerts("first") == Claim(digest_id="first")
    assert await ids(ledger, "first") == [alert(1).alert_id, alert(2).alert_id]
    await ledger.close_digest("first", LATER)
    assert await ledger.claim_alerts("second") == Claim()
    await ledger.save_alert(alert(3))
    await ledger.save_alert(alert(1))  # a repeat of the activity is no news
    assert await ledger.claim_alerts("third") == Claim(digest_id="third")
    assert await ids(ledger, "third") == [alert(3).alert_id]
    assert await ids(ledger, "second") == []


async def test_a_digest_that_was_not_told_comes_first_and_says_that_there_is_more(ledger: SqlLedger) -> None:
    await ledger.save_alert(alert(1))
    await ledger.claim_alerts("first")
    assert await ledger.claim_alerts("second") == Claim(digest_id="first")
    await ledger.save_alert(alert(2))
    assert await ledger.claim_alerts("second") == Claim(digest_id="first", more=True)
    assert await ids(ledger, "first") == [alert(1).alert_id]
    await ledger.close_digest("first", LATER)
    assert await ledger.claim_alerts("second") == Claim(digest_id="second")


async def test_a_digest_is_told_once(ledger: SqlLedger) -> None:
    await ledger.save_alert(alert())
    await ledger.claim_alerts("first")
    for at in (LATER, LATER + timedelta(hours=1)):
        await ledger.close_digest("first", at)
    assert [row.told_at for row in await ledger.alerts()] == [LATER]


async def test_no_alert_gets_lost_or_into_two_digests_while_many_write_and_claim(ledger: SqlLedger) -> None:
    written = [alert(number) for number in random.Random(7).sample(range(400), 400)]
    is_saved = asyncio.Event()

    async def save(alerts: list[Alert]) -> None:
        for each in alerts:
            await ledger.save_alert(each)

    async def claim(name: int) -> None:
        for number in itertools.count():
            last = is_saved.is_set()
            if digest_id := (await ledger.claim_alerts(f"digest-{name}-{number}")).digest_id:
                await ledger.close_digest(digest_id, LATER)
            elif last:
                return

    claiming = [asyncio.create_task(claim(name)) for name in range(5)]
    await asyncio.gather(*(save(written[first::5]) for first in range(5)))
    is_saved.set()
    await asyncio.gather(*claiming)
    rows = await ledger.alerts()
    assert {row.alert_id for row in rows} == {each.alert_id for each in written}
    assert all(row.digest_id and row.told_at for row in rows)


async def test_nothing_claimed_is_nothing_told(ledger: SqlLedger) -> None:
    assert (await ledger.claim_alerts("first")).digest_id is None
    await ledger.save_alert(alert(1))  # meanwhile
    await ledger.close_digest("first", LATER)
    assert (await ledger.claim_alerts("second")).digest_id == "second"


async def test_a_digest_knows_what_is_remarkable_about_the_invoices_by_now(ledger: SqlLedger, url: str) -> None:
    await ledger.record(drafted(), AT)
    draft = of_draft(drafted(), AT)
    await ledger.save_alert(draft)
    await ledger.save_alert(of_report("", NOVEMBER, 1, "a payment of nobody's", LATER))
    await ledger.claim_alerts("first")
    flag = "UPDATE invoices SET flags = '|large|'"
    await asyncio.to_thread(run, url, lambda connection: connection.exec_driver_sql(flag))
    told = await ledger.digest("first")
    assert [(each.kind, each.flags) for each in told] == [(AlertKind.DRAFT, "|large|"), (AlertKind.REPORT, "")]
    assert told[0] == draft.evolve(flags="|large|")
