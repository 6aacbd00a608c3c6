"""A promise to pay, noted on the page of a month: ``POST /desk/{period}/invoices/{customer_id}/promise``.

The form carries the id of its command, so that a double click takes effect once.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData
from temporalio.client import Client

from billing.collections.commands import COLLECTION_COMMANDS
from billing.commands import Command, parse_command
from billing.errors import InvalidInput, NotFound
from billing.reviewers.users import Role
from clients.collection_commands import tell_collection
from console.reviewers.page_frame import DeskRefusal, NamedMonth
from console.reviewers.signed_in import Session, signed_in
from console.web.forms import form_of

_REFUSED = "This promise was not noted"


class PromisePages:
    def __init__(self, client: Client) -> None:
        self._client = client
        self.router = APIRouter(prefix="/desk/{period}/invoices/{customer_id}")
        self.router.add_api_route("/promise", self.promise, methods=["POST"], response_model=None)

    async def promise(
        self,
        request: Request,
        customer_id: str,
        session: Annotated[Session, Depends(signed_in(Role.REVIEWER))],
        period: NamedMonth,
    ) -> Response:
        """Notes it and goes back to the page, whose ladder then shows it; or says why not."""
        page = f"/desk/{period}/invoices/{customer_id}"
        try:
            command = _command(await form_of(request), session.username)
            result = await tell_collection(self._client, customer_id, command)
        except (InvalidInput, NotFound) as error:
            raise DeskRefusal(422, _REFUSED, f"{error}.", page, "Back to the month") from None
        if not result.accepted:
            raise DeskRefusal(409, _REFUSED, f"{result.result}.", page, "Back to the month")
        return RedirectResponse(f"{page}#collection-title", 303)


def _command(form: FormData, by: str) -> Command:
    given = {name: str(form.get(name, "")).strip() for name in ("until", "reason", "command_id")}
    return parse_command("promise", [{**given, "by": by, "via": "console"}], COLLECTION_COMMANDS)
