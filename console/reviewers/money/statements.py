"""Statements of bank accounts: uploaded, with what became of each line; and those that were imported before.

::

    GET  /desk/money/import    the form, and the files so far
    POST /desk/money/import    imports the file; the same one again changes nothing
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from billing.errors import BillingError, InvalidInput
from billing.reviewers.users import Role
from billing.statements.mapping import mapping_of
from billing.statements.outcomes import ImportReport
from billing.statements.ports import StatementBooks
from billing.statements.statement import FILE_MAX_BYTES, too_large
from console.reviewers.page_frame import PageFrame
from console.reviewers.signed_in import Session, signed_in
from console.web.forms import file_of, form_of, texts_in
from console.web.security import UPLOAD_MAX_BYTES, UPLOAD_PATH
from services.statements import Statements, Upload
from wording.statements import balances_words, outcome_words

SHOWN = 500
"""Lines and files on the page; the command line has all."""
Reviewer = Annotated[Session, Depends(signed_in(Role.REVIEWER))]


class StatementPages:
    """``now`` returns the present instant."""

    def __init__(
        self, desk: PageFrame, statements: Statements, ledger: StatementBooks, now: Callable[[], datetime]
    ) -> None:
        self._desk = desk
        self._statements = statements
        self._ledger = ledger
        self._now = now
        self.router = APIRouter(prefix=UPLOAD_PATH)
        self.router.add_api_route("", self.form, response_model=None)
        self.router.add_api_route("", self.take, methods=["POST"], response_model=None, max_body_size=UPLOAD_MAX_BYTES)

    async def form(self, request: Request, session: Reviewer) -> Response:
        return await self._page(session, {"rail": request.query_params.get("rail", "")[:40]})

    async def take(self, request: Request, session: Reviewer) -> Response:
        typed = texts_in(await form_of(request))
        try:
            upload = await _upload(request, typed)
            is_rehearsal = typed.get("rehearse", "") == "1"
            report = await self._statements.take(upload, session.username, self._now(), is_rehearsal)
        except BillingError as error:
            if error.retryable:
                raise
            return await self._page(session, typed, str(error), status=422)
        return await self._page(session, typed, report=report)

    async def _page(
        self,
        session: Session,
        typed: dict[str, str],
        wrong: str = "",
        report: ImportReport | None = None,
        status: int = 200,
    ) -> Response:
        values: dict[str, object] = {
            "typed": dict.fromkeys(("rail", "map", "rehearse"), "") | typed,
            "wrong": wrong,
            "accounts": self._statements.accounts,
            "report": report,
            "balances": balances_words(report) if report else "",
            "outcome_words": outcome_words,
            "shown": SHOWN,
            "files": await self._ledger.statement_files(limit=SHOWN),
        }
        return await self._desk.page("import_statement.html", session, values, section="money", status=status)


async def _upload(request: Request, typed: dict[str, str]) -> Upload:
    """Raises ``InvalidInput``."""
    file = await file_of(request, "file")
    if file is None:
        raise InvalidInput("choose a file: the statement as the bank exports it")
    if (file.size or 0) > FILE_MAX_BYTES:
        raise InvalidInput(too_large(file.size or 0))
    pairs = [pair.strip() for pair in typed.get("map", "").splitlines() if pair.strip()]
    return Upload(file.filename or "", await file.read(), typed.get("rail", ""), mapping_of(pairs) if pairs else None)
