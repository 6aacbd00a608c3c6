"""Sends a mail of a month once more: ``POST /desk/{period}/invoices/{customer_id}/send-again``.

The form carries the id of its command, so that a double click sends one mail.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData

from billing.errors import InvalidInput, MailRefused, NotFound
from billing.mails.again import SENDABLE, Asked
from billing.mails.mail import CustomerMailKind
from billing.period import Period
from billing.reviewers.users import Role
from console.reviewers.page_frame import DeskRefusal, NamedMonth
from console.reviewers.signed_in import Session, signed_in
from console.web.forms import form_of
from services.messages.send_again import SendAgain

_REFUSED = "This mail was not sent again"
_REASON_MAX = 1000


class SendAgainPages:
    def __init__(self, mails: SendAgain) -> None:
        self._mails = mails
        self.router = APIRouter(prefix="/desk/{period}/invoices/{customer_id}")
        self.router.add_api_route("/send-again", self.send, methods=["POST"], response_model=None)

    async def send(
        self,
        request: Request,
        customer_id: str,
        session: Annotated[Session, Depends(signed_in(Role.REVIEWER))],
        period: NamedMonth,
    ) -> Response:
        """Sends it and goes back to the page, whose mails then have it; or says why not."""
        page = f"/desk/{period}/invoices/{customer_id}"
        try:
            await self._mails.send(_asked(await form_of(request), customer_id, period, session.username))
        except (InvalidInput, NotFound, MailRefused) as error:
            text = f"{str(error)[:1].upper()}{str(error)[1:]}."
            raise DeskRefusal(409, _REFUSED, text, page, "Back to the month", section="invoices") from None
        return RedirectResponse(f"{page}#mails-title", 303)


def _asked(form: FormData, customer_id: str, period: Period, by: str) -> Asked:
    kind, why, command_id = (str(form.get(name, "")).strip() for name in ("kind", "reason", "command_id"))
    if not 0 < len(why) <= _REASON_MAX:
        raise InvalidInput("say why: it is kept in the audit trail")
    try:
        UUID(command_id)
    except ValueError:
        raise InvalidInput("this form is incomplete; reload the page") from None
    if kind not in SENDABLE:
        raise InvalidInput(f"a mail of this kind cannot be sent again; these can: {', '.join(SENDABLE)}")
    return Asked(customer_id, period, CustomerMailKind(kind), by, why, command_id)
