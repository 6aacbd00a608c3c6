"""How lines of registers stand: by the payments that are booked now, and by what people have decided."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import Connection, Select, and_, case, exists, func, literal, null, or_, select

from adapters.sql.schema.journal import incoming_payments
from adapters.sql.schema.registers import register_lines
from billing.registers.register import LineDecision, LineState, RegisterTerms, Tally

_L, _I = register_lines.c, incoming_payments.c
_BACK = incoming_payments.alias("back").c

WITH_PAYMENT = register_lines.outerjoin(incoming_payments, and_(_I.rail == _L.rail, _I.digest == _L.digest))
STATE = case(
    (and_(_I.amount_minor == _L.amount_minor, _I.currency == _L.currency), LineState.CONFIRMED),
    (_L.decision == LineDecision.REJECTED, LineState.REJECTED),
    (_I.digest.is_not(None), LineState.DIFFERENT),
    (_L.amount_minor < 0, LineState.REVERSED),
    else_=LineState.MISSING,
)
AMOUNTS = (_L.amount_minor, _I.amount_minor.label("booked_minor"))
_GONE_BACK = (
    select(func.coalesce(func.sum(_BACK.amount_minor), 0))
    .where(_BACK.rail == _I.rail, _BACK.original == _I.digest)
    .scalar_subquery()
)


def extras(terms: RegisterTerms, day: date) -> Select[Any]:
    """Payments of the day that no register has, of this day or another; without those of which all went back."""
    return (
        select(
            *(_I[name] for name in ("rail", "reference", "currency", "paid_at")),
            literal("").label("account"),
            null().label("amount_minor"),
            _I.amount_minor.label("booked_minor"),
            literal(LineState.EXTRA.value).label("state"),
        )
        .where(*_is_extra(terms, day))
        .order_by(_I.paid_at, _I.reference)
    )


def tallies(connection: Connection, terms: RegisterTerms, day: date) -> Iterator[Tally]:
    """Counts and sums by state, in the order of the states."""
    sums = func.sum(_L.amount_minor), func.coalesce(func.sum(_I.amount_minor), 0)
    of_day = _L.rail == terms.rail, _L.day == str(day)
    query = select(STATE, func.count(), *sums).select_from(WITH_PAYMENT).where(*of_day).group_by(STATE)
    found = {state: (count, register, booked) for state, count, register, booked in connection.execute(query)}
    own = select(func.count(), func.coalesce(func.sum(_I.amount_minor), 0)).where(*_is_extra(terms, day))
    count, booked = connection.execute(own).one()
    if count:
        found[LineState.EXTRA] = (count, 0, booked)
    for state in LineState:
        if state in found:
            count, register, booked = found[state]
            yield Tally(state=state, count=count, register_minor=int(register), booked_minor=int(booked))


def _is_extra(terms: RegisterTerms, day: date) -> tuple[Any, ...]:
    begins, ends = terms.bounds(day)
    is_of_day = _I.rail == terms.rail, _I.paid_at >= begins, _I.paid_at < ends, _I.original.is_(None)
    is_known = exists().where(_L.rail == _I.rail, _L.digest == _I.digest)
    return *is_of_day, ~is_known, or_(_I.amount_minor + _GONE_BACK != 0)
