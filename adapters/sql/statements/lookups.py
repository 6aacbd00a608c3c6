"""What the ledger knows of what lines name: customers, orders, account numbers, payments. By indexes."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, select, text

from adapters.sql.customers.account_numbers import owner_of
from adapters.sql.receivables.incoming import payment_record
from adapters.sql.schema.journal import INSTRUCTION_IS_OPEN, incoming_payments, instructions, journal_entries
from adapters.sql.schema.months import customers
from adapters.sql.schema.orders import buyers, orders
from adapters.sql.schema.statements import LINE_OF_PAYMENT, statement_lines
from adapters.sql.service_orders.rows import S
from billing.customers.account_numbers import account_key
from billing.receivables.incoming import PaymentRecord
from billing.receivables.instructions import InstructionKind
from billing.receivables.journal import AccountKind, PaymentName, Subject, SubjectKind
from billing.statements.bank_account import BankTerms
from billing.statements.keys import KeyedLine
from billing.statements.matching import Named, Original, Posted
from billing.statements.outcomes import LineOutcome
from billing.statements.payouts import DAYS_BACK, Receipts
from billing.statements.references import References, references_of
from billing.statements.statement import StatementLine

_MANY = 400
_CLEAR = 6
"""Characters of a reference that names a payment by itself; a shorter one may be any document's number."""
_I, _L, _N, _O, _E = incoming_payments.c, statement_lines.c, instructions.c, orders.c, journal_entries.c
_OF_FEE = (
    _E.customer_id == S.customer_id,
    _E.kind == AccountKind.RECEIVABLE,
    _E.subject_kind == SubjectKind.FEE,
    _E.subject == S.number,
    _E.currency == bindparam("currency"),
)
_OWED = select(func.coalesce(func.sum(_E.amount_minor), 0)).where(*_OF_FEE).scalar_subquery()
_LED = select(S.number, S.customer_id, _OWED.label("owed_minor"))


class Names(NamedTuple):
    """By a word in lower case: the customers of that id, the orders of that number; by digits: whose they are."""

    customers: Mapping[str, set[str]]
    orders: Mapping[str, list[Named]]
    accounts: Mapping[str, str]

    def named(self, references: References) -> frozenset[Named]:
        """Whom the references name."""
        customers, orders, weak = (
            {word.casefold() for word in words} for words in (references.customers, references.orders, references.weak)
        )
        found = {Named(owner) for word in customers for owner in self.customers.get(word, ())}
        found |= {Named(self.accounts[word]) for word in references.accounts if word in self.accounts}
        found |= {order for word in orders for order in self.orders.get(word, ())}
        found |= {Named(owner, is_weak=True) for word in weak - customers for owner in self.customers.get(word, ())}
        found |= {order._replace(is_weak=True) for word in weak - orders for order in self.orders.get(word, ())}
        return frozenset(found)


def look_up(
    connection: Connection, terms: BankTerms, lines: Iterable[KeyedLine]
) -> tuple[dict[str, References], Names]:
    """The references of each line, by its key, and what they all name."""
    references = {each.key: references_of(each.line) for each in lines}
    words = {word for one in references.values() for word in one.words}
    spelt = sorted({spelling for word in words for spelling in _spellings(word)})
    numbers = [word for word in spelt if len(word) <= 100]
    owners = [*_column(connection, customers.c.customer_id, spelt), *_column(connection, buyers.c.customer_id, spelt)]
    by_id: defaultdict[str, set[str]] = defaultdict(set)
    for owner in owners:
        by_id[owner.casefold()].add(owner)
    orders = _orders(connection, terms.bank.currency, numbers)
    return references, Names(by_id, orders, _accounts(connection, terms, references))


def payments_named(connection: Connection, terms: BankTerms, references: References) -> list[PaymentName]:
    """The payments whose reference is among them. Asked once the customers are locked: an app's may have just come."""
    found = []
    for part in _parts(sorted(_digests(references))):
        query = select(_I.rail, _I.digest).where(_I.rail.in_(sorted(terms.rails)), _I.digest.in_(part))
        found += [PaymentName(*row) for row in connection.execute(query)]
    return sorted(found)


def _digests(references: References) -> set[str]:
    return {PaymentName.of("", spelling).digest for word in references.words for spelling in _spellings(word)}


def _spellings(word: str) -> set[str]:
    """Banks write texts in capitals."""
    return {word, word.lower(), word.upper()}


def _column(connection: Connection, column: ColumnElement[str], values: Sequence[str]) -> Iterator[str]:
    for part in _parts(values):
        yield from connection.scalars(select(column).where(column.in_(part)))


def _parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + _MANY] for start in range(0, len(values), _MANY))


def _orders(connection: Connection, currency: str, numbers: Sequence[str]) -> Mapping[str, list[Named]]:
    """An order in another currency owes nothing in this one. A service order is paid by its fee."""
    found: defaultdict[str, list[Named]] = defaultdict(list)
    for part in _parts(numbers):
        query = select(_O.number, _O.customer_id, _O.currency, _O.owed_minor).where(_O.number.in_(part))
        for row in connection.execute(query):
            owed_minor = row.owed_minor if row.currency == currency else 0
            named = Named(row.customer_id, Subject.order(row.number), owed_minor=owed_minor)
            found[row.number.casefold()].append(named)
        for led in connection.execute(_LED.where(S.number.in_(part)), {"currency": currency}):
            named = Named(led.customer_id, Subject.fee(led.number), owed_minor=int(led.owed_minor))
            found[led.number.casefold()].append(named)
    return found


def _accounts(connection: Connection, terms: BankTerms, references: Mapping[str, References]) -> Mapping[str, str]:
    found = {}
    for word in sorted({word for one in references.values() for word in one.accounts}):
        key = account_key(word, terms.personal_secret)
        if key is not None and (owner := owner_of(connection, key)) is not None:
            found[word] = owner
    return found


# -- of one line


def posted(connection: Connection, terms: BankTerms, names: Iterable[PaymentName]) -> tuple[Posted, ...]:
    """The payments of other rails that are named by a clear reference."""
    found = []
    for name in names:
        if name.rail == terms.rail:
            continue
        is_clear = func.length(_I.reference) >= _CLEAR, _I.amount_minor > 0
        query = select(_I.amount_minor, _I.currency).where(_I.rail == name.rail, _I.digest == name.digest, *is_clear)
        if (row := connection.execute(query).first()) is not None:
            found.append(Posted(name, row.amount_minor, row.currency, has_line(connection, name)))
    return tuple(found)


def has_line(connection: Connection, name: PaymentName) -> bool:
    """Whether a line was booked as the payment, or repeats it."""
    is_its = text(LINE_OF_PAYMENT), _L.payment_rail == name.rail, _L.payment == name.digest
    is_it = _L.outcome.in_((LineOutcome.MATCHED, LineOutcome.RETURNED))
    return connection.scalar(select(_L.key).where(*is_its, is_it).limit(1)) is not None


def originals(
    connection: Connection, terms: BankTerms, line: StatementLine, names: Iterable[PaymentName]
) -> tuple[Original, ...]:
    """The payments that an outgoing line names, or of whose refund it has the reference."""
    found = {}
    for name in names:
        record = payment_record(connection, name)
        if record is None:
            continue
        reversed_name = record.payment.original
        if reversed_name is not None and (whole := payment_record(connection, reversed_name)) is not None:
            record = whole
        found[record.payment.name] = _original(connection, terms, record, -line.amount_minor)
    return tuple(found.values())


def _original(connection: Connection, terms: BankTerms, record: PaymentRecord, minor: int) -> Original:
    payment, name = record.payment, record.payment.name
    is_back = _I.rail == name.rail, _I.original == name.digest, _I.by.is_not(None), _I.amount_minor == -minor
    by_hand = [PaymentName(name.rail, digest) for digest in connection.scalars(select(_I.digest).where(*is_back))]
    unseen = next((refund for refund in by_hand if not has_line(connection, refund)), None)
    of_payment = _N.rail == name.rail, _N.digest == name.digest, _N.kind == InstructionKind.REFUND
    is_open = text(INSTRUCTION_IS_OPEN), _N.amount_minor == minor
    to_do = connection.scalar(select(_N.instruction_id).where(*of_payment, *is_open).order_by(_N.number).limit(1))
    return Original(
        name=name,
        customer_id=payment.customer_id,
        is_own=name.rail == terms.rail and len(payment.reference) >= _CLEAR,
        left_minor=payment.amount_minor - record.returned_minor,
        returned_minor=record.returned_minor,
        refund=unseen,
        refund_minor=minor if unseen else 0,
        to_do=to_do,
        to_do_minor=minor if to_do else 0,
    )


def receipts(connection: Connection, terms: BankTerms, rail: str, line: StatementLine) -> Receipts:
    """What the rail has taken around the day of the line, and what of all was not handed over."""
    currency, end = terms.bank.currency, line.booked_on + timedelta(days=1)
    taken = select(func.sum(_I.amount_minor)).where(_I.rail == rail, _I.currency == currency)
    by_day = {}
    for day in (end - timedelta(days=back) for back in range(1, DAYS_BACK + 2)):
        of_day = _I.paid_at >= terms.begins(day), _I.paid_at < terms.begins(day + timedelta(days=1))
        by_day[day] = _sum(connection, taken.where(*of_day))
    after_minor = _sum(connection, taken.where(_I.paid_at >= terms.begins(end)))
    return Receipts(by_day, unpaid(connection, rail, currency), after_minor)


def unpaid(connection: Connection, rail: str, currency: str) -> int:
    """What the rail has taken, and not handed over."""
    of_rail = _E.rail == rail, _E.kind == AccountKind.CLEARING, _E.currency == currency
    return _sum(connection, select(func.sum(_E.amount_minor)).where(*of_rail))


def _sum(connection: Connection, query: Select[Any]) -> int:
    return int(connection.scalar(query) or 0)
