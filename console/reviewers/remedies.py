"""Where in the console a remedy is done; of what has no page here, the command is shown."""

from collections.abc import Callable
from urllib.parse import urlencode

from billing.period import Period
from billing.receivables.journal import PaymentName
from billing.remedies import Remedy, RemedyAction
from wording.remedies import command_line

_BY_BUTTON = {RemedyAction.RESTART, RemedyAction.RESUME, RemedyAction.APPROVE, RemedyAction.REFRESH, RemedyAction.SKIP}
_OF_PAYMENT = {RemedyAction.ASSIGN, RemedyAction.REFUND, RemedyAction.SHOW_PAYMENT, RemedyAction.SETTLE_PAYOUT}
_OF_REGISTER = {RemedyAction.SHOW_REGISTER, RemedyAction.TAKE_REGISTER, RemedyAction.CONFIRM_REGISTER}
_OF_ORDER = {RemedyAction.SHOW_ORDER, RemedyAction.RESUME_ORDER, RemedyAction.SEND_ORDER_AGAIN}
_BY_FORM = {RemedyAction.CHANGE_LINE, RemedyAction.REMOVE_LINES, RemedyAction.ADD_LINES}


def remedy_page(remedy: Remedy, period: Period) -> str | None:
    """``period``: of the page that shows the remedy, where a workflow that has ended is started again."""
    if remedy.action is RemedyAction.RELEASE_BRAKE:
        return "/desk/brake"
    if remedy.action is RemedyAction.CONFIRM:
        return "/desk/money"
    if remedy.action in _OF_REGISTER:
        return f"/desk/money/registers/{remedy.rail}/{remedy.day}" if remedy.day else "/desk/money/registers"
    if remedy.action in _OF_ORDER:
        return f"/desk/orders/{remedy.order_number}"
    if remedy.action is RemedyAction.SHOW_SUBSCRIBER:
        return f"/desk/subscribers/{remedy.account}"
    if remedy.action is RemedyAction.SHOW_ANNOUNCEMENT:
        return f"/desk/announcements/{remedy.announcement}"
    if remedy.action in _OF_PAYMENT:
        name = PaymentName.of(remedy.rail, remedy.reference)
        return f"/desk/money/payment?{urlencode(name._asdict())}"
    month = period if remedy.action is RemedyAction.RESTART else remedy.period
    if month is None or remedy.action not in _BY_BUTTON | _BY_FORM | {RemedyAction.SHOW_MONTH}:
        return None
    return f"/desk/{month}/invoices/{remedy.customer_id}"


REMEDY_FILTERS: dict[str, Callable[..., object]] = {"command": command_line, "remedy_page": remedy_page}
