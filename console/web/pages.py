"""Pages: the templates, and the messages when something goes wrong."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from temporalio.exceptions import TemporalError

from billing.errors import BillingError
from billing.payments.mode import MoneyMode
from console.web.processor_links import payment_url
from wording.modes import CUSTOMERS_READ, REVIEWERS_READ

_MAIL = "Please open the link in our last mail, or reply to it."
_UNREADABLE = (
    "We cannot read that",
    f"The address may have been cut off, or your text has characters that we cannot read. {_MAIL}",
)
_UNREADABLE_AT_DESK = (
    "That cannot be read",
    "Nothing was done. Go back and check your text, or the address.",
)
_REFUSALS = {
    400: _UNREADABLE,
    403: ("This did not come from our page", _MAIL),
    404: ("There is nothing here", f"The address may be incomplete. {_MAIL}"),
    410: ("This link has expired", "Reply to our mail, and we will send you a new one."),
    413: ("That is too much", "Please go back and shorten your text."),
    421: ("There is nothing here", f"The address may be incomplete. {_MAIL}"),
    422: _UNREADABLE,
    429: ("Too many tries", "Nothing is wrong with your details. Please try again in an hour, or write to us."),
}
_DESK_REFUSALS = {
    400: _UNREADABLE_AT_DESK,
    403: (
        "You may not do this",
        "Your role does not allow it, or the page was open too long: go back and reload it.",
    ),
    404: ("There is nothing here", "The address may be incomplete."),
    405: ("There is nothing here", "The address may be incomplete."),
    413: (
        "That is too much at once",
        "Nothing was done. Go back, and send less: a smaller file, fewer rows, a shorter text.",
    ),
    422: _UNREADABLE_AT_DESK,
}
_log = logging.getLogger(__name__)


class Pages:
    """``contact`` is the address that customers may write to; in another ``mode`` than live, every page says so."""

    def __init__(self, company: str, contact: str, mode: MoneyMode = MoneyMode.LIVE) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        strips = {"strip": CUSTOMERS_READ[mode], "desk_strip": REVIEWERS_READ[mode]}
        self._templates.globals.update(company=company, contact=contact, **strips)
        self._templates.globals["payment_url"] = partial(payment_url, mode)

    def add_filters(self, filters: Mapping[str, Callable[..., object]]) -> None:
        """Functions that templates may apply."""
        self._templates.filters.update(filters)

    def page(self, template: str, values: dict[str, object], status: int = 200) -> HTMLResponse:
        return HTMLResponse(self._templates.get_template(template).render(values), status)

    def message(self, title: str, *paragraphs: str, status: int, back: str = "") -> HTMLResponse:
        """A page of a few sentences; ``back`` is the address of the page to go on with."""
        values: dict[str, object] = {"title": title, "paragraphs": paragraphs, "back": back, "back_label": "Go back"}
        return self.page("message.html", values, status)

    def card_not_saved(self, back: str) -> HTMLResponse:
        return self.message(
            "This card was not saved",
            "Nothing has changed, and no money has been taken. Please try again, or write to us.",
            status=400,
            back=back,
        )

    def unavailable(self, back: str, status: int = 503) -> HTMLResponse:
        return self.message(
            "We cannot answer right now",
            "Something on our side is not working at the moment. Nothing is lost, and no money is taken twice: "
            "if you were about to pay, you can safely try again.",
            status=status,
            back=back,
        )

    def desk_unavailable(self, why: str, status: int = 503) -> HTMLResponse:
        """For reviewers, with the cause."""
        return self.message(
            "The desk cannot answer right now",
            why,
            "Months go on by themselves meanwhile. Your last decision may have taken effect: check it first.",
            status=status,
        )

    def refusal(self, request: Request, status: int) -> HTMLResponse:
        """A refused request, in words for reviewers or for customers."""
        refusals = _DESK_REFUSALS if _is_of_desk(request) else _REFUSALS
        title, text = refusals.get(status, refusals[404])
        return self.message(title, text, status=status)

    def handle_errors(self, app: FastAPI) -> None:
        """Makes pages of errors: services that are down, unknown addresses, defects of ours."""

        @app.exception_handler(BillingError)
        @app.exception_handler(TemporalError)
        @app.exception_handler(TimeoutError)
        async def unavailable(request: Request, error: Exception) -> HTMLResponse:
            _log.warning("%s: %s", request.scope["endpoint"].__name__, error or type(error).__name__)
            if _is_of_desk(request):
                return self.desk_unavailable(str(error) or "It takes too long.")
            return self.unavailable(_page_of(request))

        @app.exception_handler(RequestValidationError)
        async def unreadable(request: Request, error: RequestValidationError) -> HTMLResponse:
            return self.refusal(request, 422)

        @app.exception_handler(ClientDisconnect)
        async def gone(request: Request, error: ClientDisconnect) -> HTMLResponse:
            return HTMLResponse(status_code=400)  # nobody reads it

        @app.exception_handler(HTTPException)
        async def refused(request: Request, error: HTTPException) -> HTMLResponse:
            return self.refusal(request, error.status_code)

        @app.exception_handler(Exception)
        async def broken(request: Request, error: Exception) -> HTMLResponse:
            if _is_of_desk(request):
                return self.desk_unavailable("This is a defect of ours; the console's log has the details.", status=500)
            return self.unavailable(_page_of(request), status=500)


def _page_of(request: Request) -> str:
    """The customer's page that the request belongs to; a failed POST is not repeated by a reload."""
    token = request.path_params.get("token")
    page = request.url.path.split("/")[1]
    return f"/{page}/{token}" if token else f"/{page}" if page == "register" else ""


def _is_of_desk(request: Request) -> bool:
    return request.url.path.split("/")[1] == "desk"
