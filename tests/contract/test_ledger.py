"""The ledger, on SQLite and on PostgreSQL alike: what is written, what never changes again, and what an outage says."""

import asyncio
import json
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, exc, make_url, text

from adapters import sql_ledger_database, sql_ledger_errors, sql_ledger_schema
from adapters.sql_ledger import SqlLedger, upgrade
from adapters.sql_ledger_schema import metadata
from billing.customer import Customer, Terms
from billing.errors import AlreadyClosed, InvalidInput, LedgerAhead, LedgerUnavailable
from billing.invoice import Invoice, LineItem, Problem, Source
from billing.keys import message_id, payment_key
from billing.messages import Halt, Resume
from billing.month import Month, Stage
from billing.payment import Payment, PaymentStatus
from billing.period import Period
from billing.ports import Ledger, Letter, LetterKind, MessageStatus
from billing.review import decide
from tests.contract.ledger_fixtures import ledger, postgresql, url

__all__ = ["ledger", "postgresql", "url"]  # fixtures

ROOT = Path(__file__).parents[2]
OCTOBER, NOVEMBER, DECEMBER = Period("2026-10"), Period("2026-11"), Period("2026-12")
AT = datetime(2026, 12, 1, 3, 0, 0, 123456, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
ACME = Customer(
    customer_id="acme",
    email="ann@acme.example",
    name="Acme Añ 茶",
    currency="EUR",
    timezone="Europe/Paris",
    stripe_customer_id="cus_1",
    payment_method_id="pm_1",
    card_last4="4242",
    terms=Terms(min_window_hours=50),
)
SOURCE = Source(sheet="2026-11", row=7, digest="d" * 64)
INVOICE = Invoice(
    currency="EUR",
    collected_at=AT,
    lines=(
        LineItem(line_id="row-7", description="Tea", amount_minor=2**40, source=SOURCE),
        LineItem(line_id="added-1", description="Goodwill", amount_minor=-500),
    ),
    problems=(Problem(line_id="row-9", description="Cup", raw="x,y", reason="not money", source=SOURCE),),
    carried_minor=30,
)


def opened(period: Period = NOVEMBER, **changes: object) -> Month:
    return Month.open(ACME.evolve(**changes), period)


def drafted(period: Period = NOVEMBER) -> Month:
    return opened(period).drafted(INVOICE)


def halted(month: Month, times: int = 1) -> Month:
    """The month after as many halts, each resumed: two decisions each."""
    for n in range(times):
        month, _ = decide(month, Halt(by="ann", reason=f"check {n}"), AT, "test")
        month, _ = decide(month, Resume(by="bob", reason=f"checked {n}"), AT, "test")
    return month


def leaving(month: Month) -> Month:
    return month.evolve(leaving="ann: moved away").closed(Stage.NOTHING_DUE, AT)


def read(url: str, query: str) -> list[Any]:
    """What is in the tables, past the ledger."""
    rows: list[Any] = run(url, lambda connection: connection.execute(text(query)).all())
    return rows


def driver(url: str) -> str:
    return "sqlite" if "sqlite" in url else "postgresql+psycopg"


def run(url: str, work: Any) -> Any:
    engine = create_engine(make_url(url).set(drivername=driver(url)))
    try:
        with engine.begin() as connection:
            return work(connection)
    finally:
        engine.dispose()


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    """A process in another working directory; it says when it is ready, and waits for a line before it begins."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd="/",
        env={"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def succeed(*processes: subprocess.Popen[str]) -> None:
    """Lets all of them begin at once, and waits for all."""
    for process in processes:
        assert process.stdout
        process.stdout.readline()
    endings = await asyncio.gather(*(asyncio.to_thread(process.communicate, "\n") for process in processes))
    for process, (_, errors) in zip(processes, endings, strict=True):
        assert process.returncode == 0, errors


# -- customers and months


async def test_a_month_comes_back_as_it_was_recorded(ledger: SqlLedger) -> None:
    _: Ledger = ledger
    month = halted(drafted())
    await ledger.record(month, AT)
    assert await ledger.month("acme", NOVEMBER) == month
    assert await ledger.month("acme", OCTOBER) is None
    assert await ledger.customer("acme") == ACME
    assert await ledger.decisions("acme", NOVEMBER) == list(month.decisions)
    (row,) = await ledger.invoices()
    assert row.model_dump() == {
        "customer_id": "acme",
        "period": NOVEMBER,
        "stage": Stage.HALTED,
        "currency": "EUR",
        "total_minor": 2**40 - 470,
        "version": 1,
        "problems": 1,
        "next_at": month.due(AT).at,
        "updated_at": AT,
    }


async def test_lines_are_those_of_the_last_record(ledger: SqlLedger, url: str) -> None:
    query = "SELECT position, kind, line_id, amount_minor, sheet, row, raw, reason FROM lines ORDER BY position"
    month = drafted()
    await ledger.record(month, AT)
    await ledger.record(month, AT)
    assert [tuple(line) for line in read(url, query)] == [
        (1, "line", "row-7", 2**40, "2026-11", 7, None, None),
        (2, "line", "added-1", -500, None, None, None, None),
        (3, "problem", "row-9", None, "2026-11", 7, "x,y", "not money"),
    ]
    await ledger.record(month.evolve(invoice=INVOICE.evolve(lines=(), problems=()), revision=9), AT)
    assert read(url, query) == []


async def test_a_repeat_changes_nothing_but_what_time_has_changed(ledger: SqlLedger) -> None:
    month = opened().drafted(INVOICE.evolve(problems=()))
    await ledger.record(month, AT)
    (before,) = await ledger.invoices()
    await ledger.record(month, LATER)
    assert await ledger.month("acme", NOVEMBER) == month
    assert await ledger.invoices() == [before.evolve(updated_at=LATER)]


async def test_an_older_revision_is_refused_and_changes_nothing(ledger: SqlLedger) -> None:
    month = halted(drafted())
    await ledger.record(month, AT)
    with pytest.raises(LedgerAhead):
        await ledger.record(opened(name="Old name"), LATER)
    assert await ledger.month("acme", NOVEMBER) == month
    assert await ledger.customer("acme") == ACME


async def test_months_are_listed_by_customer_and_period_and_found_by_each(ledger: SqlLedger) -> None:
    for month in (drafted(DECEMBER), opened(), opened(customer_id="a_b"), opened(customer_id="a-b"), opened(OCTOBER)):
        await ledger.record(month, AT)

    async def keys(**wanted: Any) -> list[tuple[str, str]]:
        return [(row.customer_id, row.period) for row in await ledger.invoices(**wanted)]

    everything = [("a-b", NOVEMBER), ("a_b", NOVEMBER)] + [("acme", month) for month in (OCTOBER, NOVEMBER, DECEMBER)]
    assert await keys() == everything
    assert await keys(period=NOVEMBER) == [*everything[:2], ("acme", NOVEMBER)]
    assert await keys(stage=Stage.HALTED) == [("acme", DECEMBER)]
    assert await keys(customer_id="acme", stage=Stage.SCHEDULED) == everything[2:4]
    assert await keys(customer_id="nobody") == []
    assert [customer.customer_id for customer in await ledger.customers()] == ["a-b", "a_b", "acme"]


async def test_a_record_of_an_older_month_leaves_the_customer_as_the_newer_month_has_it(ledger: SqlLedger) -> None:
    await ledger.record(halted(opened(DECEMBER, email="new@acme.example")), AT)
    await ledger.record(leaving(opened(NOVEMBER)), LATER)
    (customer,) = await ledger.customers()
    assert customer.email == "new@acme.example"


async def test_a_saved_customer_is_there_before_any_month_and_follows_the_month_then(
    ledger: SqlLedger, url: str
) -> None:
    await ledger.save_customer(ACME)
    assert await ledger.customers() == [ACME]
    created_at = read(url, "SELECT created_at FROM customers")
    await ledger.record(opened(card_last4="1111"), AT)
    await ledger.record(opened(card_last4="2222"), AT)
    assert await ledger.customer("acme") == ACME.evolve(card_last4="2222")
    await ledger.save_customer(ACME)
    assert await ledger.customer("acme") == ACME
    assert read(url, "SELECT created_at FROM customers") == created_at


async def test_customers_with_one_email_or_card_are_found_as_long_as_their_account_is_open(ledger: SqlLedger) -> None:
    await ledger.record(leaving(opened(customer_id="gone")), AT)
    await ledger.record(opened(customer_id="other", email="bob@acme.example"), AT)
    await ledger.save_customer(ACME)
    twin = ACME.evolve(customer_id="twin", stripe_customer_id="cus_twin", payment_method_id="pm_twin")
    assert await ledger.customers_like(twin) == [ACME]
    assert await ledger.customers_like(twin.evolve(email="twin@example.com")) == []
    same_card = twin.evolve(email="twin@example.com", payment_method_id=ACME.payment_method_id)
    assert [other.customer_id for other in await ledger.customers_like(same_card)] == ["acme", "other"]
    assert [other.customer_id for other in await ledger.customers_like(ACME)] == ["other"]


@pytest.mark.parametrize("reopen", ["saved anew", "billed again"])
async def test_an_account_closes_with_its_last_month_and_may_open_again(
    ledger: SqlLedger, url: str, reopen: str
) -> None:
    query = "SELECT closed_reason, closed_at IS NULL FROM customers"
    await ledger.record(drafted().evolve(leaving="ann: moved away"), AT)
    assert await ledger.customers() == [ACME]
    last = leaving(drafted())
    await ledger.record(last, AT)
    assert await ledger.customers() == []
    assert await ledger.customer("acme") == ACME
    assert read(url, query) == [("ann: moved away", False)]
    if reopen == "saved anew":
        await ledger.save_customer(ACME)
    else:
        await ledger.record(opened(DECEMBER), LATER)
    await ledger.record(last, LATER)
    assert await ledger.customers() == [ACME]
    assert read(url, query) == [(None, True)]


# -- outcomes


async def test_an_outcome_is_never_replaced(ledger: SqlLedger) -> None:
    skipped = drafted().closed(Stage.SKIPPED, AT)
    await ledger.record(skipped, AT)
    second_chain = [opened(), halted(drafted(), 9), drafted().closed(Stage.PAID, LATER)]
    for month in second_chain:
        with pytest.raises(AlreadyClosed, match=r"acme, 2026-11 is closed as Skipped .* second chain"):
            await ledger.record(month, LATER)
    assert await ledger.month("acme", NOVEMBER) == skipped
    assert await ledger.decisions("acme", NOVEMBER) == []


async def test_a_record_from_before_the_close_that_comes_late_is_ignored(ledger: SqlLedger) -> None:
    closed = drafted().closed(Stage.SKIPPED, LATER)
    await ledger.record(closed, LATER)
    await ledger.record(drafted(), AT)
    assert await ledger.month("acme", NOVEMBER) == closed


async def test_a_closed_month_still_takes_decisions(ledger: SqlLedger) -> None:
    closed = drafted().closed(Stage.PAID, AT)
    await ledger.record(closed, AT)
    refused, decision = decide(closed, Halt(by="ann", reason="too late"), LATER, "test")
    await ledger.record(refused, LATER)
    assert await ledger.decisions("acme", NOVEMBER) == [decision]
    assert not decision.accepted


# -- the audit trail


async def test_the_audit_trail_keeps_what_the_month_no_longer_carries(ledger: SqlLedger) -> None:
    month = halted(drafted(), 60)
    await ledger.record(month, AT)
    month = halted(month.audited(120))
    await ledger.record(month, LATER)
    assert len(month.decisions) < month.decision_count == 122
    assert [entry.number for entry in await ledger.decisions("acme", NOVEMBER)] == list(range(1, 123))


async def test_an_entry_of_the_audit_trail_is_never_changed_or_deleted(ledger: SqlLedger) -> None:
    month = halted(drafted())
    await ledger.record(month, AT)
    forged = tuple(entry.evolve(by="mallory", result="nothing") for entry in month.decisions)
    await ledger.record(month.evolve(decisions=forged, revision=50), LATER)
    await ledger.record(month.evolve(decisions=(), revision=51), LATER)
    assert await ledger.decisions("acme", NOVEMBER) == list(month.decisions)


async def test_a_sign_that_postgresql_cannot_store_does_not_stop_a_month(ledger: SqlLedger) -> None:
    month, _ = decide(drafted(), Halt(by="ann", reason="a\0b"), AT, "test")
    await ledger.record(month, AT)
    assert await ledger.month("acme", NOVEMBER) == month
    assert [entry.reason for entry in await ledger.decisions("acme", NOVEMBER)] == ["a\N{REPLACEMENT CHARACTER}b"]


# -- payments and messages


async def test_a_payment_that_has_succeeded_stays_so(ledger: SqlLedger, url: str) -> None:
    payment = Payment(
        payment_id="pi_1",
        status=PaymentStatus.NEW,
        amount_minor=2**40,
        currency="EUR",
        stripe_customer_id="cus_1",
        created_at=AT,
        key=payment_key("acme", NOVEMBER),
        customer_id="acme",
        period=NOVEMBER,
    )
    other = payment.evolve(payment_id="pi_2", status=PaymentStatus.CANCELED)
    statuses = [PaymentStatus.NEW, PaymentStatus.DECLINED, PaymentStatus.PROCESSING, PaymentStatus.SUCCEEDED]
    await ledger.save_payment(other, AT)
    for minutes, status in enumerate(statuses):
        at = AT + timedelta(minutes=minutes)
        await ledger.save_payment(payment.evolve(status=status, code=f"code {status}"), at)
        row, untouched = await ledger.payments("acme", NOVEMBER)
        assert (row.payment_id, row.status, row.code, row.at) == ("pi_1", status, f"code {status}", at)
        assert (row.key, row.customer_id, row.period) == (payment.key, "acme", NOVEMBER)
        assert (untouched.payment_id, untouched.status) == ("pi_2", "canceled")
    for status in PaymentStatus:
        await ledger.save_payment(payment.evolve(status=status, amount_minor=1), LATER)
        assert await ledger.payments("acme", NOVEMBER) == [row, untouched]
    assert await ledger.payments("acme", DECEMBER) == []
    assert read(url, "SELECT count(*) FROM charges WHERE first_at < at") == [(1,)]


async def test_a_message_that_was_sent_stays_so(ledger: SqlLedger) -> None:
    def letter(number: int) -> Letter:
        name = message_id("notice", "acme", NOVEMBER, str(number), "billing.example")
        return Letter(kind=LetterKind.NOTICE, message_id=name, to=ACME.email, month=drafted())

    for minutes, status in enumerate([MessageStatus.SENDING, MessageStatus.FAILED, MessageStatus.SENT]):
        at = AT + timedelta(minutes=minutes)
        await ledger.save_message(letter(1), 1, status, at)
        (row,) = await ledger.messages("acme", NOVEMBER)
        assert (row.status, row.at, row.recipient, row.total_minor) == (status, at, ACME.email, INVOICE.total_minor)
    for status in MessageStatus:
        await ledger.save_message(letter(1), 1, status, LATER)
    await ledger.save_message(letter(2), 2, MessageStatus.SENDING, LATER)
    first, second = await ledger.messages("acme", NOVEMBER)
    assert first == row
    assert (second.number, second.status) == (2, MessageStatus.SENDING)


# -- instants


async def test_instants_come_back_in_utc_to_the_microsecond_whatever_zone_they_were_written_in(
    ledger: SqlLedger, url: str
) -> None:
    tokyo = AT.astimezone(timezone(timedelta(hours=9)))
    await ledger.record(opened(), tokyo)
    session = url if "sqlite" in url else f"{url}&options=-c%20timezone%3DAmerica/New_York"
    elsewhere = await SqlLedger.connect(session)
    (row,) = await elsewhere.invoices()
    await elsewhere.close()
    assert row.updated_at == AT
    assert row.updated_at.tzinfo is UTC
    assert "2026-12-01 03:00:00.123456" in str(read(url, "SELECT updated_at FROM invoices")[0][0])


# -- several at once

RECORD_ALL = """
import asyncio, json, random, sys
from datetime import datetime
from adapters.sql_ledger import SqlLedger
from billing.errors import LedgerAhead
from billing.month import Month
print("ready", flush=True)
input()
async def main(url, file, seed, at):
    months = [Month.model_validate(month) for month in json.load(open(file))]
    random.Random(seed).shuffle(months)
    ledger = await SqlLedger.connect(url)
    recording = (ledger.record(month, datetime.fromisoformat(at)) for month in months)
    answers = await asyncio.gather(*recording, return_exceptions=True)
    assert all(answer is None or isinstance(answer, LedgerAhead) for answer in answers), answers
    await ledger.close()
asyncio.run(main(*sys.argv[1:]))
"""


async def test_processes_that_record_at_once_leave_the_newest_month_and_the_whole_trail(
    ledger: SqlLedger, url: str, tmp_path: Path
) -> None:
    months = [drafted()]
    while len(months) < 30:
        months.append(halted(months[-1]))
    everybody = [
        month.evolve(customer=ACME.evolve(customer_id=customer_id)).model_dump(mode="json")
        for month in months
        for customer_id in ("acme", "bolt")
    ]
    (tmp_path / "months.json").write_text(json.dumps(everybody))
    arguments = url, str(tmp_path / "months.json")
    await succeed(*(python(RECORD_ALL, *arguments, seed, AT.isoformat()) for seed in "123"))
    for customer_id in ("acme", "bolt"):
        recorded = await ledger.month(customer_id, NOVEMBER)
        assert recorded is not None
        assert recorded.revision == months[-1].revision
        assert await ledger.decisions(customer_id, NOVEMBER) == list(months[-1].decisions)
    assert read(url, "SELECT count(*) FROM lines") == [(6,)]


async def test_a_record_that_waited_for_another_one_looks_again_which_is_newer(ledger: SqlLedger, url: str) -> None:
    await ledger.record(drafted(), AT)
    engine = create_engine(make_url(url).set(drivername=driver(url)))
    with engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE" if "sqlite" in url else "SELECT 1 FROM customers FOR UPDATE")
        waiting = asyncio.create_task(ledger.record(halted(drafted()), LATER))
        await asyncio.sleep(0.3)
        other.exec_driver_sql("UPDATE invoices SET revision = 99")
        other.commit()
    engine.dispose()
    with pytest.raises(LedgerAhead):
        await waiting
    assert await ledger.month("acme", NOVEMBER) == drafted()


# -- the schema


UPGRADE = """
import sys
from adapters.sql_ledger import upgrade
print("ready", flush=True)
input()
upgrade(sys.argv[1])
"""


async def test_a_database_is_brought_up_to_date_once_however_often_and_from_wherever(url: str) -> None:
    ledger = await SqlLedger.connect(url)
    await ledger.ping()
    assert not await ledger.schema_is_current()
    await succeed(*(python(UPGRADE, url) for _ in range(4)))
    await asyncio.gather(ledger.migrate(), ledger.migrate())
    assert await ledger.schema_is_current()
    await ledger.record(drafted(), AT)
    upgrade(url)
    assert await ledger.customers() == [ACME]
    await ledger.close()


async def test_an_upgrade_waits_for_another_one(url: str) -> None:
    ledger = await SqlLedger.connect(url)
    engine = create_engine(make_url(url).set(drivername=driver(url)))
    with engine.connect() as other:
        lock = f"SELECT pg_advisory_xact_lock({sql_ledger_schema._MIGRATION_LOCK})"
        other.exec_driver_sql("BEGIN IMMEDIATE" if "sqlite" in url else lock)
        waiting = asyncio.create_task(ledger.migrate())
        await asyncio.sleep(0.3)
        assert not waiting.done()
    engine.dispose()
    await waiting
    assert await ledger.schema_is_current()
    await ledger.close()


async def test_migrations_and_tables_agree(ledger: SqlLedger, url: str) -> None:
    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    assert run(url, differences) == []


async def test_sqlite_is_set_up_for_several_processes_on_one_file(tmp_path: Path) -> None:
    ledger = await SqlLedger.connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    await ledger.migrate()
    expected = {"journal_mode": "wal", "busy_timeout": 10_000, "synchronous": 1, "foreign_keys": 1}
    async with sql_ledger_database.transaction(ledger._database.engine, "answer") as connection:
        found = {name: await connection.scalar(text(f"PRAGMA {name}")) for name in expected}
    await ledger.close()
    assert found == expected


async def test_several_ledgers_can_be_set_up_in_one_process_at_once(tmp_path: Path) -> None:
    ledgers = [await SqlLedger.connect(f"sqlite:///{tmp_path}/100%/{n} a/ledger.db") for n in range(4)]
    await asyncio.gather(*(ledger.migrate() for ledger in ledgers))
    for ready in ledgers:
        assert await ready.schema_is_current()
        await ready.close()


# -- outages


async def test_missing_tables_say_what_to_run(url: str) -> None:
    ledger = await SqlLedger.connect(url)
    for attempt in (ledger.record(drafted(), AT), ledger.customers(), ledger.save_customer(ACME)):
        with pytest.raises(LedgerUnavailable, match=r"starter\.py setup"):
            await attempt
    await ledger.close()


async def test_a_ledger_of_a_newer_release_is_left_alone(ledger: SqlLedger, url: str) -> None:
    run(url, lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    assert not await ledger.schema_is_current()
    with pytest.raises(LedgerUnavailable, match="newer release"):
        await ledger.migrate()


async def test_a_row_that_does_not_fit_is_not_shown(ledger: SqlLedger, url: str) -> None:
    await ledger.save_customer(ACME)
    run(url, lambda connection: connection.execute(text("UPDATE customers SET email = 'no address'")))
    with pytest.raises(LedgerUnavailable, match=r"row does not fit this release \(email\); ") as caught:
        await ledger.customer("acme")
    assert "no address" not in str(caught.value)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_a_lost_connection_is_made_again(ledger: SqlLedger, url: str) -> None:
    await ledger.ping()
    kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    assert read(url, f"{kill} AND datname = current_database()")[0][0] >= 1
    await ledger.record(drafted(), AT)


@pytest.mark.parametrize("closed", ["server", "database"])
async def test_a_server_that_does_not_answer_says_so_without_the_password(postgresql: str, closed: str) -> None:
    url = "postgresql://ann:s3cret@127.0.0.1:1/ledger" if closed == "server" else postgresql.format("missing")
    url = url.replace("postgres:@", "postgres:s3cret@")
    ledger = await SqlLedger.connect(url)
    with pytest.raises(LedgerUnavailable, match="check that its server runs") as caught:
        await ledger.ping()
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(LedgerUnavailable, match="check that its server runs"):
        await ledger.migrate()


@pytest.mark.parametrize(
    ("pragma", "advice"),
    [("query_only = ON", "make its file and folder writable"), ("max_page_count = 1", "make room")],
)
async def test_a_file_that_takes_no_more_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pragma: str, advice: str
) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    upgrade(url)
    monkeypatch.setattr(sql_ledger_database, "_SQLITE", (*sql_ledger_database._SQLITE, pragma))
    ledger = await SqlLedger.connect(url)
    large = INVOICE.evolve(lines=INVOICE.lines * 500)
    with pytest.raises(LedgerUnavailable, match=advice):
        await ledger.record(opened().drafted(large), AT)
    await ledger.close()


async def test_a_locked_file_is_waited_for_and_then_said_to_be_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ledger.db"
    upgrade(f"sqlite:///{file}")
    monkeypatch.setattr(sql_ledger_database, "_SQLITE", ("busy_timeout = 200",))
    ledger = await SqlLedger.connect(f"sqlite:///{file}")
    lock = sqlite3.connect(file, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    assert await ledger.customers() == []  # readers do not wait for a writer
    with pytest.raises(LedgerUnavailable, match=r"record acme, 2026-11: database is locked; .* tried again"):
        await ledger.record(drafted(), AT)
    asyncio.get_running_loop().call_later(0.05, lock.rollback)
    await ledger.record(drafted(), AT)
    lock.close()
    await ledger.close()


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "s3cret",
        "mysql://ann:s3cret@host/ledger",
        "postgresql://ann:x@s3cret/host/ledger@host/ledger",
        "postgresql://ann:s3cret@host:port/ledger",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
async def test_a_url_that_cannot_be_used_is_refused_and_never_repeated(bad: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await SqlLedger.connect(bad)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


def driver_errors() -> Iterator[Exception]:
    """One of every kind of error that SQLAlchemy raises for these two drivers, or on its own account."""
    for driver in (sqlite3, psycopg):
        for kind in subclasses(driver.Error):
            raised = exc.DBAPIError.instance("INSERT", {"email": "s3cret"}, kind("failed\ns3cret"), driver.Error)
            assert isinstance(raised, exc.DBAPIError)
            yield raised
    for own in (exc.TimeoutError, exc.DisconnectionError, exc.PendingRollbackError, exc.ResourceClosedError):
        yield own("failed")
    yield exc.StatementError("s3cret", "INSERT", {"email": "s3cret"}, ValueError("s3cret"))
    yield OSError("failed")
    yield CommandError("failed")


def subclasses(kind: type[Exception]) -> set[type[Exception]]:
    return {kind}.union(*(subclasses(sub) for sub in kind.__subclasses__()))


def test_every_error_of_sqlalchemy_and_the_drivers_is_translated_without_what_is_in_the_rows() -> None:
    seen = set()
    for error in driver_errors():
        seen.add(type(error))
        with pytest.raises(LedgerUnavailable) as caught, sql_ledger_errors.translated("record acme, 2026-11"):
            raise error
        assert str(caught.value).startswith("the ledger could not record acme, 2026-11: ")
        assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    assert seen >= subclasses(exc.DBAPIError)


@pytest.mark.parametrize(
    ("cause", "advice"),
    [
        (psycopg.errors.UndefinedTable(), "starter.py setup"),
        (psycopg.errors.UndefinedColumn(), "starter.py setup"),
        (psycopg.errors.DeadlockDetected(), "tried again"),
        (psycopg.errors.LockNotAvailable(), "tried again"),
        (psycopg.errors.DiskFull(), "make room"),
        (psycopg.errors.AdminShutdown(), "check that its server runs"),
        (psycopg.errors.UniqueViolation(), "this is a bug"),
        (sqlite3.OperationalError("table lines has no column named kind"), "starter.py setup"),
        (sqlite3.IntegrityError("UNIQUE constraint failed"), "this is a bug"),
    ],
)
def test_an_error_says_what_to_do(cause: Exception, advice: str) -> None:
    base = psycopg.Error if isinstance(cause, psycopg.Error) else sqlite3.Error
    with pytest.raises(LedgerUnavailable, match=advice), sql_ledger_errors.translated("answer"):
        raise exc.DBAPIError.instance("SELECT 1", {}, cause, base)


async def test_a_departed_customer_leaves_no_month_behind_that_had_not_begun(ledger: SqlLedger) -> None:
    await ledger.record(opened(DECEMBER), AT)
    await ledger.record(leaving(opened(NOVEMBER)), LATER)
    assert [row.period for row in await ledger.invoices()] == [NOVEMBER]
    assert await ledger.customers() == []
    assert await ledger.closed_reason("acme")
