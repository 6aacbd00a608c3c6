"""What a line is. Pure: the ledger looks up what its texts name, this decides. Never by the amount alone.

::

    decision = decide(line, facts)   # booked, matched, settled, proposed, unmatched, returned, … with whose it is
"""

from typing import NamedTuple

from billing.receivables.incoming import PaymentKind
from billing.receivables.journal import NOTHING_OWED, Balance, PaymentName, Subject
from billing.statements.outcomes import LineOutcome
from billing.statements.payouts import Payout
from billing.statements.references import References
from billing.statements.statement import StatementLine


class Named(NamedTuple):
    """A customer whom a word of the text names: by the id, an account number, an order's number.

    ``is_weak``: by a word that may be anything; then only if nobody else is named, and exactly the amount is owed.
    """

    customer_id: str
    subject: Subject | None = None
    is_weak: bool = False
    owed_minor: int = 0


class Payer(NamedTuple):
    """The other side of a line, as far as the file says."""

    account: str | None
    name: str | None


class KnownPayer(NamedTuple):
    """Whose debts this account has paid before, under which name; ``is_confirmed`` by a person."""

    customer_id: str
    is_confirmed: bool
    name: str | None = None

    def is_named(self, name: str | None) -> bool | None:
        """Whether the name is the same; None: one of the two is not known."""
        return _letters(self.name) == _letters(name) if self.name and name else None


class Original(NamedTuple):
    """A payment that the text names. ``left_minor``: what of it has not gone back; ``refund_minor`` of what has, and
    was booked by a person as ``refund``, is in no statement yet. ``to_do``: the open instruction to give it back.
    """

    name: PaymentName
    customer_id: str | None
    is_own: bool  # of the bank's own rail, and named clearly
    left_minor: int
    returned_minor: int = 0
    refund: PaymentName | None = None
    refund_minor: int = 0
    to_do: str | None = None
    to_do_minor: int = 0


class Posted(NamedTuple):
    """A payment of another rail that the text names clearly; ``has_line``: a line has repeated it before."""

    name: PaymentName
    amount_minor: int
    currency: str
    has_line: bool = False


class LineFacts(NamedTuple):
    """What the ledger knows. ``payout_rail``: by the settings it is this rail's payout; ``payout`` None: unlike any.

    ``takes_two``: of such an amount two people say whose it is.
    """

    references: References
    payout_rail: str | None = None
    payout: Payout | None = None
    posted: tuple[Posted, ...] = ()
    named: frozenset[Named] = frozenset()
    payer: KnownPayer | None = None
    balances: dict[str, Balance] = {}  # noqa: RUF012 - never changed
    originals: tuple[Original, ...] = ()
    currency: str = ""
    takes_two: bool = False


class Decision(NamedTuple):
    """``payment``: what the line repeats, or whose money went back as ``kind``. ``of_rail``: whose payout it is."""

    outcome: LineOutcome
    customer_id: str | None = None
    subject: Subject | None = None
    payment: PaymentName | None = None
    kind: PaymentKind = PaymentKind.PAYMENT
    payout: Payout | None = None
    of_rail: str | None = None
    instruction_id: str | None = None
    is_told: bool = False  # in words of its own, besides what booking tells


def decide(line: StatementLine, facts: LineFacts) -> Decision:
    if line.amount_minor < 0:
        return _went_out(line, facts)
    if line.is_reversal:
        return _came_back(line, facts)
    if facts.payout_rail is not None:
        return _paid_out(facts, facts.payout_rail)
    if facts.posted:
        return _posted(line, facts)
    return _for_named(line, facts) or _for_payer(line, facts) or Decision(LineOutcome.UNMATCHED)


def _posted(line: StatementLine, facts: LineFacts) -> Decision:
    """The one payment of the line's amount; else nobody's, for the text says that the money is in the books already."""
    same = [each for each in facts.posted if (each.amount_minor, each.currency) == (line.amount_minor, facts.currency)]
    fresh = [each for each in same if not each.has_line]
    return Decision(LineOutcome.MATCHED, payment=fresh[0].name) if len(fresh) == 1 else Decision(LineOutcome.UNMATCHED)


def _paid_out(facts: LineFacts, rail: str) -> Decision:
    if facts.payout is None:
        return Decision(LineOutcome.UNMATCHED, of_rail=rail, is_told=True)
    return Decision(LineOutcome.SETTLED, payout=facts.payout, of_rail=rail)


def _for_named(line: StatementLine, facts: LineFacts) -> Decision | None:
    """For the one customer whom the texts name."""
    named = {each for each in facts.named if not each.is_weak}
    if not named:
        return _for_weakly_named(line, facts)
    customer_ids = {each.customer_id for each in named}
    if len(customer_ids) != 1:
        return None
    customer_id = customer_ids.pop()
    orders = {each.subject for each in named if each.subject}
    balance = facts.balances.get(customer_id, NOTHING_OWED)
    months = {Subject.month(month) for month in facts.references.months}
    owed = {month for month in months if balance.owed_for(month, facts.currency) > 0}
    subjects = orders or owed
    return Decision(LineOutcome.BOOKED, customer_id, next(iter(subjects)) if len(subjects) == 1 else None)


def _for_weakly_named(line: StatementLine, facts: LineFacts) -> Decision | None:
    """For the one who may be named, and owes exactly this; nobody, if the text may name another who owes anything."""
    named = [each for each in facts.named if each.subject is None or each.owed_minor > 0]
    if len(named) != 1:
        return None
    (only,) = named
    if only.subject is not None:
        return Decision(LineOutcome.BOOKED, *only[:2]) if only.owed_minor == line.amount_minor else None
    balance = facts.balances.get(only.customer_id, NOTHING_OWED)
    exact = owed_exactly(balance, facts.currency, line.amount_minor)
    return Decision(LineOutcome.BOOKED, only.customer_id, exact.subject) if exact else None


def _for_payer(line: StatementLine, facts: LineFacts) -> Decision | None:
    """For the customer for whom this account has paid before, if they owe exactly this; and nobody else is named."""
    payer = facts.payer
    if payer is None or any(not each.is_weak for each in facts.named):
        return None
    is_same = payer.is_named(line.payer)
    if is_same is False:  # an account of many, such as a bank's own
        return None
    balance = facts.balances.get(payer.customer_id, NOTHING_OWED)
    exact = owed_exactly(balance, facts.currency, line.amount_minor)
    if exact is None:
        return None
    is_sure = payer.is_confirmed and is_same is True and not facts.takes_two
    return Decision(LineOutcome.BOOKED if is_sure else LineOutcome.PROPOSED, payer.customer_id, exact.subject)


def _letters(name: str | None) -> str:
    return "".join(sign for sign in (name or "").casefold() if sign.isalnum())


class Exact(NamedTuple):
    subject: Subject | None


def owed_exactly(balance: Balance, currency: str, amount_minor: int) -> Exact | None:
    """What the amount pays to the last cent: all that is due, less credit; or one thing of it."""
    due = [item for item in balance.owed if item.currency == currency and item.due_at and item.amount_minor > 0]
    total = sum(item.amount_minor for item in due) + min(0, balance.carried_minor(currency))
    if total == amount_minor:
        return Exact(None)
    items = [item for item in due if item.amount_minor == amount_minor]
    if len({item.subject for item in items}) != 1:
        return None
    return Exact(items[0].subject)


def _went_out(line: StatementLine, facts: LineFacts) -> Decision:
    minor = -line.amount_minor
    for original in facts.originals:
        if original.to_do is not None and original.to_do_minor == minor:
            return Decision(
                LineOutcome.TO_CONFIRM,
                original.customer_id,
                payment=original.name,
                instruction_id=original.to_do,
                is_told=True,
            )
    for original in facts.originals:
        if original.refund is not None and original.refund_minor == minor:
            return Decision(LineOutcome.MATCHED, original.customer_id, payment=original.refund)
    own = [original for original in facts.originals if original.is_own]
    whole = [original for original in own if original.left_minor == minor]
    if len(whole) == 1:
        kind = PaymentKind.CHARGEBACK if line.is_reversal else PaymentKind.REFUND
        return Decision(LineOutcome.RETURNED, whole[0].customer_id, payment=whole[0].name, kind=kind)
    if own:  # a commission quotes the payment, too
        return Decision(LineOutcome.OUTGOING, payment=own[0].name, is_told=True)
    return Decision(LineOutcome.OUTGOING, is_told=line.is_reversal)


def _came_back(line: StatementLine, facts: LineFacts) -> Decision:
    """The bank undoes a movement of ours: what we gave back may have come back."""
    own = [each for each in facts.originals if each.is_own and each.returned_minor == line.amount_minor]
    if len(own) == 1:
        return Decision(LineOutcome.RETURNED, own[0].customer_id, payment=own[0].name, kind=PaymentKind.REFUND)
    return Decision(LineOutcome.UNMATCHED)
