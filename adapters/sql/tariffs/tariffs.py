"""``billing.tariffs.ports.TariffBook`` in SQL."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, select

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.statements import lock, upsert, where_given
from adapters.sql.receivables.accounts import lock_account
from adapters.sql.schema.billers import service_accounts
from adapters.sql.schema.tariffs import tariff_log, tariffs
from adapters.sql.tariffs.agreed import agreed_for, known_of, known_tariffs, log_change, write_items
from adapters.sql.tariffs.service_days import suspended_of
from billing.customers.ladder import Rung
from billing.errors import InvalidInput, NotFound
from billing.period import Period
from billing.tariffs.changes import AddDiscount, AddFee, SetLimit, Subscribe, TariffChange
from billing.tariffs.items import Agreed
from billing.tariffs.ports import TariffLogEntry
from billing.tariffs.tariff import Tariff, TariffVersion, check_fee
from billing.tariffs.words import change_words, item_words, version_words


class SqlTariffs(SqlDatabase):
    """The part of ``SqlLedger`` about tariffs."""

    @in_thread
    def add_tariff(self, tariff: Tariff, by: str, reason: str, at: datetime) -> Tariff:
        def added(known: Tariff | None) -> Tariff:
            if known not in (None, tariff):
                raise InvalidInput(f"there is another tariff {tariff.code} already; choose another code, or change it")
            for version in tariff.versions:
                check_fee(version.fee_minor, tariff.currency)
            return tariff

        return self._put(tariff.code, added, (by, reason, at))

    @in_thread
    def change_tariff(self, code: str, version: TariffVersion, by: str, reason: str, at: datetime) -> Tariff:
        return self._put(code, lambda known: _existing(known, code).with_version(version, at.date()), (by, reason, at))

    @in_thread
    def end_tariff(self, code: str, last_day: date, by: str, reason: str, at: datetime) -> Tariff:
        return self._put(code, lambda known: _existing(known, code).evolve(ended_on=last_day), (by, reason, at))

    @in_thread
    def set_ladder(self, code: str, ladder: Sequence[Rung], by: str, reason: str, at: datetime) -> Tariff:
        return self._put(code, lambda known: _existing(known, code).evolve(ladder=tuple(ladder)), (by, reason, at))

    def _put(self, code: str, change: Callable[[Tariff | None], Tariff], who: tuple[str, str, datetime]) -> Tariff:
        with self._writing(f"change tariff {code}") as connection:
            lock(connection, f"tariff {code}")
            known = next(iter(known_tariffs(connection, [code])), None)
            tariff = change(known)
            if tariff != known:
                upsert(connection, tariffs, {"code": code, "tariff": tariff.model_dump(mode="json")})
                log_change(connection, version_words(tariff), *who, customer_id=None, code=code)
            return tariff

    @in_thread
    def tariffs(self) -> list[Tariff]:
        with self._reading("list its tariffs") as connection:
            known = [Tariff.model_validate(tariff) for tariff in connection.scalars(select(tariffs.c.tariff))]
        return sorted(known, key=lambda tariff: tariff.code)

    @in_thread
    def agreed(self, customer_id: str) -> Agreed:
        with self._reading(f"read the tariffs of {customer_id}") as connection:
            return agreed_for(connection, customer_id)

    @in_thread
    def suspended_days(self, customer_id: str, period: Period) -> Mapping[str, Collection[date]]:
        with self._reading(f"read when accounts of {customer_id} were suspended") as connection:
            return suspended_of(connection, customer_id, period)

    @in_thread
    def agree(self, change: TariffChange, by: str, reason: str, at: datetime) -> Agreed:
        with self._writing(f"change a tariff: {change_words(change)}") as connection:
            return agree(connection, change, by, reason, at)

    @in_thread
    def tariff_log(self, customer_id: str | None = None, code: str | None = None) -> list[TariffLogEntry]:
        columns = [tariff_log.c[name] for name in TariffLogEntry.model_fields]
        query = select(*columns).where(*where_given(tariff_log, customer_id=customer_id, code=code))
        with self._reading("read the changes of tariffs") as connection:
            rows = connection.execute(query.order_by(tariff_log.c.entry)).mappings()
            return [TariffLogEntry.model_validate(dict(row)) for row in rows]


def agree(connection: Connection, change: TariffChange, by: str, reason: str, at: datetime) -> Agreed:
    """As ``SqlTariffs.agree``, within a transaction."""
    customer_id = _owner(connection, change)
    if not lock_account(connection, customer_id):
        raise NotFound(f"the ledger does not know {customer_id}; see: python starter.py customers list")
    code = change.tariff if isinstance(change, Subscribe) else None
    bills_more = isinstance(change, Subscribe | AddFee | AddDiscount)
    known = known_of(connection, customer_id, code, bills_more)
    items = change.items(known)
    if not items:
        return known.agreed
    write_items(connection, known.agreed, items)
    words = "; ".join(item_words(item, known.currency) for item in items)
    log_change(connection, f"{change.kind}: {words}", by, reason, at, customer_id, None)
    return agreed_for(connection, customer_id)


def _existing(known: Tariff | None, code: str) -> Tariff:
    if known is None:
        raise NotFound(f"there is no tariff {code}; see: python starter.py tariffs list")
    return known


def _owner(connection: Connection, change: TariffChange) -> str:
    """Whose accounts it changes. Raises ``NotFound``, and ``InvalidInput`` for an account that was closed."""
    if isinstance(change, SetLimit):
        return change.customer_id
    s = service_accounts.c
    row = connection.execute(select(s.customer_id, s.closed_at).where(s.number == change.account)).one_or_none()
    if row is None:
        raise NotFound(f"there is no account number {change.account}; see: python starter.py numbers list")
    if row.closed_at is not None and isinstance(change, Subscribe | AddDiscount):
        raise InvalidInput(f"account {change.account} was closed on {row.closed_at:%Y-%m-%d}; open another one")
    return str(row.customer_id)
