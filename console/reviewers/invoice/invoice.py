"""The page of one invoice, and everything that a reviewer says to it.

::

    GET  /desk/{period}/invoices/{customer_id}           the month: lines, who edited them, its story, what can be done
    GET  /desk/{period}/invoices/{customer_id}/edit      the same with its lines as a form
    GET  /desk/{period}/invoices/{customer_id}/notice    the charge notice before it goes
    POST /desk/{period}/invoices/{customer_id}/{action}  halt, resume, edit, approve, skip, close, refresh, start

Every action is a Temporal update, which the workflow answers; this page never writes a month. Only if the workflow is
closed, the page starts it, as the command line does. Each form carries the id of its command, so a double click takes
effect once, and what was seen (version and digest), so a decision about another version is refused.
A refusal is a page that says why and keeps what was typed.

With ``?compare=1``, or if a difference is known already, the page reads the sheet and shows how it differs from the
draft; a refresh takes exactly that in. A sheet that cannot be read is told on the page, and does not make it fail.
"""

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError
from starlette.datastructures import FormData
from temporalio.client import Client
from temporalio.exceptions import TemporalError

from billing.customers.card_vault import CardVault
from billing.customers.ports import CustomerStore
from billing.errors import BillingError, InvalidInput, NotFound
from billing.invoices.commands import Command, CommandResult, parse_command
from billing.mails.mail import Mailer
from billing.period import Period
from billing.sales.adjustments import refresh_changes, unapplied
from billing.sales.late_sales import in_words
from billing.validation import explain
from clients.month_commands import Unanswered
from clients.start import StartLedger, StartStatus, start_customer
from console.reviewers.commands import say
from console.reviewers.invoice import edit_form as editing
from console.reviewers.invoice.actions import ACTIONS, APPROVE, EDIT, REFRESH, RESUME, SKIP, START, Action
from console.reviewers.invoice.invoice_view import InvoiceView, SheetView
from console.reviewers.invoice.month_record import MonthRecord, MonthRecordLedger, MonthRecords
from console.reviewers.invoice.preview import preview
from console.reviewers.page_frame import PageFrame
from console.reviewers.signed_in import Session, SignedIn, signed_in
from services.sheet_comparison import SheetComparer

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_COMMAND_ID = re.compile(r"[0-9a-f-]{32,36}")
REASON_MAX = 1000
_SHEET_SECONDS = 10.0

Receiver = Callable[..., Awaitable[Response]]


class _Ledger(CustomerStore, MonthRecordLedger, StartLedger, Protocol):
    """What is needed of the ledger here."""


class InvoicePages:
    """``ui_url`` is Temporal's web page, ``sheet_url`` the sheet that sales are read from; "" makes no links."""

    def __init__(
        self,
        client: Client,
        ledger: _Ledger,
        vault: CardVault,
        mail: Mailer,
        comparing: SheetComparer,
        desk: PageFrame,
        ui_url: str,
        sheet_url: str,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._vault = vault
        self._comparing = comparing
        self._mail = mail
        self._desk = desk
        self._dossiers = MonthRecords(client, ledger, ui_url)
        self._sheet_url = sheet_url
        self.router = APIRouter(prefix="/desk/{period}/invoices/{customer_id}")
        self.router.add_api_route("", self.show, response_model=None)
        self.router.add_api_route("/edit", self.form, response_model=None)
        self.router.add_api_route("/notice", self.notice, response_model=None)
        for action in (*ACTIONS, REFRESH, START):
            receive = self._receiver(action)
            self.router.add_api_route(f"/{action.name}", receive, methods=["POST"], response_model=None)
            if action is not EDIT:
                self.router.add_api_route(
                    f"/{action.name}", self.back, response_model=None, dependencies=[Depends(signed_in())]
                )

    # -- looking

    async def show(
        self, period: str, customer_id: str, session: SignedIn, said: str = "", compare: bool = False
    ) -> Response:
        """``said`` is the id of a command that was just given: the page waits for its answer, and shows it."""
        dossier = await self._open(period, customer_id, said if _COMMAND_ID.fullmatch(said) else "")
        sheet = await self._sheet(dossier) if compare or dossier.month.drift else None
        return await self._page(
            InvoiceView(session, dossier, self._sheet_url, answer=dossier.answer_to(said), sheet=sheet)
        )

    async def form(self, period: str, customer_id: str, session: SignedIn) -> Response:
        dossier = await self._open(period, customer_id)
        view = InvoiceView(session, dossier, self._sheet_url)
        if EDIT not in view.actions or dossier.month.invoice is None:
            return self.back(period, customer_id)
        return await self._page(view.editing(editing.blank(dossier.month.invoice)))

    async def notice(self, period: str, customer_id: str, session: SignedIn) -> Response:
        dossier = await self._open(period, customer_id)
        found = preview(dossier.month, dossier.now, dossier.messages, dossier.versions)
        mail = self._mail.compose(found.letter) if found.letter else None
        values: dict[str, object] = {
            "preview": found,
            "mail": mail,
            "month": dossier.month,
            "here": _address(period, customer_id),
        }
        return await self._desk.page("notice.html", session, values, section="invoices", period=dossier.month.period)

    def back(self, period: str, customer_id: str) -> RedirectResponse:
        """To the page; of an action, only its form leads there."""
        return RedirectResponse(_address(period, customer_id), 303)

    # -- acting

    def _receiver(self, action: Action) -> Receiver:
        async def receive(
            request: Request,
            period: str,
            customer_id: str,
            session: Annotated[Session, Depends(signed_in(action.role))],
        ) -> Response:
            dossier = await self._open(period, customer_id)
            form = await request.form()
            view = InvoiceView(session, dossier, self._sheet_url, typed={action.name: str(form.get("reason", ""))})
            if action is EDIT:
                return await self._edit(view, form)
            if action is REFRESH:
                return await self._refresh(view, form)
            if action is RESUME:
                return await self._act(view, action, form, {"stopped": str(form.get("stopped", ""))})
            if action not in (APPROVE, SKIP):
                return await self._act(view, action, form, {})
            version, digest = _seen(form)
            seen = {"digest": digest} if action is APPROVE else {"digest": digest, "version": version}
            return await self._act(view.looking_at(version, digest), action, form, seen)

        receive.__name__ = action.name
        return receive

    async def _edit(self, view: InvoiceView, form: FormData) -> Response:
        version, digest = _seen(form)
        seen = view.dossier.seen(version, digest)
        if seen is None:
            why = (
                f"version {version}, which this edit was made on, is not on record; look at the invoice and edit again"
            )
            return await self._page(view.refused(EDIT, why), 409)
        typed = editing.read(form, seen)
        view = view.editing(typed, version, digest)
        if typed.wrong:
            return await self._page(view.wrong(EDIT, "Nothing was saved: see what is marked below."), 422)
        changes = [change.model_dump(exclude_none=True) for change in typed.changes(seen)]
        if not changes:
            return await self._page(view.wrong(EDIT, "Nothing was changed yet."), 422)
        if len(changes) > editing.CHANGES_MAX:
            return await self._page(view.wrong(EDIT, f"Save at most {editing.CHANGES_MAX} changes at once."), 422)
        return await self._act(view, EDIT, form, {"version": version, "digest": digest, "changes": changes})

    async def _refresh(self, view: InvoiceView, form: FormData) -> Response:
        """Takes in what the page has shown, from the state of the sheet that it has shown."""
        if view.dossier.answer_to(str(form.get("command_id", ""))):  # a double click: it is done
            return self.back(view.dossier.month.period, view.dossier.month.customer.customer_id)
        (version, digest), sheet = _seen(form), await self._sheet(view.dossier)
        view = view.looking_at(version, digest).beside(sheet)
        if sheet.compared is None:
            return await self._page(view.refused(REFRESH, sheet.why), 409)
        if sheet.compared.sales.digest != form.get("sheet"):
            why = "the sheet has been changed since this page was made; look at the differences below, then refresh"
            return await self._page(view.refused(REFRESH, why), 409)
        drifts, sales, by_hand = sheet.compared.changes, sheet.compared.sales, sheet.compared.by_hand
        changes = refresh_changes(drifts, sales.digest, by_hand)
        if not changes:
            return await self._page(view.refused(REFRESH, "there is nothing to take in"), 409)
        left = in_words(unapplied(drifts, by_hand), view.dossier.month.customer.currency)
        fields = {"version": version, "digest": digest, "changes": changes, "sales": sales, "drift": left}
        return await self._act(view, REFRESH, form, fields)

    async def _act(self, view: InvoiceView, action: Action, form: FormData, fields: dict[str, Any]) -> Response:
        """Sends the command, and goes back to the page, which shows the answer; or says why not."""
        reason, customer_id = str(form.get("reason", "")).strip(), view.dossier.month.customer.customer_id
        if not 0 < len(reason) <= REASON_MAX:
            return await self._page(view.wrong(action, "Say why: it is kept in the audit trail.", at_reason=True), 422)
        command_id = str(form.get("command_id", ""))
        common = {"by": view.session.username, "reason": reason, "command_id": command_id, "via": "console"}
        try:
            uuid.UUID(command_id)
            said = common | {"period": view.dossier.month.period} | fields
            command = Command.model_validate(said) if action is START else parse_command(action.command, [said])
        except (InvalidInput, ValueError) as error:
            return await self._page(view.wrong(action, _plain(error)), 422)
        if action is START:
            return await self._start(view, customer_id, command)
        return await self._answer(view, action, customer_id, command)

    async def _start(self, view: InvoiceView, customer_id: str, command: Command) -> Response:
        """If somebody was faster and has started it, the page just shows the month as it is by now."""
        customer = await self._ledger.customer(customer_id)
        if customer is None:
            raise HTTPException(404)
        try:
            started = await start_customer(self._client, self._ledger, self._vault, customer, because=command)
        except BillingError as error:
            return await self._page(view.refused(START, str(error)), 409)
        said = f"?said={command.command_id}" if started.status is StartStatus.STARTED else ""
        return RedirectResponse(f"{_address(started.period or command.period or '', customer_id)}{said}", 303)

    async def _answer(self, view: InvoiceView, action: Action, customer_id: str, command: Command) -> Response:
        try:
            result = await say(self._client, customer_id, command)
        except NotFound:
            why = "billing of this customer does not run; an operator can start it again"
            return await self._page(view.refused(action, why), 409)
        except InvalidInput as error:
            return await self._page(view.wrong(action, _plain(error)), 422)
        except (Unanswered, TemporalError):
            return await self._page(view.unanswered(action, command.command_id), 504)
        period = view.dossier.month.period
        if result.accepted:
            return RedirectResponse(f"{_address(period, customer_id)}?said={command.command_id}", 303)
        return await self._refused(view, action, customer_id, result)

    async def _refused(self, view: InvoiceView, action: Action, customer_id: str, result: CommandResult) -> Response:
        """The month may be another than that which the command was sent to."""
        now = await self._open(view.dossier.month.period, customer_id)
        return await self._page(view.on(now).refused(action, result.result), 409)

    # -- helpers

    async def _sheet(self, dossier: MonthRecord) -> SheetView:
        try:
            async with asyncio.timeout(_SHEET_SECONDS):
                compared = await self._comparing.compare(dossier.month, datetime.now(UTC))
        except TimeoutError:
            return SheetView(None, "the sheet does not answer; try again")
        except BillingError as error:
            return SheetView(None, str(error))
        return SheetView(compared, "" if compared else "this draft was not made from the sheet")

    async def _open(self, period: str, customer_id: str, said: str = "") -> MonthRecord:
        try:
            wanted = Period(period)
        except InvalidInput:
            raise HTTPException(404) from None
        dossier = await self._dossiers.open(customer_id, wanted, said) if _ID.fullmatch(customer_id) else None
        if dossier is None:
            raise HTTPException(404)
        return dossier

    async def _page(self, view: InvoiceView, status: int = 200) -> Response:
        period = view.dossier.month.period
        values = view.values() | {"here": _address(period, view.dossier.month.customer.customer_id)}
        return await self._desk.page(
            "invoice.html", view.session, values, section="invoices", period=period, status=status
        )


def _address(period: str, customer_id: str) -> str:
    return f"/desk/{period}/invoices/{customer_id}"


def _seen(form: FormData) -> tuple[int, str]:
    """Version and digest of the invoice that the form was made on."""
    text = str(form.get("version", ""))
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0, str(form.get("digest", ""))


def _plain(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return explain(error)
    return str(error) if isinstance(error, BillingError) else "this form is not complete; load the page again"
