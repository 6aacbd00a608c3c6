"""A ledger with as many customers as wanted and a month of each, in all stages: for measuring, and for looking at.

    await fill(ledger, 10_000, Period("2026-11"), now)
    await fill(ledger, 100_000, period, now, sheet=folder / "2026-11.csv")   # and the worksheet that they come from

The months are real ones, made by the domain; they are written many at a time, which is not how the application does it.
"""

import csv
import itertools
import os
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from adapters.sql.core.rows import charge_values, customer_values, decision_values, invoice_values, line_values
from adapters.sql.ledger import SqlLedger
from adapters.sql.schema.months import charges, customers, decisions, invoices, lines
from billing.commands import Halt
from billing.customers.customer import Customer, ReviewMode, Terms
from billing.invoices.commands import Approve, Delivered
from billing.invoices.invoice import Invoice, LineItem, Problem, Source
from billing.invoices.month import Month
from billing.invoices.review import decide
from billing.invoices.stages import Stage
from billing.keys import payment_key
from billing.money import format_amount
from billing.payments.methods import CardOnFile
from billing.payments.payment import ChargeResult, ChargeStatus, Payment, PaymentStatus
from billing.period import Period

_BATCH = 500
_FIRST = (
    "Alpine",
    "Nordic",
    "Harbour",
    "Linden",
    "Copper",
    "Maple",
    "Quartz",
    "Saffron",
    "Juniper",
    "Cobalt",
    "Zürich",
)
_SECOND = (
    "Bakery",
    "Optics",
    "Textiles",
    "Logistics",
    "Press",
    "Orchards",
    "Climbing",
    "Instruments",
    "Söhne",
    "Foods",
)
_PLACES = (
    *(("eur", "Europe/Paris"),) * 5,
    *(("usd", "America/Denver"),) * 3,
    ("gbp", "Europe/London"),
    ("jpy", "Asia/Tokyo"),
    ("chf", "Europe/Zurich"),
)


async def fill(
    ledger: SqlLedger, count: int, period: Period, now: datetime, seed: int = 1, sheet: Path | None = None
) -> None:
    """Writes ``count`` customers with their months of ``period``, which is in its monitoring window around ``now``."""
    chance, rows = random.Random(seed), itertools.count(2)
    with (sheet or Path(os.devnull)).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("email", "amount", "description"))
        for start in range(0, count, _BATCH):
            made = [_month(chance, number, period, now, rows) for number in range(start, min(start + _BATCH, count))]
            writer.writerows(row for month in made for row in _sold(month))
            _write(ledger, made, now)


def _sold(month: Month) -> Iterator[tuple[str, str, str]]:
    """The rows of the worksheet that the invoice was made of."""
    for line in month.invoice.lines if month.invoice else ():
        yield (
            month.customer.mailbox,
            format_amount(line.amount_minor, month.customer.currency).split()[0],
            line.description,
        )
    for problem in month.invoice.problems if month.invoice else ():
        yield month.customer.mailbox, problem.raw, problem.description


def _write(ledger: SqlLedger, months: list[Month], now: datetime) -> None:
    times = {"created_at": now, "updated_at": now}
    with ledger._writing("fill itself") as connection:
        connection.execute(insert(customers), [customer_values(month.customer) | times for month in months])
        connection.execute(insert(invoices), [invoice_values(month, now) for month in months])
        connection.execute(insert(lines), [row for month in months for row in line_values(month)])
        if rows := [row for month in months for row in decision_values(month)]:
            connection.execute(insert(decisions), rows)
        if paid := [charge_values(_payment(month), now) for month in months if month.outcome is Stage.PAID]:
            connection.execute(insert(charges), paid)


def _payment(month: Month) -> Payment:
    customer, key = month.customer, payment_key(month.customer.customer_id, month.period)
    assert month.invoice is not None
    return Payment(
        rail="stripe",
        payment_id=f"pi_{customer.card_on_file.payer_id}",
        key=key,
        customer_id=customer.customer_id,
        period=month.period,
        payer_id=customer.card_on_file.payer_id,
        amount_minor=month.invoice.total_minor,
        currency=customer.currency,
        status=PaymentStatus.SUCCEEDED,
        created_at=month.charge_at,
    )


def _month(chance: random.Random, number: int, period: Period, now: datetime, rows: Iterator[int]) -> Month:
    """A month that is, by chance, in one of its stages."""
    currency, zone = chance.choice(_PLACES)
    mode = ReviewMode.APPROVE if chance.random() < 0.1 else ReviewMode.MONITOR
    customer = Customer(
        customer_id=f"customer-{number:05}",
        email=f"billing@customer-{number:05}.example",
        name=f"{chance.choice(_FIRST)} {chance.choice(_SECOND)} {number:05}",
        currency=currency,
        timezone=zone,
        payment_method=CardOnFile(payer_id=f"cus_{number}", card_id=f"pm_{number}", last4="4242"),
        terms=Terms(review_mode=mode, unusual_change_percent=30, unusual_above_minor=900_000),
    )
    month = Month.open(customer, period)
    lot = chance.random()
    if lot < 0.03:
        return month if lot < 0.02 else month.delayed("SalesUnavailable", "quota exceeded")
    month = _habitual(chance, month.drafted(_invoice(chance, month, rows, unreadable=lot > 0.98)))
    if lot < 0.08:
        return decide(month, Halt(by="ann", reason="ask about the storage days"), now, "update")[0]
    if lot < 0.40 or month.stopped:
        return month
    return _announced(chance, month, lot, now)


def _habitual(chance: random.Random, month: Month) -> Month:
    """The month of a customer of whom the months before are known, to whom some are unlike."""
    assert month.invoice is not None
    like = chance.choice((1, 1, 1, 1.02, 0.95, 1.1, 0.6, 1.8))
    first = chance.random() < 0.04
    return month.evolve(first=first, usual_minor=None if first else round(month.invoice.total_minor * like))


def _announced(chance: random.Random, month: Month, lot: float, now: datetime) -> Month:
    assert month.invoice is not None
    if month.customer.terms.review_mode is ReviewMode.APPROVE:
        consent = Approve(by="bob", reason="as agreed", digest=month.invoice.digest)
        month = decide(month, consent, month.import_at, "update")[0]
    if lot < 0.42:
        return month.close(Stage.SKIPPED, month.notice_at)
    month = month.announcing(month.notice_at).delivered(Delivered(at=month.notice_at))
    if lot < 0.7:
        return month
    month = month.begin_charge(month.charge_at)
    if lot < 0.71:
        return month.failed("the payment that was found is not the one that was announced")
    status = ChargeStatus.SUCCEEDED if lot < 0.95 else ChargeStatus.DECLINED
    return month.charged(ChargeResult(status=status, at=month.charge_at))


def _invoice(chance: random.Random, month: Month, rows: Iterator[int], unreadable: bool) -> Invoice:
    scale = 100 if month.customer.currency == "jpy" else 1
    source = Source(sheet=month.period, row=2, digest="d" * 64)
    lines = tuple(
        LineItem(
            line_id=f"row-{row}",
            description=chance.choice(("Hosting", "Support, 3 h", "Licences", "Cold storage", "Freight")),
            amount_minor=round(chance.lognormvariate(10, 1)) * scale,
            source=source.evolve(row=row),
        )
        for row in itertools.islice(rows, chance.randint(1, 6))
    )
    problems: tuple[Problem, ...] = ()
    if unreadable:
        row = next(rows)
        source = source.evolve(row=row)
        words = {"description": "Ribbon", "raw": "12,5x", "reason": "not an amount"}
        problems = (Problem(line_id=f"row-{row}", source=source, **words),)
    imported_at = month.import_at + timedelta(minutes=chance.randint(0, 90))
    return Invoice(
        currency=month.customer.currency,
        imported_at=imported_at,
        lines=lines,
        problems=problems,
    )
