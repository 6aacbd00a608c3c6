"""What customers owe, read from the journal. Every method may be called again after any failure."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Protocol

from billing.apart import Failed
from billing.model import Few, Model
from billing.period import Period
from billing.receivables.doubts import Doubt
from billing.receivables.incoming import ClearedPayment, IncomingPayment, PaymentRecord
from billing.receivables.instructions import Instruction, InstructionRequest, InstructionState
from billing.receivables.journal import Balance, PaymentName, Subject, Transaction
from billing.receivables.listing import AccountTotal, JournalRow
from billing.receivables.payment_list import PAGE_ROWS, PaymentFilter, PaymentPage

THE_BEGINNING, THE_END = datetime(1970, 1, 1, tzinfo=UTC), datetime(2999, 12, 31, tzinfo=UTC)


class Accounts(Protocol):
    async def balance(self, customer_id: str) -> Balance:
        """What the customer owes, and their credit; nothing of an unknown one."""


class Journal(Accounts, Protocol):
    async def transactions(self, customer_id: str) -> list[Transaction]:
        """Every movement of the customer's money, oldest first."""

    async def transactions_of(self, customer_id: str, subject: Subject) -> list[Transaction]:
        """Every movement of what the customer owes for the subject, oldest first."""

    async def settle(self, customer_id: str, by: str, reason: str, at: datetime) -> Balance:
        """Writes off what no draft will take over: of a closed account all, else credit in currencies of the past.

        Returns what it was; a repeat finds none. Raises ``NotFound``, and ``InvalidInput`` if something comes first.
        """


class Bookings(Protocol):
    async def book(self, payment: IncomingPayment, at: datetime, checkout_id: str | None = None) -> bool:
        """Books money that has arrived, or gone back; False if it was booked before.

        The payment link by which it came is paid with it, if it is live.
        """


class GeneralLedger(Protocol):
    """The journal of all customers. ``since`` and ``until`` are instants, the second excluded."""

    def journal(self, since: datetime, until: datetime) -> AsyncIterator[list[JournalRow]]:
        """All entries written in that time, in their order, in pages."""

    async def trial_balance(self, since: datetime = THE_BEGINNING, until: datetime = THE_END) -> list[AccountTotal]:
        """What was on each kind of account at ``since``, and what was debited and credited until ``until``."""


class ClearingAccounts(Protocol):
    async def cleared(self, period: Period, failed: list[Failed] | None = None) -> list[ClearedPayment]:
        """What clearing accounts have of the payments of a month: of those that name it, and of those that people have
        recorded without a month and that were paid in that calendar month (UTC).

        Unreadable rows go to ``failed``; without it, they raise.
        """

    async def cleared_on(
        self, rail: str, since: datetime, until: datetime, failed: list[Failed] | None = None
    ) -> list[ClearedPayment]:
        """What the clearing account of a rail has of the payments that were paid in that time."""


class Returns(Protocol):
    async def book_returned(self, payment: IncomingPayment, returned_minor: int, at: datetime) -> int:
        """Books what has gone back of a payment beyond what is booked, once; and the payment before it, if it is new.

        ``returned_minor`` is all that has gone back until now. Returns what was booked, in minor units. What is less
        than the books have changes nothing: it was seen before.
        """


class Owners(Protocol):
    async def customer_of(self, subject: Subject) -> str | None:
        """The one customer who ever owed something for an order; None: there is none, or there are several."""


class Recorded(Model):
    """A payment that was taken into the books, ``is_new`` or before; and what people should know about it."""

    record: PaymentRecord
    is_new: bool
    doubts: Few[Doubt] = ()


class PaymentListing(Protocol):
    async def incoming_payment(self, name: PaymentName) -> PaymentRecord | None: ...

    async def booked_at(self, name: PaymentName) -> datetime | None:
        """When the payment was booked; None: it was not."""

    async def incoming_payments(self, wanted: PaymentFilter, limit: int = PAGE_ROWS, offset: int = 0) -> PaymentPage:
        """Payments that match: unmatched ones first, then the newest."""

    async def instructions(
        self, name: PaymentName | None = None, limit: int = PAGE_ROWS, state: InstructionState | None = None
    ) -> list[Instruction]:
        """All that people have asked for of one payment, or what is open of all payments; the newest first.

        ``state``: those in it only.
        """


class IncomingPayments(PaymentListing, Protocol):
    """Money that has arrived, and what people do with it. Whatever leaves a doubt is also in the alerts' outbox."""

    async def record_payment(self, payment: IncomingPayment, at: datetime) -> Recorded:
        """Takes a payment into the books, once for each rail and reference.

        Raises ``NotFound`` for an unknown customer, ``InvalidInput`` if the reference is another payment's.
        """

    async def instruct(self, request: InstructionRequest, four_eyes: Mapping[str, int], at: datetime) -> Instruction:
        """Carries an instruction out, proposes it, or begins it; a repeat answers how it stands.

        Raises ``NotFound``, and ``InvalidInput``, which says what to do instead.
        """

    async def instruction(self, instruction_id: str) -> Instruction | None: ...

    async def promised_minor(self, customer_id: str, currency: str) -> int:
        """What of the customer's money open refunds are to give back: it pays nothing else."""

    async def confirm(
        self,
        instruction_id: str,
        by: str,
        reason: str,
        at: datetime,
        refund_reference: str = "",
        by_hand: bool = False,
    ) -> Instruction:
        """Carries a proposal out, or begins it; or records that people have given the money back ``by_hand``.

        What is under way is answered as it stands. Raises as ``instruct``.
        """

    async def reject(self, instruction_id: str, by: str, reason: str, at: datetime) -> Instruction:
        """Takes a proposal back. Raises ``NotFound``, and ``InvalidInput`` if it is too late."""

    async def begin_refund(
        self, instruction_id: str, returned_before_minor: int, before: datetime | None, at: datetime
    ) -> bool:
        """Notes, before a gateway is asked for a refund, what had gone back until then.

        ``before``: when it was asked last, as far as the caller knows. False if somebody else has begun meanwhile: then
        the gateway must not be asked.
        """

    async def note_accepted(self, instruction_id: str, at: datetime) -> None:
        """Notes that the gateway has the refund, so that it must never be asked for again."""

    async def close_instruction(
        self, instruction_id: str, state: InstructionState, result: str, at: datetime
    ) -> Instruction:
        """Keeps what became of an instruction that was under way; the first outcome stays."""
