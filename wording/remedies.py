"""The command of each remedy, as it is typed in a shell; what stands in capitals is to be filled in."""

import shlex
from collections.abc import Iterator

from billing.money import plain_amount
from billing.remedies import Remedy, RemedyAction

_COMMANDS = {
    RemedyAction.START: "start",
    RemedyAction.START_FROM_FILE: "start --from FILE",
    RemedyAction.RESTART: "start",
    RemedyAction.REOPEN: "start --reopen",
    RemedyAction.SEND_CARD_LINK: "customers link",
    RemedyAction.FINISH_REGISTRATIONS: "customers registrations --finish",
    RemedyAction.SHOW_MONTH: "show",
    RemedyAction.LIST_MONTHS: "list",
    RemedyAction.SHOW_COLLECTION: "collections show",
    RemedyAction.SHOW_PAYMENT: "payments show",
    RemedyAction.SHOW_REGISTER: "payments registers",
    RemedyAction.TAKE_REGISTER: "payments register take FILE",
    RemedyAction.SHOW_ORDER: "orders show",
    RemedyAction.SHOW_SUBSCRIBER: "subscribers show",
    RemedyAction.SHOW_ANNOUNCEMENT: "announcements show",
    RemedyAction.SHOW_TASK: "tasks show",
    RemedyAction.CHECK_COVERAGE: "coverage",
    RemedyAction.RECONCILE: "reconcile",
    RemedyAction.RUN_DOCTOR: "doctor",
}
_DECISIONS = {  # who decides, and why, goes on record
    RemedyAction.CLOSE_ACCOUNT: "close",
    RemedyAction.SETTLE: "customers settle",
    RemedyAction.RESUME: "resume",
    RemedyAction.APPROVE: "approve",
    RemedyAction.CHANGE_LINE: "edit",
    RemedyAction.REMOVE_LINES: "edit",
    RemedyAction.ADD_LINES: "edit",
    RemedyAction.REFRESH: "refresh",
    RemedyAction.SKIP: "skip",
    RemedyAction.RESUME_COLLECTION: "collections resume",
    RemedyAction.RETRY_COLLECTION: "collections retry",
    RemedyAction.RECORD_PAYMENT: "payments record",
    RemedyAction.WRITE_OFF: "collections write-off",
    RemedyAction.ASSIGN: "payments assign",
    RemedyAction.REFUND: "payments refund",
    RemedyAction.SETTLE_PAYOUT: "payments settle",
    RemedyAction.CONFIRM: "payments confirm",
    RemedyAction.CONFIRM_REGISTER: "payments register confirm",
    RemedyAction.RESUME_ORDER: "orders resume",
    RemedyAction.SEND_ORDER_AGAIN: "orders send-again",
    RemedyAction.RELEASE_BRAKE: "brake off",
}
_OF_PAYMENT = frozenset(
    {
        *(RemedyAction.SHOW_PAYMENT, RemedyAction.ASSIGN, RemedyAction.REFUND, RemedyAction.SETTLE_PAYOUT),
        RemedyAction.CONFIRM_REGISTER,
    }
)
_OF_ORDER = frozenset({RemedyAction.SHOW_ORDER, RemedyAction.RESUME_ORDER, RemedyAction.SEND_ORDER_AGAIN})
_TEMPORAL = {
    RemedyAction.UNPAUSE_WORKFLOW: "unpause",
    RemedyAction.SHOW_WORKFLOW: "show",
    RemedyAction.DESCRIBE_WORKFLOW: "describe",
    RemedyAction.TERMINATE_WORKFLOW: "terminate",
}


def command_line(remedy: Remedy) -> str:
    """``python starter.py halt acme --period 2026-10 --by YOU --reason WHY``; words from a sheet are quoted.

    Temporal's own tool reads TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE.
    """
    if verb := _TEMPORAL.get(remedy.action):
        return f"temporal workflow {verb} --workflow-id {shlex.quote(remedy.workflow_id)}"
    words = (_COMMANDS | _DECISIONS)[remedy.action].split()
    customer: tuple[str, ...] = (remedy.customer_id,) if remedy.customer_id else ()
    period: tuple[str, ...] = ("--period", remedy.period) if remedy.period else ()
    if remedy.action is RemedyAction.RECORD_PAYMENT:
        words += ["RAIL", remedy.reference or "REFERENCE"]
        customer, period = ("--customer", remedy.customer_id), ("--month", remedy.period) if remedy.period else ()
    by = ("--by", "YOU", "--reason", "WHY") if remedy.action in _DECISIONS else ()
    if remedy.action in _OF_PAYMENT:
        words += [remedy.rail or "RAIL", remedy.reference or "REFERENCE"]
    if remedy.action in _OF_ORDER:
        words.append(remedy.order_number or "NUMBER")
    if remedy.action is RemedyAction.SHOW_SUBSCRIBER:
        words.append(remedy.account or "NUMBER")
    if remedy.action is RemedyAction.SHOW_ANNOUNCEMENT:
        words.append(str(remedy.announcement))
    if remedy.action is RemedyAction.SHOW_TASK:
        words.append(str(remedy.task))
    if remedy.action is RemedyAction.CONFIRM:
        words.append(remedy.instruction_id or "ID")
    return f"python starter.py {shlex.join((*words, *customer, *period, *by, *_details(remedy)))}"


def _details(remedy: Remedy) -> Iterator[str]:
    match remedy.action:
        case RemedyAction.CHANGE_LINE:
            for line_id in remedy.line_ids or ("LINE",):
                yield from ("--change", f"{line_id}=AMOUNT")
        case RemedyAction.REMOVE_LINES:
            for line_id in remedy.line_ids:
                yield from ("--remove", line_id)
        case RemedyAction.ADD_LINES if not remedy.lines:
            yield from ("--add", "TEXT=AMOUNT")
        case RemedyAction.ADD_LINES:
            for line in remedy.lines:
                yield from ("--add", f"{line.description}={plain_amount(line.amount_minor, remedy.currency)}")
        case RemedyAction.SHOW_REGISTER | RemedyAction.TAKE_REGISTER:
            yield from ("--rail", remedy.rail or "RAIL", "--day", remedy.day or "DAY")
        case RemedyAction.SETTLE_PAYOUT:
            yield from ("--of", "RAIL", "--fee", "AMOUNT")
        case RemedyAction.ASSIGN:
            yield from ("--customer", "CUSTOMER")
        case RemedyAction.RECORD_PAYMENT:
            amount = "AMOUNT" if remedy.amount_minor is None else plain_amount(remedy.amount_minor, remedy.currency)
            yield from ("--amount", amount, "--currency", remedy.currency or "CURRENCY")
