"""The product's journal against the one that the judge has computed: transaction by transaction, month by month, and
each rail's account against the rail's own register.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from billing.invoices.stages import Stage
from billing.receivables.journal import AccountKind, Cause
from sandbox.judge.evidence import CustomerEvidence, Evidence, MonthEvidence
from sandbox.judge.orders.order_books import order_of

_UNDONE = {Cause.VOID: Cause.NOTICE, Cause.SKIP: Cause.DRAFT}
"""What is undone counts against what was done."""


class _Posting(NamedTuple):
    """What a month has changed, and why; the name is the month."""

    cause: Cause
    kind: AccountKind
    month: str
    currency: str


_Sums = Counter[_Posting]


def differing_books(evidence: Evidence) -> Iterator[str]:
    for account in evidence.everybody:
        yield from account.wrong
        kept, expected = _kept(account), _expected(account)
        for posting in sorted(kept.keys() | expected.keys()):
            if kept[posting] != expected[posting]:
                words = f"{' '.join(posting)} is {kept[posting]}, should be {expected[posting]}"
                yield f"{account.customer_id}: {words}"
    yield from evidence.registers.repeated
    yield from _differing_rails(evidence)


def _differing_rails(evidence: Evidence) -> Iterator[str]:
    """What a rail's account has, and what of it is nobody's, against the rail's register."""
    kept: Counter[tuple[AccountKind, str, str]] = Counter()
    for total in evidence.totals:
        if total.rail:
            kept[total.kind, total.rail, total.currency] += total.closing_minor
    expected = Counter({(AccountKind.CLEARING, *rail): minor for rail, minor in evidence.registers.balance().items()})
    expected.update({(AccountKind.UNMATCHED, *rail): -minor for rail, minor in evidence.registers.unclaimed().items()})
    expected.update({(AccountKind.FEE, *rail): minor for rail, minor in evidence.registers.fees().items()})
    for rail in sorted(kept.keys() | expected.keys()):
        if kept[rail] != expected[rail]:
            yield f"{' '.join(rail)} is {kept[rail]}, the register says {expected[rail]}"


def _kept(account: CustomerEvidence) -> _Sums:
    """What the months have posted, added up."""
    sums: _Sums = Counter()
    for transaction in account.transactions:
        cause = _UNDONE.get(transaction.cause, transaction.cause)
        if order_of(transaction):
            continue
        for entry in transaction.entries if cause in (Cause.DRAFT, Cause.NOTICE, Cause.CARRY) else ():
            month = entry.account.subject.name if entry.account.subject else ""
            sums[_Posting(cause, entry.account.kind, month, entry.currency)] += entry.amount_minor
    return sums


def _expected(account: CustomerEvidence) -> _Sums:
    """What sheet, edits and outcomes call for."""
    sums: _Sums = Counter()
    for case in account.cases:
        owed = (AccountKind.RECEIVABLE, str(case.period))
        for cause, to, minor in _movements(case):
            sums[_Posting(cause, *owed, case.month.currency)] += minor
            sums[_Posting(cause, *to, case.month.currency)] -= minor
    return sums


def _movements(case: MonthEvidence) -> Iterator[tuple[Cause, tuple[AccountKind, str], int]]:
    """The cause, the contra account, and what is owed more for the month."""
    due, balance = case.due, (AccountKind.CREDIT, "")
    is_drafted = case.month.invoice is not None and due.outcome is not Stage.SKIPPED
    yield Cause.DRAFT, balance, due.carried_minor if is_drafted else 0
    billed_minor = sum(amount for amount in due.amounts.values() if amount is not None) if _is_billed(case) else 0
    yield Cause.NOTICE, (AccountKind.BILLED, case.period), billed_minor
    is_carried = due.outcome is Stage.CARRIED_FORWARD and case.month.closed is not None
    yield Cause.CARRY, balance, -due.total_minor if is_carried else 0


def _is_billed(case: MonthEvidence) -> bool:
    """A month is billed by its notice, and by a close that needs none."""
    if case.due.outcome is None or case.month.closed is None:
        return case.month.announced
    return case.due.outcome is not Stage.SKIPPED
