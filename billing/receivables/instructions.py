"""Instructions: what people want done with a payment, to assign it or to give it back. A large one takes two people.

::

    instruction = instructed(request, record, four_eyes, at)   # PROPOSED above the limit
    confirmed = instruction.confirmed("bob", "right", at)      # by somebody else
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from billing.errors import InvalidInput
from billing.model import Author, Code, Id, Instant, Line, Minor, Model, Who, Why, Words
from billing.money import format_amount, parse_amount
from billing.receivables.incoming import IncomingPayment, PaymentKind, PaymentRecord
from billing.receivables.journal import Cause, PaymentName, Subject


class InstructionKind(StrEnum):
    ASSIGN = "assign"  # unmatched money becomes a customer's
    REFUND = "refund"  # money goes back by the rail by which it came


LOST_AFTER = timedelta(hours=3)
"""How long a gateway may leave the outcome of a refund open before a person decides."""


class InstructionState(StrEnum):
    PROPOSED = "proposed"  # somebody else has to confirm it
    TO_DO = "to_do"  # people are to give the money back by hand; who has done so confirms, with its reference
    UNDER_WAY = "under_way"  # the processor is asked for the refund; until it answers, nobody knows
    DONE = "done"
    REJECTED = "rejected"  # by a person, before it was carried out
    REFUSED = "refused"  # by the processor; no money has moved

    @property
    def is_open(self) -> bool:
        return self in (InstructionState.PROPOSED, InstructionState.TO_DO, InstructionState.UNDER_WAY)


class InstructionRequest(Model):
    """What a person asks for; ``instruction_id`` takes effect once, however often it is sent.

    ``amount`` is as typed, "" for all there is. ``customer_id`` is whose the money becomes, or whose part goes back.
    ``refund_reference`` names a refund that people have made by hand; "": the processor is asked for it, or with
    ``by_hand`` people are.
    """

    instruction_id: Code
    kind: InstructionKind
    payment: PaymentName
    customer_id: Id | None = None
    subject: Subject | None = None
    amount: Line = ""
    refund_reference: Id = ""
    by_hand: bool = False
    by: Who
    reason: Why
    via: Code


class Instruction(Model):
    """An instruction on record. ``result`` says what became of it; ``decided_by`` confirmed or rejected it.

    ``closed_at`` None: it is open. ``asked_at``: when a gateway, which knows no repeats, was asked for it last; until
    then, or else until it was under way, ``returned_before_minor`` of the payment had gone back. ``accepted_at``: it
    has said that it is at it.
    """

    instruction_id: Code
    kind: InstructionKind
    payment: PaymentName
    reference: Id  # the payment's; an erasure may rewrite it
    customer_id: Id | None
    subject: Subject | None
    amount_minor: Minor
    currency: Code
    refund_reference: Id
    by: Author
    reason: Words
    via: Code
    at: Instant
    state: InstructionState
    result: Words = ""
    decided_by: Author | None = None
    decided_why: Words | None = None
    decided_at: Instant | None = None
    closed_at: Instant | None = None
    asked_at: Instant | None = None
    returned_before_minor: Minor | None = None
    accepted_at: Instant | None = None

    def has_taken_effect(self, returned_minor: int) -> bool:
        """Whether the refund is among what has gone back until now, at a gateway that was asked for it."""
        before_minor = self.returned_before_minor
        return before_minor is not None and returned_minor >= before_minor + self.amount_minor

    def is_without_effect(self, returned_minor: int | None) -> bool:
        """Whether the request has moved no money for sure. None: the gateway does not say what has gone back.

        Some gateways may say the sum of it, others the last refund only: it has to be neither with this one.
        """
        is_as_before = returned_minor is not None and returned_minor == self.returned_before_minor
        return is_as_before and returned_minor != self.amount_minor

    def __str__(self) -> str:
        to = f" to {self.customer_id}" if self.kind is InstructionKind.ASSIGN else ""
        return f"{self.kind} {self.amount} of payment {self.title}{to}"

    @property
    def title(self) -> str:
        return f"{self.reference} ({self.payment.rail})"

    @property
    def amount(self) -> str:
        return format_amount(self.amount_minor, self.currency)

    @property
    def authors(self) -> str:
        """Why it was done, and who confirmed it, for the journal."""
        return f"{self.reason} (confirmed by {self.decided_by})" if self.decided_by else self.reason

    def is_of(self, request: InstructionRequest) -> bool:
        """Whether ``request`` is a repeat of the one that it was made of."""
        named = ("kind", "payment", *(() if request.by_hand else ("refund_reference",)))
        given = [name for name in ("customer_id", "subject") if getattr(request, name) is not None]
        is_same = all(getattr(self, name) == getattr(request, name) for name in (*named, *given))
        return is_same and (not request.amount or _typed(request.amount, self.currency) == self.amount_minor)

    def refused_to(self, by: str) -> str:
        """Why this person cannot confirm it; "" if they can."""
        if self.state is InstructionState.TO_DO:
            return ""
        if self.state is not InstructionState.PROPOSED:
            return f"it is {self.state.replace('_', ' ')} already"
        return f"{self.by} has proposed it; somebody else has to confirm it" if _is_same(by, self.by) else ""

    def confirmed(
        self, by: str, reason: str, at: datetime, refund_reference: str = "", by_hand: bool = False
    ) -> "Instruction":
        """As another person confirms it; or as anybody has given the money back ``by_hand``, by ``refund_reference``.

        Raises ``InvalidInput`` if this person cannot, or if it is to do and has no reference.
        """
        if why := self.refused_to(by):
            raise InvalidInput(f"{self} cannot be confirmed by {by}: {why}")
        if self.state is InstructionState.TO_DO and not refund_reference:
            raise InvalidInput(
                f"{self} is to be done by hand: give the money back, then confirm with the bank's reference of it "
                "(--refund-reference)"
            )
        named = self.evolve(refund_reference=refund_reference or self.refund_reference)
        return named.evolve(decided_by=by, decided_why=reason, decided_at=at).permitted(at, by_hand)

    def rejected(self, by: str, reason: str, at: datetime) -> "Instruction":
        """As anybody takes it back before it is carried out, or once its outcome is lost at a gateway.

        Raises ``InvalidInput`` if it is too late. What a gateway gives back all the same is booked when it says so.
        """
        if not self.can_be_rejected(at):
            raise InvalidInput(f"{self} cannot be rejected: it is {self.state.replace('_', ' ')} already")
        changes = {"state": InstructionState.REJECTED, "decided_by": by, "decided_why": reason, "decided_at": at}
        return self.evolve(**changes, closed_at=at)

    def can_be_rejected(self, at: datetime) -> bool:
        return self.state in (InstructionState.PROPOSED, InstructionState.TO_DO) or self.is_lost(at)

    def is_lost(self, at: datetime) -> bool:
        """Whether a gateway was asked so long ago that a person has to look there."""
        is_under_way = self.state is InstructionState.UNDER_WAY
        return is_under_way and self.asked_at is not None and at - self.asked_at >= LOST_AFTER

    def permitted(self, at: datetime, by_hand: bool = False) -> "Instruction":
        """Once nobody has to confirm it: a refund waits for the processor's answer, or for people to make it."""
        if self.kind is InstructionKind.REFUND and not self.refund_reference:
            return self.evolve(state=InstructionState.TO_DO if by_hand else InstructionState.UNDER_WAY)
        return self.evolve(state=InstructionState.DONE, closed_at=at)


def instructed(
    request: InstructionRequest, record: PaymentRecord, four_eyes: Mapping[str, int], at: datetime
) -> Instruction:
    """The instruction that ``request`` makes of a payment as it stands.

    Above the limit of its currency in ``four_eyes`` (minor units; without one, 0) it is only proposed; with no limits
    at all, none is. Raises ``InvalidInput``, which says what to do instead.
    """
    whose = request.customer_id if request.kind is InstructionKind.ASSIGN else _holder(request, record)
    if request.kind is InstructionKind.ASSIGN and whose is None:
        raise InvalidInput(f"whose is payment {record.payment.title}? Name a customer")
    amount_minor = _amount(request, record, whose)
    instruction = Instruction(
        **request.model_dump(include={"instruction_id", "kind", "refund_reference", "by", "reason", "via"}),
        payment=request.payment,
        reference=record.payment.reference,
        customer_id=whose,
        subject=request.subject,
        amount_minor=amount_minor,
        currency=record.payment.currency,
        at=at,
        state=InstructionState.PROPOSED,
    )
    moved_minor = amount_minor + _moved_before(request.kind, record)
    if four_eyes and moved_minor > four_eyes.get(record.payment.currency, 0):
        return instruction
    return instruction.permitted(at, request.by_hand)


def require_left(instruction: Instruction, record: PaymentRecord) -> None:
    """Raises ``InvalidInput`` if less is left than goes back: another refund may have come first."""
    if instruction.amount_minor > record.parts.get(instruction.customer_id, 0):
        raise InvalidInput(f"{instruction} is more than is left: {_left(record) or 'nothing'}")


def refund_of(instruction: Instruction, record: PaymentRecord, at: datetime) -> IncomingPayment:
    """The payment by which people have given the money back by hand."""
    return IncomingPayment(
        rail=instruction.payment.rail,
        reference=instruction.refund_reference,
        kind=PaymentKind.REFUND,
        customer_id=instruction.customer_id,
        amount_minor=-instruction.amount_minor,
        currency=instruction.currency,
        paid_at=at,
        original=instruction.payment,
        payer=record.payment.payer,
        by=instruction.by,
        reason=instruction.authors,
    )


def _is_same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _holder(request: InstructionRequest, record: PaymentRecord) -> str | None:
    """Whose part of the payment goes back; None: nobody's yet."""
    payment, parts = record.payment, record.parts
    if payment.amount_minor < 0 or payment.original is not None:
        raise InvalidInput(f"payment {payment.title} went back itself; give back its original")
    if not parts:
        raise InvalidInput(f"nothing is left of payment {payment.title}: it went back already")
    if request.customer_id is not None and request.customer_id not in parts:
        raise InvalidInput(f"no part of payment {payment.title} is {request.customer_id}'s: {_left(record)}")
    if request.customer_id is None and len(parts) > 1 and None not in parts:
        raise InvalidInput(f"whose part of payment {payment.title} goes back? Name the customer: {_left(record)}")
    return request.customer_id if request.customer_id is not None or None in parts else next(iter(parts))


def _amount(request: InstructionRequest, record: PaymentRecord, whose: str | None) -> int:
    """What is assigned or goes back, in minor units: as typed, or all there is."""
    payment = record.payment
    if request.kind is InstructionKind.ASSIGN:
        left_minor, done = record.unmatched_minor, "assigned"
        left = f"{format_amount(left_minor, payment.currency)} of payment {payment.title} are unmatched"
    else:
        left_minor, done = record.parts.get(whose, 0), "given back"
        left = f"of payment {payment.title} are left: {_left(record)}"
    if request.kind is InstructionKind.ASSIGN and not left_minor:
        raise InvalidInput(f"payment {payment.title} is assigned already: {record.in_words}")
    if not request.amount:
        return left_minor
    minor = _typed(request.amount, payment.currency)
    if not 0 < minor <= left_minor:
        raise InvalidInput(f"{format_amount(minor, payment.currency)} cannot be {done}: {left}")
    return minor


def _typed(amount: str, currency: str) -> int:
    return parse_amount(amount, currency)


def _moved_before(kind: InstructionKind, record: PaymentRecord) -> int:
    """What people have assigned or given back of it so far: a large payment in small parts takes two people too."""
    if kind is InstructionKind.REFUND:
        return record.returned_minor
    return sum(
        entry.amount_minor
        for transaction in record.transactions
        if transaction.cause is Cause.ALLOCATION
        for entry in transaction.entries
        if entry.amount_minor > 0
    )


def _left(record: PaymentRecord) -> str:
    currency = record.payment.currency
    return ", ".join(
        f"{format_amount(minor, currency)} {customer_id or 'unmatched'}" for customer_id, minor in record.parts.items()
    )
