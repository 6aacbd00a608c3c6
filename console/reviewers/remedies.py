"""Where in the console a remedy is done; of what has no page here, the command is shown."""

from collections.abc import Callable
from typing import NamedTuple

from billing.period import Period
from billing.remedies import Remedy, RemedyAction
from console.reviewers.invoice import actions
from console.reviewers.wording import month_words
from wording.remedies import command_line

_ON_INVOICE_PAGE = {
    RemedyAction.SHOW_MONTH: "See the month",
    RemedyAction.RESTART: actions.START.label,
    RemedyAction.RESUME: actions.RESUME.label,
    RemedyAction.APPROVE: actions.APPROVE.label,
    RemedyAction.CHANGE_LINE: "Edit the lines",
    RemedyAction.REMOVE_LINES: "Edit the lines",
    RemedyAction.ADD_LINES: "Add a line",
    RemedyAction.REFRESH: actions.REFRESH.label,
    RemedyAction.SKIP: actions.SKIP.label,
}


class RemedyLink(NamedTuple):
    path: str
    label: str


def remedy_link(remedy: Remedy, period: Period) -> RemedyLink | None:
    """``period``: of the page that shows the remedy, where a workflow that has ended is started again."""
    if remedy.action is RemedyAction.RELEASE_BRAKE:
        return RemedyLink("/desk/brake", "Release the brake")
    if remedy.action is RemedyAction.CHECK_COVERAGE and remedy.period:
        return RemedyLink(f"/desk/{remedy.period}/coverage", f"Coverage of {month_words(remedy.period)}")
    month = period if remedy.action is RemedyAction.RESTART else remedy.period
    if month is None or remedy.action not in _ON_INVOICE_PAGE:
        return None
    return RemedyLink(f"/desk/{month}/invoices/{remedy.customer_id}", _ON_INVOICE_PAGE[remedy.action])


REMEDY_FILTERS: dict[str, Callable[..., object]] = {"command": command_line, "remedy_link": remedy_link}
