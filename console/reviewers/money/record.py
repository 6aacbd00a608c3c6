"""The form by which people record money that has arrived outside the processor.

::

    GET  /desk/money/record    the form
    POST /desk/money/record    takes the money into the books; the same reference again changes nothing
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import TypeAdapter, ValidationError

from billing.errors import BillingError, InvalidInput
from billing.model import Why
from billing.payments.typed_payment import TypedPayment
from billing.reviewers.users import Role
from billing.validation import plain
from console.reviewers.money.payment import IncomingPaymentPages, payment_page
from console.reviewers.page_frame import PageFrame
from console.reviewers.signed_in import Session, signed_in
from console.web.forms import form_of, texts_in
from services.payment_desk import PaymentDesk

Reviewer = Annotated[Session, Depends(signed_in(Role.REVIEWER))]
_FIELDS = ("rail", "reference", "amount", "currency", "customer", "month", "order", "payer", "paid_on", "reason")


class RecordPages:
    def __init__(
        self, desk: PageFrame, payments: PaymentDesk, pages: IncomingPaymentPages, now: Callable[[], datetime]
    ) -> None:
        self._desk = desk
        self._payments = payments
        self._pages = pages
        self._now = now
        self.router = APIRouter(prefix="/desk/money/record")
        self.router.add_api_route("", self.form, response_model=None)
        self.router.add_api_route("", self.record, methods=["POST"], response_model=None)

    async def form(self, request: Request, session: Reviewer) -> Response:
        """``customer`` and other fields may be in the query, as in a link from an account."""
        return await self._page(session, {name: request.query_params.get(name, "")[:255] for name in _FIELDS})

    async def record(self, request: Request, session: Reviewer) -> Response:
        form = texts_in(await form_of(request))
        texts = {name: form.get(name, "") for name in _FIELDS}
        try:
            recorded = await self._payments.record(_typed(texts, session.username), self._now())
        except (BillingError, ValidationError) as error:
            if isinstance(error, BillingError) and error.retryable:
                raise
            return await self._page(session, texts, plain(error), 422)
        name = recorded.record.payment.name
        if not recorded.doubts:
            return RedirectResponse(payment_page(name), 303)
        return await self._pages.page(session, name, notes=tuple(doubt.text for doubt in recorded.doubts))

    async def _page(self, session: Session, typed: Mapping[str, str], wrong: str = "", status: int = 200) -> Response:
        rails = {name: rail for name, rail in self._payments.rails.items() if self._payments.is_by_hand(name)}
        today = f"{self._now():%Y-%m-%d}"
        values: dict[str, object] = {"typed": typed, "wrong": wrong, "rails": rails, "today": today}
        return await self._desk.page("record_payment.html", session, values, section="money", status=status)


def _typed(texts: Mapping[str, str], by: str) -> TypedPayment:
    try:
        reason = TypeAdapter(Why).validate_python(texts["reason"])
    except ValidationError:
        raise InvalidInput("say why, in up to 1,000 characters: it goes into the audit trail") from None
    more = {name: texts[name] for name in ("month", "order", "payer", "paid_on")}
    names = (texts["rail"], texts["reference"], texts["amount"], texts["currency"])
    return TypedPayment(*names, by, reason, texts["customer"].strip(), **more)
