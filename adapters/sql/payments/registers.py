"""Banks' registers in the ledger: files, lines, and how they stand beside incoming payments."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, or_, select, update

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.statements import insert_new, lock
from adapters.sql.payments.register_states import AMOUNTS, STATE, WITH_PAYMENT, extras, tallies
from adapters.sql.reviewers.alerts import put_alerts
from adapters.sql.schema.journal import incoming_payments
from adapters.sql.schema.registers import register_files, register_lines
from billing.customers.erasure import ERASED
from billing.errors import InvalidInput
from billing.receivables.incoming import PaymentKind
from billing.receivables.journal import PaymentName
from billing.registers.alerts import of_missing_register, of_refused_file, of_register
from billing.registers.ports import DAYS_SHOWN, RegisterPage, Taken
from billing.registers.register import (
    LineState,
    RegisterDay,
    RegisterFile,
    RegisterLine,
    RegisterRow,
    RegisterTerms,
)

_F, _L, _I = register_files.c, register_lines.c, incoming_payments.c
_FACTS = ("account", "personal", "currency", "amount_minor", "paid_at", "original")
_PAGE = 1000
_NEAR = timedelta(days=2)
_SHOWN = ("rail", "reference", "account", "currency", "paid_at", "original")
_DECIDED = ("decision", "decided_by", "decided_why", "decided_at")
_OF_DAY = select(*(_L[name] for name in (*_SHOWN, *_DECIDED)), *AMOUNTS, STATE.label("state")).select_from(WITH_PAYMENT)
_CHANGED = (
    update(register_lines)
    .where(_L.rail == bindparam("of_rail"), _L.digest == bindparam("of_digest"))
    .values({name: bindparam(f"new_{name}") for name in _FACTS})
    .values(decision=None, decided_by=None, decided_why=None, decided_at=None)
)


class SqlRegisters(SqlDatabase):
    """The part of ``SqlLedger`` about registers."""

    @in_thread
    def save_register_lines(self, terms: RegisterTerms, day: date, lines: Sequence[RegisterLine]) -> None:
        with self._writing(f"keep lines of the register of {terms.rail}") as connection:
            lock(connection, f"register {terms.rail}")
            known = _facts(connection, terms.rail, lines)
            new, changed = [], []
            for line in lines:
                name = PaymentName.of(terms.rail, line.reference)
                facts = {name: getattr(line, name) for name in _FACTS if name != "currency"}
                facts["currency"] = terms.currency
                if known.get(name.digest, {}).get("account") == ERASED:
                    facts |= {"account": ERASED, "personal": None}
                if name.digest not in known:
                    new.append({**name._asdict(), "day": str(day), "reference": line.reference, **facts})
                elif known[name.digest] != facts:
                    named = {"of_rail": name.rail, "of_digest": name.digest}
                    changed.append(named | {f"new_{fact}": value for fact, value in facts.items()})
            insert_new(connection, register_lines, new)
            if changed:
                connection.execute(_CHANGED, changed)

    @in_thread
    def close_register(self, terms: RegisterTerms, file: RegisterFile) -> Taken:
        with self._writing(f"keep the register of {terms.rail}") as connection:
            lock(connection, f"register {terms.rail}")
            if other := _foreign(connection, file):
                raise InvalidInput(f"{file.name} was taken in already, as the register of {other.rail} of {other.day}")
            is_new = insert_new(connection, register_files, [{**dict(file), "day": str(file.day)}])
            day = _day(connection, terms, file.day)
            if is_new and (alert := of_register(day, file.at)):
                put_alerts(connection, [alert])
            return Taken(day=day, is_new=is_new)

    @in_thread
    def registers_with(self, digest: str) -> list[RegisterFile]:
        return self._read(RegisterFile, register_files, _F.digest == digest)

    @in_thread
    def register_day(self, terms: RegisterTerms, day: date) -> RegisterDay:
        with self._looking(f"compare {terms.rail} with its register") as connection:
            return _day(connection, terms, day)

    @in_thread
    def register_days(self, rail: str = "", before: date | None = None) -> list[tuple[str, date]]:
        which = [*([_F.rail == rail] if rail else []), *([_F.day < str(before)] if before else [])]
        days = select(_F.day).where(*which).distinct().order_by(_F.day.desc()).limit(DAYS_SHOWN).subquery()
        query = select(_F.rail, _F.day).where(*which, _F.day.in_(select(days.c.day))).distinct()
        with self._reading("list the registers") as connection:
            rows = connection.execute(query.order_by(_F.day.desc(), _F.rail)).all()
        return [(row.rail, date.fromisoformat(row.day)) for row in rows]

    @in_thread
    def days_without_register(self, terms: RegisterTerms, since: date, until: date) -> list[date]:
        with self._looking(f"look for registers of {terms.rail}") as connection:
            of_rail = select(_F.day).where(_F.rail == terms.rail).distinct()
            taken = set(connection.scalars(of_rail.where(_F.day >= str(since), _F.day < str(until))))
            first = connection.scalar(select(func.min(_F.day)).where(_F.rail == terms.rail))
            paid = connection.scalar(select(func.min(_I.paid_at)).where(_I.rail == terms.rail))
            begins = [*([date.fromisoformat(first)] if first else []), *([terms.day_of(paid)] if paid else [])]
        days = (since + timedelta(days=number) for number in range((until - since).days))
        return [day for day in days if begins and day >= min(begins) and str(day) not in taken]

    @in_thread
    def rail_totals(self, terms: RegisterTerms, since: date, until: date) -> tuple[int, int]:
        begins, ends = terms.bounds(since)[0], terms.bounds(until)[0]
        is_within = _I.rail == terms.rail, _I.paid_at >= begins, _I.paid_at < ends, _I.currency == terms.currency
        cleared = select(func.coalesce(func.sum(_I.amount_minor), 0)).where(*is_within)
        by_hand = cleared.where(_I.kind == PaymentKind.REFUND)
        days = (
            _L.day >= str(since - _NEAR),
            _L.day < str(until + _NEAR),
        )  # by the index
        counts = _L.paid_at >= begins, _L.paid_at < ends, or_(STATE != LineState.REJECTED, _I.digest.is_not(None))
        registered = select(func.coalesce(func.sum(_L.amount_minor), 0)).select_from(WITH_PAYMENT)
        registered = registered.where(_L.rail == terms.rail, *days, *counts)
        with self._looking(f"add {terms.rail} up") as connection:
            minor = [int(connection.scalar(query) or 0) for query in (registered, by_hand, cleared)]
        return minor[0] + minor[1], minor[2]

    @in_thread
    def register_lines(
        self, terms: RegisterTerms, day: date, limit: int = 1000, everything: bool = False
    ) -> RegisterPage:
        shown = _OF_DAY.where(_L.rail == terms.rail, _L.day == str(day)).order_by(_L.paid_at, _L.reference)
        if not everything:
            shown = shown.where(STATE.not_in((LineState.CONFIRMED, LineState.REJECTED)))
        with self._looking(f"list the register of {terms.rail}") as connection:
            rows = [dict(row) for row in connection.execute(shown.limit(limit)).mappings()]
            rows += [dict(row) for row in connection.execute(extras(terms, day).limit(limit)).mappings()]
            found = _day(connection, terms, day)
        models = [RegisterRow.model_validate(row | {"day": day}) for row in rows]
        models.sort(key=lambda row: (not row.state.is_open, row.paid_at, row.reference))
        counted = found.tallies if everything else found.open
        return RegisterPage(rows=tuple(models[:limit]), count=sum(tally.count for tally in counted))

    @in_thread
    def bookable_lines(self, terms: RegisterTerms, day: date, state: LineState, after: str) -> list[RegisterRow]:
        is_its = _L.rail == terms.rail, _L.day == str(day), STATE.in_([state]), _L.reference > after
        with self._looking(f"list what can be booked of {terms.rail}") as connection:
            rows = connection.execute(_OF_DAY.where(*is_its).order_by(_L.reference).limit(_PAGE)).mappings()
            return [RegisterRow.model_validate({**row, "day": day}) for row in rows]

    @in_thread
    def tell_missing_register(self, terms: RegisterTerms, day: date, at: datetime) -> None:
        with self._writing(f"tell that no register of {terms.rail} has come") as connection:
            put_alerts(connection, [of_missing_register(terms, day, at)])

    @in_thread
    def tell_refused_register(self, rail: str, name: str, digest: str, why: str, at: datetime) -> None:
        with self._writing(f"tell that a register of {rail} is refused") as connection:
            put_alerts(connection, [of_refused_file(rail, name, digest, why, at)])


def _facts(connection: Connection, rail: str, lines: Sequence[RegisterLine]) -> dict[str, dict[str, Any]]:
    """What is on record of these lines, by the digest of their references."""
    digests = [PaymentName.of(rail, line.reference).digest for line in lines]
    query = select(_L.digest, *(_L[name] for name in _FACTS)).where(_L.rail == rail, _L.digest.in_(digests))
    return {row["digest"]: {name: row[name] for name in _FACTS} for row in connection.execute(query).mappings()}


def _foreign(connection: Connection, file: RegisterFile) -> RegisterFile | None:
    if not file.lines:
        return None  # days without payments look alike
    query = select(register_files).where(_F.digest == file.digest)
    for row in connection.execute(query).mappings():
        if (row["rail"], row["day"]) != (file.rail, str(file.day)):
            return RegisterFile.model_validate(dict(row))
    return None


def _day(connection: Connection, terms: RegisterTerms, day: date) -> RegisterDay:
    of_day = _F.rail == terms.rail, _F.day == str(day)
    files, taken_at = connection.execute(select(func.count(), func.max(_F.at)).where(*of_day)).one()
    return RegisterDay(
        rail=terms.rail,
        day=day,
        currency=terms.currency,
        files=files,
        taken_at=taken_at,
        tallies=tuple(tallies(connection, terms, day)) if files else (),
    )
