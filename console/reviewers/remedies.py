"""Where in the console a person does what a remedy says: at a page, or by a form of its own; else at a terminal."""

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlencode

from billing.money import plain_amount
from billing.period import Period
from billing.receivables.journal import PaymentName
from billing.remedies import Remedy, RemedyAction
from billing.reviewers.users import Role
from wording.remedies import command_line


class Doing(NamedTuple):
    """A remedy with a form of its own: who may do it, and what it does."""

    role: Role
    effect: str


DOINGS = {
    RemedyAction.START: Doing(Role.APPROVER, "Billing of {customer} begins, or goes on as it stood."),
    RemedyAction.REOPEN: Doing(Role.APPROVER, "The closed account of {customer} is billed again from now on."),
    RemedyAction.RESUME_COLLECTION: Doing(
        Role.REVIEWER, "The collection of {customer} goes on. A failed step is retried."
    ),
    RemedyAction.RETRY_COLLECTION: Doing(Role.APPROVER, "The card of {customer} is tried now."),
    RemedyAction.WRITE_OFF: Doing(
        Role.APPROVER, "Gives up what {customer} still owes. The card's payment is cancelled first."
    ),
    RemedyAction.UNPAUSE_WORKFLOW: Doing(
        Role.ADMINISTRATOR, "The workflow {workflow} goes on. What has become due meanwhile is done at once."
    ),
    RemedyAction.RECONCILE: Doing(
        Role.REVIEWER, "Payments are looked up at Stripe now, and what has one answer is repaired; this takes a while."
    ),
}
_LABELS = {
    RemedyAction.START: "Start billing",
    RemedyAction.RESTART: "Start billing",
    RemedyAction.REOPEN: "Reopen the account",
    RemedyAction.RESUME: "Resume",
    RemedyAction.APPROVE: "Approve",
    RemedyAction.CHANGE_LINE: "Edit the lines",
    RemedyAction.REMOVE_LINES: "Edit the lines",
    RemedyAction.ADD_LINES: "Add the lines",
    RemedyAction.REFRESH: "Refresh the draft",
    RemedyAction.SKIP: "Skip the month",
    RemedyAction.SHOW_MONTH: "Show the month",
    RemedyAction.LIST_MONTHS: "Show the months",
    RemedyAction.SHOW_COLLECTION: "Show the collection",
    RemedyAction.RESUME_COLLECTION: "Resume the collection",
    RemedyAction.RETRY_COLLECTION: "Try the card",
    RemedyAction.RECORD_PAYMENT: "Record a payment",
    RemedyAction.WRITE_OFF: "Write it off",
    RemedyAction.RELEASE_BRAKE: "Release the brake",
    RemedyAction.CHECK_COVERAGE: "Check coverage",
    RemedyAction.RECONCILE: "Compare with Stripe",
    RemedyAction.UNPAUSE_WORKFLOW: "Let it go on",
}
_BY_BUTTON = {RemedyAction.RESTART, RemedyAction.RESUME, RemedyAction.APPROVE, RemedyAction.REFRESH, RemedyAction.SKIP}
_OF_PAYMENT = {RemedyAction.ASSIGN, RemedyAction.REFUND, RemedyAction.SHOW_PAYMENT, RemedyAction.SETTLE_PAYOUT}
_OF_REGISTER = {RemedyAction.SHOW_REGISTER, RemedyAction.TAKE_REGISTER, RemedyAction.CONFIRM_REGISTER}
_OF_ORDER = {RemedyAction.SHOW_ORDER, RemedyAction.RESUME_ORDER, RemedyAction.SEND_ORDER_AGAIN}
_BY_FORM = {RemedyAction.CHANGE_LINE, RemedyAction.REMOVE_LINES, RemedyAction.ADD_LINES}
_OF_MONTH = _BY_BUTTON | _BY_FORM | {RemedyAction.SHOW_MONTH, RemedyAction.SHOW_COLLECTION, RemedyAction.CLOSE_ACCOUNT}
_HERE = {RemedyAction.RESTART, RemedyAction.CLOSE_ACCOUNT}
"""Without a month of their own: the page of the month that is looked at has the button."""


def remedy_page(remedy: Remedy, period: Period) -> str | None:
    """``period``: of the page that shows the remedy. None: it is done at a terminal."""
    if remedy.action in DOINGS:
        return f"/desk/{period}/coverage/remedy?{urlencode(_named(remedy))}"
    if remedy.action is RemedyAction.RELEASE_BRAKE:
        return "/desk/brake"
    if remedy.action is RemedyAction.CONFIRM:
        return "/desk/money"
    if remedy.action is RemedyAction.CHECK_COVERAGE:
        return f"/desk/{remedy.period or period}/coverage"
    if remedy.action is RemedyAction.LIST_MONTHS:
        return f"/desk/{period}/invoices?{urlencode({'search': remedy.customer_id})}"
    if remedy.action is RemedyAction.RECORD_PAYMENT:
        return f"/desk/money/record?{urlencode(_payment(remedy))}"
    if remedy.action in _OF_REGISTER:
        return f"/desk/money/registers/{remedy.rail}/{remedy.day}" if remedy.day else "/desk/money/registers"
    if remedy.action in _OF_ORDER:
        return f"/desk/orders/{remedy.order_number}"
    if remedy.action is RemedyAction.SHOW_SUBSCRIBER:
        return f"/desk/subscribers/{remedy.account}"
    if remedy.action is RemedyAction.SHOW_ANNOUNCEMENT:
        return f"/desk/announcements/{remedy.announcement}"
    if remedy.action is RemedyAction.SHOW_TASK:
        return f"/desk/tasks/{remedy.task}"
    if remedy.action in _OF_PAYMENT:
        name = PaymentName.of(remedy.rail, remedy.reference)
        return f"/desk/money/payment?{urlencode(name._asdict())}"
    month = period if remedy.action in _HERE else remedy.period
    if month is None or remedy.action not in _OF_MONTH:
        return None
    return f"/desk/{month}/invoices/{remedy.customer_id}{_PLACES.get(remedy.action, '')}"


_PLACES = {RemedyAction.REFRESH: "?compare=1#sheet", **dict.fromkeys(_BY_FORM, "/edit#lines")}
"""Where on the page of a month it is done."""


def remedy_label(remedy: Remedy) -> str:
    return _LABELS.get(remedy.action, remedy.action.replace("_", " ").capitalize())


def remedy_role(remedy: Remedy) -> Role:
    """Who may follow the link: whoever may do what is there, or look at it."""
    doing = DOINGS.get(remedy.action)
    return doing.role if doing else Role.VIEWER


def _named(remedy: Remedy) -> dict[str, str]:
    """What an address tells of a remedy."""
    values = {
        "action": remedy.action,
        "customer": remedy.customer_id,
        "month": remedy.period or "",
        "workflow": remedy.workflow_id,
    }
    return {name: str(value) for name, value in values.items() if value}


def _payment(remedy: Remedy) -> dict[str, str]:
    values = {"customer": remedy.customer_id, "month": remedy.period or "", "currency": remedy.currency}
    if remedy.amount_minor is not None:
        values["amount"] = plain_amount(remedy.amount_minor, remedy.currency)
    return {name: str(value) for name, value in values.items() if value}


REMEDY_FILTERS: dict[str, Callable[..., object]] = {
    "command": command_line,
    "remedy_page": remedy_page,
    "remedy_label": remedy_label,
    "remedy_role": remedy_role,
}
