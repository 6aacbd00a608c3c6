"""Months for the tests of the domain: a customer, a draft, and a month in each of its stages."""

from datetime import datetime, timedelta
from typing import Any

from billing.commands import Command, answered, parse_command
from billing.customers.customer import Customer, Terms
from billing.invoices.commands import COMMANDS, Decision, Delivered
from billing.invoices.invoice import Invoice, LineItem, Problem, Source
from billing.invoices.month import Month
from billing.invoices.review import decide
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.period import Period

PERIOD = Period("2026-10")
SOURCE = Source(sheet="2026-10", row=4, digest="d")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def at(text: str) -> datetime:
    """In UTC."""
    return datetime.fromisoformat(f"{text}+00:00")


def customer(**fields: Any) -> Customer:
    terms = Terms.model_validate(fields.pop("terms", {}))
    values = {
        "customer_id": "acme",
        "email": "acme@example.com",
        "name": "Acme",
        "currency": "eur",
        "timezone": "Europe/Paris",
        "payment_method": {"kind": "card", "payer_id": "cus_1", "card_id": "pm_1"},
        "terms": terms,
    }
    return Customer.model_validate(values | fields)


def opened(**fields: Any) -> Month:
    """October 2026: collected on 1 November, 01:00 UTC, announced on the 4th and charged on the 8th, 09:00 UTC."""
    return Month.open(customer(**fields), PERIOD)


def drafted(
    *amounts: int, carried_minor: int = 0, unreadable: bool = False, late: timedelta = timedelta(), **fields: Any
) -> Month:
    month = opened(**fields)
    problem = Problem(line_id="row-9", description="Odd", raw="#REF!", reason="no amount", source=SOURCE)
    lines = [
        LineItem(line_id=f"row-{row}", description="Sale", amount_minor=amount, source=SOURCE)
        for row, amount in enumerate(amounts, start=2)
    ]
    return month.drafted(
        Invoice(
            currency=month.customer.currency,
            imported_at=month.import_at + late,
            lines=tuple(lines),
            problems=(problem,) if unreadable else (),
            carried_minor=carried_minor,
        )
    )


def announced(*amounts: int, **fields: Any) -> Month:
    """A month whose notice has just left."""
    month = drafted(*amounts, **fields)
    return month.announcing(month.notice_at).delivered(Delivered(at=month.notice_at))


def charging(*amounts: int, **fields: Any) -> Month:
    month = announced(*amounts, **fields)
    return month.begin_charge(month.charge_at)


def charged(status: ChargeStatus, *amounts: int, **fields: Any) -> Month:
    month = charging(*amounts, **fields)
    return month.charged(ChargeResult(status=status, at=month.charge_at))


def command(name: str, **fields: Any) -> Command:
    about = {"period": PERIOD} if name == "edit" else {}
    return parse_command(name, [{"by": "ann", "reason": "as agreed", **about, **fields}], COMMANDS)


def say(month: Month, name: str, now: datetime, **fields: Any) -> tuple[Month, Decision]:
    return decided(month, command(name, **fields), now)


def decided(month: Month, command: Command, now: datetime, via: str = "update") -> tuple[Month, Decision]:
    """The month after a command, and what the trail says of it; of a repeat, what it said the first time."""
    after = decide(month, command, now, via).value
    return after, answered(month.decisions, command) or after.decisions[-1]


def accepted(month: Month, name: str, now: datetime, **fields: Any) -> Month:
    """The month after a command that has to be accepted."""
    after, decision = say(month, name, now, **fields)
    assert decision.accepted, decision.result
    assert after.revision > month.revision
    return after


def refused(month: Month, name: str, now: datetime, **fields: Any) -> str:
    """Why a command is refused; it must leave its trace and nothing else."""
    after, decision = say(month, name, now, **fields)
    assert not decision.accepted, decision.result
    assert after.decisions == (*month.decisions, decision)
    trail = {"decisions", "decision_count", "revision"}
    assert after.model_dump(exclude=trail) == month.model_dump(exclude=trail)
    assert after.revision > month.revision
    return decision.result
