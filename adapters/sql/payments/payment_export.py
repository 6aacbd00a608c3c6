"""Incoming payments for accounting, rail by rail and page by page."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, RowMapping, and_, func, or_, select

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.schema.billers import service_accounts
from adapters.sql.schema.journal import incoming_payments, journal_entries, transactions
from billing.accounting.payment_export import ExportedPayment
from billing.receivables.journal import AccountKind, Subject

_PAGE = 500
_FEW = 100
_I, _T, _E, _A = incoming_payments.c, transactions.c, journal_entries.c, service_accounts.c
_BEFORE = incoming_payments.alias("before").c
_NAMES = ("rail", "reference", "kind", "paid_at", "booked_at", "customer_id", "amount_minor", "unmatched_minor")
_COLUMNS = [_I[name] for name in (*_NAMES, "currency", "payer", "digest", "original")]


class SqlPaymentExport(SqlDatabase):
    """``billing.accounting.payment_export.PaymentExport`` in SQL: the part of ``SqlLedger`` for accounting."""

    @in_thread
    def paid_rails(self) -> list[str]:
        with self._reading("list the rails of its payments") as connection:
            return sorted(connection.scalars(select(_I.rail).distinct()))

    async def payments_between(
        self, rail: str, since: datetime, until: datetime
    ) -> AsyncIterator[list[ExportedPayment]]:
        after: tuple[datetime, str] = (since, "")
        while page := await self.run(partial(self._exported_page, rail, after, until)):
            rows, after = page
            yield rows

    @in_thread
    def paid_before(self, rail: str, instant: datetime) -> dict[str, int]:
        sums = select(_I.currency, func.sum(_I.amount_minor)).where(_I.rail == rail, _I.paid_at < instant)
        with self._reading(f"add up what was paid by {rail}") as connection:
            return {currency: int(minor) for currency, minor in connection.execute(sums.group_by(_I.currency))}

    def _exported_page(
        self, rail: str, after: tuple[datetime, str], until: datetime
    ) -> tuple[list[ExportedPayment], tuple[datetime, str]] | None:
        paid_at, digest = after
        is_next = or_(_I.paid_at > paid_at, and_(_I.paid_at == paid_at, _I.digest > digest))
        query = select(*_COLUMNS).where(_I.rail == rail, _I.paid_at >= paid_at, _I.paid_at < until, is_next)
        with self._looking(f"export what was paid by {rail}") as connection:
            rows = connection.execute(query.order_by(_I.paid_at, _I.digest).limit(_PAGE)).mappings().all()
            if not rows:
                return None
            return _models(connection, rail, rows), (rows[-1]["paid_at"], rows[-1]["digest"])


def _models(connection: Connection, rail: str, rows: Sequence[RowMapping]) -> list[ExportedPayment]:
    owners, paid_for = _moved(connection, rail, [row["digest"] for row in rows])
    originals = [row["original"] for row in rows if row["original"]]
    known = select(_BEFORE.digest, _BEFORE.reference).where(_BEFORE.rail == rail, _BEFORE.digest.in_(originals))
    references = {row.digest: row.reference for row in connection.execute(known)} if originals else {}
    whose = {row["digest"]: row["customer_id"] or owners.get(row["digest"]) for row in rows}
    numbers = _numbers(connection, sorted({customer_id for customer_id in whose.values() if customer_id}))
    return [
        ExportedPayment(
            **{name: row[name] for name in (*_NAMES, "currency", "payer") if name != "customer_id"},
            customer_id=whose[row["digest"]],
            accounts=tuple(numbers[whose[row["digest"]] or ""][:_FEW]),
            paid_for=tuple(paid_for[row["digest"]][:_FEW]),
            reverses=references.get(row["original"] or ""),
        )
        for row in rows
    ]


def _moved(connection: Connection, rail: str, digests: list[str]) -> tuple[dict[str, str], defaultdict[str, list[str]]]:
    """To whom a payment was assigned, if it is one customer's; and what it has paid, by its digest."""
    is_paying = _E.kind.in_((AccountKind.RECEIVABLE, AccountKind.CREDIT))
    columns = (_T.digest, _E.kind, _E.customer_id, _E.subject_kind, _E.subject)
    query = select(*columns, func.sum(_E.amount_minor).label("minor")).join(journal_entries, _E.number == _T.number)
    query = query.where(_T.rail == rail, _T.digest.in_(digests), is_paying).group_by(*columns)
    whose: defaultdict[str, set[str]] = defaultdict(set)
    paid_for: defaultdict[str, list[str]] = defaultdict(list)
    for row in connection.execute(query.order_by(_E.subject_kind, _E.subject)).mappings():
        whose[row["digest"]].add(row["customer_id"])
        if row["kind"] == AccountKind.RECEIVABLE and row["minor"]:
            paid_for[row["digest"]].append(Subject(kind=row["subject_kind"], name=row["subject"]).title)
    return {digest: next(iter(owners)) for digest, owners in whose.items() if len(owners) == 1}, paid_for


def _numbers(connection: Connection, customer_ids: list[str]) -> defaultdict[str, list[str]]:
    """The account numbers of these customers that are open."""
    numbers: defaultdict[str, list[str]] = defaultdict(list)
    query = select(_A.customer_id, _A.number).where(_A.customer_id.in_(customer_ids), _A.closed_at.is_(None))
    for customer_id, number in connection.execute(query.order_by(_A.number)):
        numbers[customer_id].append(number)
    return numbers
