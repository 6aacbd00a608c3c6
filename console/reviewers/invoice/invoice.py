"""The page of one invoice, and the commands that reviewers give there.

::

    GET  /desk/{period}/invoices/{customer_id}           the month: lines, edits, its story, actions
    GET  /desk/{period}/invoices/{customer_id}/edit      that page with its lines as a form
    GET  /desk/{period}/invoices/{customer_id}/notice    the charge notice before it goes
    POST /desk/{period}/invoices/{customer_id}/{action}  halt, resume, edit, approve, skip, close, refresh, start

Every action is a Temporal update, which the workflow answers; this page never writes a month. A closed workflow is
started by the page, as by the command line. Each form carries the id of its command, so a double click takes effect
once, and the version and digest that were seen, so a decision about another version is refused. The page of a refusal
says why, and keeps the typed text.

With ``?compare=1``, or if a difference is known already, the page reads the sheet and shows how it differs from the
draft; a refresh takes exactly that in. If the sheet cannot be read, the page says so and works all the same.
"""

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError
from starlette.datastructures import FormData
from temporalio.client import Client
from temporalio.exceptions import TemporalError

from billing.commands import Command, parse_command
from billing.customers.card_vault import CardVault
from billing.customers.ports import CustomerStore
from billing.errors import BillingError, InvalidInput, NotFound
from billing.invoices.commands import COMMANDS
from billing.mails.mail import Mailer
from billing.period import Period
from billing.sales.adjustments import refresh_changes, unapplied
from billing.sales.late_sales import in_words
from billing.validation import plain
from clients.month_commands import PAGE_PATIENCE_SECONDS, Unanswered, send_command
from clients.start import StartLedger, StartStatus, start_customer
from console.reviewers.invoice import edit_form as editing
from console.reviewers.invoice.actions import ACTIONS, APPROVE, EDIT, REFRESH, RESUME, SKIP, START, Action
from console.reviewers.invoice.invoice_view import InvoiceView, SheetView
from console.reviewers.invoice.month_record import MonthRecord, MonthRecordLedger, MonthRecords
from console.reviewers.invoice.preview import preview
from console.reviewers.page_frame import PageFrame
from console.reviewers.signed_in import Session, SignedIn, signed_in
from console.web.forms import form_of
from services.messages.ways_to_pay import PaymentWays
from services.sheet_comparison import SheetComparer

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_COMMAND_ID = re.compile(r"[0-9a-f-]{32,36}")
REASON_MAX = 1000
_SHEET_SECONDS = 10.0

Receiver = Callable[..., Awaitable[Response]]


class _Ledger(CustomerStore, MonthRecordLedger, StartLedger, Protocol): ...


class InvoicePages:
    """``ui_url`` is Temporal's web page, ``sheet_url`` the sales sheet; "" makes no links."""

    def __init__(
        self,
        client: Client,
        ledger: _Ledger,
        vault: CardVault,
        mail: Mailer,
        ways: PaymentWays,
        comparer: SheetComparer,
        desk: PageFrame,
        ui_url: str,
        sheet_url: str,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._vault = vault
        self._comparer = comparer
        self._mail = mail
        self._ways = ways
        self._desk = desk
        self._records = MonthRecords(client, ledger, ui_url)
        self._sheet_url = sheet_url
        self.router = APIRouter(prefix="/desk/{period}/invoices/{customer_id}")
        self.router.add_api_route("", self.show, response_model=None)
        self.router.add_api_route("/edit", self.form, response_model=None)
        self.router.add_api_route("/notice", self.notice, response_model=None)
        to_page = [Depends(signed_in())]
        for action in (*ACTIONS, REFRESH, START):
            path, receive = f"/{action.name}", self._receiver(action)
            self.router.add_api_route(path, receive, methods=["POST"], response_model=None)
            if action is not EDIT:
                self.router.add_api_route(path, self.back, response_model=None, dependencies=to_page)

    # -- looking

    async def show(
        self, period: str, customer_id: str, session: SignedIn, command: str = "", compare: bool = False
    ) -> Response:
        """``command`` is the id of a command that was just given: the page waits for its answer, and shows it."""
        record = await self._open(period, customer_id, command if _COMMAND_ID.fullmatch(command) else "")
        sheet = await self._sheet(record) if compare or record.month.drift else None
        answer = record.answer_to(command)
        return await self._page(InvoiceView(session, record, self._sheet_url, answer=answer, sheet=sheet))

    async def form(self, period: str, customer_id: str, session: SignedIn) -> Response:
        record = await self._open(period, customer_id)
        view = InvoiceView(session, record, self._sheet_url)
        if EDIT not in view.actions or record.month.invoice is None:
            return self.back(period, customer_id)
        return await self._page(view.editing(editing.blank(record.month.invoice)))

    async def notice(self, period: str, customer_id: str, session: SignedIn) -> Response:
        record = await self._open(period, customer_id)
        month, previewed = record.month, preview(record.month, record.now, record.messages, record.versions)
        mail = None
        if previewed.mail:
            ways = await self._ways.of(month.customer)
            mail = self._mail.compose(previewed.mail.evolve(ways=ways))
        here = _address(period, customer_id)
        values: dict[str, object] = {"preview": previewed, "mail": mail, "month": month, "here": here}
        return await self._desk.page("notice.html", session, values, section="invoices", period=month.period)

    def back(self, period: str, customer_id: str) -> RedirectResponse:
        """To the page; an action's own address is for its form only."""
        return RedirectResponse(_address(period, customer_id), 303)

    # -- acting

    def _receiver(self, action: Action) -> Receiver:
        async def receive(
            request: Request,
            period: str,
            customer_id: str,
            session: Annotated[Session, Depends(signed_in(action.role))],
        ) -> Response:
            record = await self._open(period, customer_id)
            form = await form_of(request)
            view = InvoiceView(session, record, self._sheet_url, typed={action.name: str(form.get("reason", ""))})
            if action is EDIT:
                return await self._edit(view, form)
            if action is REFRESH:
                return await self._refresh(view, form)
            if action is RESUME:
                return await self._act(view, action, form, {"stopped": str(form.get("stopped", ""))})
            if action not in (APPROVE, SKIP):
                return await self._act(view, action, form, {})
            version, digest = _seen(form)
            fields = {"digest": digest} if action is APPROVE else {"digest": digest, "version": version}
            return await self._act(replace(view, seen=(version, digest)), action, form, fields)

        receive.__name__ = action.name
        return receive

    async def _edit(self, view: InvoiceView, form: FormData) -> Response:
        version, digest = _seen(form)
        base = view.record.seen(version, digest)
        if base is None:
            why = f"version {version}, the base of this edit, is not on record; look at the invoice and edit again"
            return await self._page(view.refused(EDIT, why))
        typed = editing.read(form, base)
        view = view.editing(typed, version, digest)
        if typed.wrong:
            return await self._page(view.wrong(EDIT, "Nothing was saved: correct the marked fields below."))
        changes = [change.model_dump(exclude_none=True) for change in typed.changes(base)]
        if not changes:
            return await self._page(view.wrong(EDIT, "Nothing was changed yet."))
        if len(changes) > editing.CHANGES_MAX:
            return await self._page(view.wrong(EDIT, f"Save at most {editing.CHANGES_MAX} changes at once."))
        return await self._act(view, EDIT, form, {"version": version, "digest": digest, "changes": changes})

    async def _refresh(self, view: InvoiceView, form: FormData) -> Response:
        """Takes in the differences that the page has shown, if the sheet is still the one that it has shown."""
        if view.record.answer_to(str(form.get("command_id", ""))):  # a double click: it is done
            return self.back(view.month.period, view.customer_id)
        (version, digest), sheet = _seen(form), await self._sheet(view.record)
        view = replace(view, seen=(version, digest), sheet=sheet)
        if sheet.compared is None:
            return await self._page(view.refused(REFRESH, sheet.why))
        if sheet.compared.sales.digest != form.get("sheet"):
            why = "the sheet has changed since this page was loaded; look at the differences below, then refresh"
            return await self._page(view.refused(REFRESH, why))
        drifts, sales, by_hand = sheet.compared.changes, sheet.compared.sales, sheet.compared.by_hand
        changes = refresh_changes(drifts, sales.digest, by_hand)
        if not changes:
            return await self._page(view.refused(REFRESH, "there is nothing to take in"))
        drift = in_words(unapplied(drifts, by_hand), view.month.customer.currency)
        fields = {"version": version, "digest": digest, "changes": changes, "sales": sales, "drift": drift}
        return await self._act(view, REFRESH, form, fields)

    async def _act(self, view: InvoiceView, action: Action, form: FormData, fields: dict[str, Any]) -> Response:
        """Sends the command, and goes back to the page, which shows the answer; or says why not."""
        reason, command_id = str(form.get("reason", "")).strip(), str(form.get("command_id", ""))
        if not 0 < len(reason) <= REASON_MAX:
            return await self._page(view.wrong(action, "Say why: it is kept in the audit trail.", at_reason=True))
        common = {"by": view.session.username, "reason": reason, "command_id": command_id, "via": "console"}
        try:
            uuid.UUID(command_id)
            fields = common | {"period": view.month.period} | fields
            command = (
                Command.model_validate(fields) if action is START else parse_command(action.command, [fields], COMMANDS)
            )
        except (InvalidInput, ValueError) as error:
            return await self._page(view.wrong(action, _plain(error)))
        return await (self._start(view, command) if action is START else self._send(view, action, command))

    async def _start(self, view: InvoiceView, command: Command) -> Response:
        """If the customer was started meanwhile, the page just shows the month as it is now."""
        customer = await self._ledger.customer(view.customer_id)
        if customer is None:
            raise HTTPException(404)
        try:
            started = await start_customer(self._client, self._ledger, self._vault, customer, because=command)
        except BillingError as error:
            return await self._page(view.refused(START, str(error)))
        query = f"?command={command.command_id}" if started.status is StartStatus.STARTED else ""
        return RedirectResponse(f"{_address(started.period or command.period or '', view.customer_id)}{query}", 303)

    async def _send(self, view: InvoiceView, action: Action, command: Command) -> Response:
        period, customer_id = view.month.period, view.customer_id
        try:
            result = await send_command(self._client, customer_id, command, PAGE_PATIENCE_SECONDS)
        except NotFound:
            why = "billing of this customer does not run; an operator can start it again"
            return await self._page(view.refused(action, why))
        except InvalidInput as error:
            return await self._page(view.wrong(action, _plain(error)))
        except (Unanswered, TemporalError):
            return await self._page(view.unanswered(action, command.command_id))
        if result.accepted:
            return RedirectResponse(f"{_address(period, customer_id)}?command={command.command_id}", 303)
        current = await self._open(period, customer_id)  # perhaps newer than the one that the command was about
        return await self._page(replace(view, record=current).refused(action, result.result))

    # -- helpers

    async def _sheet(self, record: MonthRecord) -> SheetView:
        try:
            async with asyncio.timeout(_SHEET_SECONDS):
                compared = await self._comparer.compare(record.month, datetime.now(UTC))
        except TimeoutError:
            return SheetView(None, "the sheet does not answer; try again")
        except BillingError as error:
            return SheetView(None, str(error))
        return SheetView(compared, "" if compared else "this draft was not made from the sheet")

    async def _open(self, period: str, customer_id: str, command_id: str = "") -> MonthRecord:
        try:
            month = Period(period)
        except InvalidInput:
            raise HTTPException(404) from None
        record = await self._records.open(customer_id, month, command_id) if _ID.fullmatch(customer_id) else None
        if record is None:
            raise HTTPException(404)
        return record

    async def _page(self, view: InvoiceView) -> Response:
        period, status = view.month.period, view.refusal.status if view.refusal else 200
        values = view.values() | {"here": _address(period, view.customer_id)}
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
    if isinstance(error, BillingError | ValidationError):
        return plain(error)
    return "this form is incomplete; reload the page"
