"""One payment: what became of it, who did what, and what people can do with it.

::

    GET  /desk/money/payment            the payment that the query names by rail and digest of its reference
    POST /desk/money/payment/assign     assigns unmatched money, all of it or a part; a large sum is proposed
    POST /desk/money/payment/refund     gives money back by the rail by which it came; a large sum is proposed
    POST /desk/money/payment/settle     says of which rail unmatched money is the payout, and what that has kept
    POST /desk/money/payment/confirm    by somebody else; or asks again for a refund whose outcome is not known; or says
                                        that the money was given back by hand
    POST /desk/money/payment/reject     takes a proposal back, or ends a refund whose outcome a gateway has never told

Each form carries the id of its instruction, so a double click takes effect once. A refusal says why, and keeps what was
typed.
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, NamedTuple, Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from billing.errors import BillingError, InvalidInput, NotFound
from billing.money import parse_amount, plain_amount
from billing.period import Period
from billing.receivables.incoming import PaymentRecord
from billing.receivables.instructions import Instruction, InstructionKind, InstructionRequest
from billing.receivables.journal import PaymentName, Subject
from billing.receivables.ports import PaymentListing
from billing.reviewers.users import Role
from billing.statements.payouts import TypedPayout
from billing.validation import plain
from console.reviewers.page_frame import DeskRefusal, PageFrame
from console.reviewers.signed_in import Session, SignedIn, signed_in
from console.web.forms import form_of, texts_in
from services.payment_desk import PaymentDesk
from services.statements import Statements

Reviewer = Annotated[Session, Depends(signed_in(Role.REVIEWER))]
Approver = Annotated[Session, Depends(signed_in(Role.APPROVER))]
_ROLES = {InstructionKind.ASSIGN: Role.REVIEWER, InstructionKind.REFUND: Role.APPROVER}
_PAGE = "/desk/money/payment"
_UNKNOWN = 504  # the outcome is not known


class _Ledger(PaymentListing, Protocol):
    async def instruction(self, instruction_id: str) -> Instruction | None: ...


class RefusedForm(NamedTuple):
    """Why a form had no effect, and the HTTP status. ``typed`` is what stood in it."""

    form: str
    why: str
    status: int
    typed: Mapping[str, str]


class IncomingPaymentPages:
    """``now`` returns the present instant."""

    def __init__(
        self,
        desk: PageFrame,
        ledger: _Ledger,
        payments: PaymentDesk,
        statements: Statements,
        now: Callable[[], datetime],
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._payments = payments
        self._statements = statements
        self._now = now
        self.router = APIRouter(prefix=_PAGE)
        self.router.add_api_route("", self.show, response_model=None)
        for receive in (self.assign, self.refund, self.settle, self.confirm, self.reject):
            path = f"/{receive.__name__}"
            self.router.add_api_route(path, receive, methods=["POST"], response_model=None)
            self.router.add_api_route(path, self.back, response_model=None, dependencies=[Depends(signed_in())])

    async def show(self, request: Request, session: SignedIn) -> Response:
        """``done`` in the query is the id of an instruction that was just given: the page says what became of it."""
        done = request.query_params.get("done", "")[:100]
        return await self.page(session, _named(request.query_params), done=done)

    async def assign(self, request: Request, session: Reviewer) -> Response:
        return await self._instruct(InstructionKind.ASSIGN, texts_in(await form_of(request)), session)

    async def refund(self, request: Request, session: Approver) -> Response:
        return await self._instruct(InstructionKind.REFUND, texts_in(await form_of(request)), session)

    async def settle(self, request: Request, session: Approver) -> Response:
        """Again, it changes nothing."""
        typed = texts_in(await form_of(request))
        name = _named(typed)
        record = await self._record(name)
        try:
            if record.unmatched_minor > 0:
                payout = _payout(name, typed, record.payment.currency, session.username)
                await self._statements.settle(payout, self._now())
        except BillingError as error:
            if error.retryable:
                raise
            return await self.page(session, name, RefusedForm("settle", plain(error), 422, typed))
        return RedirectResponse(payment_page(name), 303)

    async def confirm(self, request: Request, session: Approver) -> Response:
        return await self._decide("confirm", texts_in(await form_of(request)), session)

    async def reject(self, request: Request, session: Reviewer) -> Response:
        return await self._decide("reject", texts_in(await form_of(request)), session)

    def back(self) -> RedirectResponse:
        """To the list; an action's own address is for its form only."""
        return RedirectResponse("/desk/money", 303)

    async def _instruct(self, kind: InstructionKind, typed: Mapping[str, str], session: Session) -> Response:
        name = _named(typed)
        try:
            request = _request(kind, name, typed, session.username)
            await self._payments.instruct(request, self._now())
        except (BillingError, ValidationError) as error:
            return await self.page(session, name, RefusedForm(kind, plain(error), _status(error), typed))
        return RedirectResponse(payment_page(name, done=request.instruction_id), 303)

    async def _decide(self, form: str, typed: Mapping[str, str], session: Session) -> Response:
        """Confirms or rejects."""
        name, instruction_id, reason = _named(typed), typed.get("instruction_id", "")[:100], typed.get("reason", "")
        try:
            if not 0 < len(reason.strip()) <= 1000:
                raise InvalidInput("say why, in up to 1,000 characters: it goes into the audit trail")
            decided = instruction_id, session.username, reason.strip(), self._now()
            if form == "confirm":
                await self._payments.confirm(*decided, typed.get("refund_reference", ""))
            else:
                await self._payments.reject(*decided)
        except BillingError as error:
            return await self.page(session, name, RefusedForm(form, plain(error), _status(error), typed))
        return RedirectResponse(payment_page(name, done=instruction_id), 303)

    async def page(
        self,
        session: Session,
        name: PaymentName,
        refused: RefusedForm | None = None,
        done: str = "",
        notes: tuple[str, ...] = (),
    ) -> Response:
        """``notes`` are what people should know about a payment that was just recorded."""
        record = await self._record(name)
        instructions = await self._ledger.instructions(name)
        values = {
            "name": name,
            "record": record,
            "payment": record.payment,
            "instructions": instructions,
            "done": next((row for row in instructions if row.instruction_id == done), None),
            "notes": notes,
            "refused": refused,
            "typed": lambda form, field, default="": _kept(refused, form, field, default),
            "new_id": lambda form: _unanswered(refused, form) or uuid.uuid4().hex,
            "is_by_hand": self._payments.gives_back_by_hand(name.rail),
            "offers": _offers(record, session.role),
            "payouts": self._payouts(record, session.role),
            "plain": plain_amount,
            "cannot_confirm": {row.instruction_id: row.refused_to(session.username) for row in instructions},
            "rejectable": {row.instruction_id for row in instructions if row.can_be_rejected(self._now())},
        }
        status = refused.status if refused else 200
        return await self._desk.page("payment.html", session, values, section="money", status=status)

    def _payouts(self, record: PaymentRecord, role: Role) -> tuple[str, ...]:
        """The rails of which unmatched money may be the payout."""
        may = role.may(Role.APPROVER) and record.unmatched_minor > 0
        return self._statements.payouts_to(record.payment.rail) if may else ()

    async def _record(self, name: PaymentName) -> PaymentRecord:
        record = await self._ledger.incoming_payment(name)
        if record is None:
            text = "Look for it in the list by its reference, payer, customer or amount."
            raise DeskRefusal(404, "There is no such payment", text, "/desk/money", "To the payments", "money")
        return record


def _payout(name: PaymentName, typed: Mapping[str, str], currency: str, by: str) -> TypedPayout:
    """Raises ``InvalidInput``."""
    reason, amount = typed.get("reason", "").strip(), typed.get("fee", "").strip()
    if not 0 < len(reason) <= 1000:
        raise InvalidInput("say why, in up to 1,000 characters: it goes into the audit trail")
    return TypedPayout(name, typed.get("of", "")[:40], parse_amount(amount, currency) if amount else 0, by, reason)


def payment_page(name: PaymentName, **more: str) -> str:
    """The address of a payment's page."""
    return f"{_PAGE}?{urlencode({**name._asdict(), **more})}"


def _offers(record: PaymentRecord, role: Role) -> frozenset[str]:
    """What the page offers: what the ledger would accept of this role."""
    is_original = record.payment.original is None and record.payment.amount_minor > 0
    possible = {
        InstructionKind.ASSIGN: record.unmatched_minor > 0,
        InstructionKind.REFUND: is_original and bool(record.parts),
    }
    return frozenset(kind for kind, is_possible in possible.items() if is_possible and role.may(_ROLES[kind]))


def _request(kind: InstructionKind, name: PaymentName, typed: Mapping[str, str], by: str) -> InstructionRequest:
    month, customer_id = typed.get("month", "").strip(), typed.get("customer", "").strip()
    return InstructionRequest(
        instruction_id=typed.get("instruction_id", "") or uuid.uuid4().hex,
        kind=kind,
        payment=name,
        customer_id=customer_id or None,
        subject=Subject.month(Period(month)) if month else None,
        amount=typed.get("amount", "").strip(),
        refund_reference=typed.get("refund_reference", "").strip(),
        by=by,
        reason=typed.get("reason", ""),
        via="console",
    )


def _named(query: Mapping[str, str]) -> PaymentName:
    return PaymentName(query.get("rail", "")[:100], query.get("digest", "")[:100])


def _kept(refused: RefusedForm | None, form: str, field: str, default: str) -> str:
    """What stood in a form that was refused."""
    return refused.typed.get(field, default) if refused and refused.form == form else default


def _unanswered(refused: RefusedForm | None, form: str) -> str:
    """The id of an instruction that the processor did not answer; sent again, it has the same one."""
    return _kept(refused, form, "instruction_id", "") if refused and refused.status == _UNKNOWN else ""


def _status(error: Exception) -> int:
    if isinstance(error, BillingError) and error.retryable:
        return _UNKNOWN
    return 422 if isinstance(error, InvalidInput | NotFound | ValidationError) else 409
