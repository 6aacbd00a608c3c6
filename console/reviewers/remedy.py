"""The form of a remedy that has no page of its own: what it does, why, and a button.

::

    GET  /desk/{period}/coverage/remedy    asks; the query names the remedy
    POST /desk/{period}/coverage/remedy    does it, and goes back to the coverage of the period

Each form carries the id of its command, so that a second click has no second effect.
"""

import logging
import uuid
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import TypeAdapter, ValidationError
from temporalio.client import Client

from billing.collections.commands import COLLECTION_COMMANDS
from billing.commands import Command, parse_command
from billing.customers.card_vault import CardVault
from billing.customers.ports import CustomerStore
from billing.errors import BillingError, NotFound
from billing.model import Why
from billing.period import Period
from billing.remedies import Remedy, RemedyAction
from clients.collection_commands import tell_collection
from clients.completeness_now import reconcile_now
from clients.running_workflows import unpause
from clients.start import StartLedger, start_customer
from console.reviewers.page_frame import DeskRefusal, NamedMonth, PageFrame
from console.reviewers.remedies import DOINGS, remedy_label
from console.reviewers.signed_in import Session, SignedIn
from console.web.forms import form_of, texts_in

_COLLECTION = {
    RemedyAction.RESUME_COLLECTION: "resume",
    RemedyAction.RETRY_COLLECTION: "retry",
    RemedyAction.WRITE_OFF: "write_off",
}
_REASON = TypeAdapter[str](Why)
_log = logging.getLogger(__name__)


class _Ledger(CustomerStore, StartLedger, Protocol): ...


class RemedyPages:
    def __init__(self, desk: PageFrame, client: Client, ledger: _Ledger, vault: CardVault) -> None:
        self._desk = desk
        self._client = client
        self._ledger = ledger
        self._vault = vault
        self.router = APIRouter(prefix="/desk/{period}/coverage/remedy")
        self.router.add_api_route("", self.ask, response_model=None)
        self.router.add_api_route("", self.do, methods=["POST"], response_model=None)

    async def ask(self, request: Request, session: SignedIn, period: NamedMonth) -> Response:
        remedy = _remedy(request.query_params, period)
        _require_role(session, remedy, period)
        return await self._page(session, period, remedy, uuid.uuid4().hex)

    async def do(self, request: Request, session: SignedIn, period: NamedMonth) -> Response:
        form = texts_in(await form_of(request))
        remedy = _remedy(form, period)
        _require_role(session, remedy, period)
        reason, command_id = form.get("reason", ""), form.get("command_id", "")[:40]
        try:
            reason = _REASON.validate_python(reason)
        except ValidationError:
            wrong = "Say why, in up to 1,000 characters: it is kept on record."
            return await self._page(session, period, remedy, command_id, reason, wrong, 422)
        try:
            done = await self._do(remedy, session.username, reason, command_id)
        except BillingError as error:
            if error.retryable:
                raise
            return await self._page(session, period, remedy, command_id, reason, f"{error}.", 409)
        return RedirectResponse(f"/desk/{period}/coverage?{urlencode({'done': done})}", 303)

    async def _do(self, remedy: Remedy, by: str, reason: str, command_id: str) -> str:
        """Returns the code of what was done. Raises ``BillingError``."""
        fields = {"by": by, "reason": reason, "command_id": command_id, "via": "console"}
        if remedy.action in _COLLECTION:
            given = [{**fields, "period": remedy.period}]
            command = parse_command(_COLLECTION[remedy.action], given, COLLECTION_COMMANDS)
            result = await tell_collection(self._client, remedy.customer_id, command)
            if not result.accepted:
                raise NotFound(result.result)
        elif remedy.action is RemedyAction.UNPAUSE_WORKFLOW:
            _log.warning("%s lets %s go on: %s", by, remedy.workflow_id, reason)
            await unpause(self._client, remedy.workflow_id, f"{by}: {reason}", command_id)
        elif remedy.action is RemedyAction.RECONCILE:
            _log.info("%s compares with Stripe: %s", by, reason)
            await reconcile_now(self._client, remedy.period)
        else:
            await self._start(remedy, Command.model_validate(fields))
        return remedy.action

    async def _start(self, remedy: Remedy, because: Command) -> None:
        customer = await self._ledger.customer(remedy.customer_id)
        if customer is None:
            raise NotFound(f"{remedy.customer_id} is not in the ledger; start them from a file with their row")
        reopen = remedy.action is RemedyAction.REOPEN
        await start_customer(self._client, self._ledger, self._vault, customer, reopen=reopen, because=because)

    async def _page(
        self,
        session: Session,
        period: Period,
        remedy: Remedy,
        command_id: str,
        reason: str = "",
        wrong: str = "",
        status: int = 200,
    ) -> Response:
        effect = DOINGS[remedy.action].effect.format(customer=remedy.customer_id, workflow=remedy.workflow_id)
        values: dict[str, object] = {
            "remedy": remedy,
            "effect": effect,
            "command_id": command_id,
            "reason": reason,
            "wrong": wrong,
        }
        return await self._desk.page("remedy.html", session, values, section="coverage", period=period, status=status)


def _remedy(values: Mapping[str, str], period: Period) -> Remedy:
    """The remedy that an address or a form names. Raises ``DeskRefusal`` unless it is done here."""
    try:
        remedy = Remedy(
            action=RemedyAction(values.get("action", "")),
            customer_id=values.get("customer", ""),
            period=Period(month) if (month := values.get("month", "")) else None,
            workflow_id=values.get("workflow", ""),
        )
    except (ValueError, BillingError):
        remedy = None
    if remedy is None or remedy.action not in DOINGS:
        text = "The address may be incomplete. Go back to coverage, and press the button there."
        raise DeskRefusal(404, "There is no such remedy", text, f"/desk/{period}/coverage", "To coverage", "coverage")
    return remedy


def _require_role(session: Session, remedy: Remedy, period: Period) -> None:
    role = DOINGS[remedy.action].role
    if not session.role.may(role):
        text = f"You are {session.role}; “{remedy_label(remedy)}” takes the role {role} or a higher one."
        raise DeskRefusal(403, "You may not do this", text, f"/desk/{period}/coverage", "To coverage", "coverage")
