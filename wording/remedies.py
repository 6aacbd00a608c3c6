"""The command of each remedy, as it is typed in a shell; what stands in capitals is to be filled in."""

import shlex
from collections.abc import Iterator
from typing import NamedTuple

from billing.money import plain_amount
from billing.remedies import Remedy, RemedyAction

PROGRAM = "python starter.py"


class _Command(NamedTuple):
    """``is_decision``: the command asks who decides, and why."""

    words: str
    is_decision: bool = False
    options: str = ""


_COMMANDS = {
    RemedyAction.START: _Command("start"),
    RemedyAction.START_FROM_FILE: _Command("start", options="--from FILE"),
    RemedyAction.RESTART: _Command("start"),
    RemedyAction.REOPEN: _Command("start", options="--reopen"),
    RemedyAction.CLOSE_ACCOUNT: _Command("close", True),
    RemedyAction.SEND_CARD_LINK: _Command("customers link"),
    RemedyAction.FINISH_REGISTRATIONS: _Command("customers registrations", options="--finish"),
    RemedyAction.SHOW_MONTH: _Command("show"),
    RemedyAction.LIST_MONTHS: _Command("list"),
    RemedyAction.RESUME: _Command("resume", True),
    RemedyAction.APPROVE: _Command("approve", True),
    RemedyAction.CHANGE_LINE: _Command("edit", True),
    RemedyAction.REMOVE_LINES: _Command("edit", True),
    RemedyAction.ADD_LINES: _Command("edit", True),
    RemedyAction.REFRESH: _Command("refresh", True),
    RemedyAction.SKIP: _Command("skip", True),
    RemedyAction.SHOW_COLLECTION: _Command("collections show"),
    RemedyAction.RESUME_COLLECTION: _Command("collections resume", True),
    RemedyAction.RETRY_COLLECTION: _Command("collections retry", True),
    RemedyAction.RECORD_PAYMENT: _Command("collections record-payment", True),
    RemedyAction.WRITE_OFF: _Command("collections write-off", True),
    RemedyAction.RELEASE_BRAKE: _Command("brake off", True),
    RemedyAction.CHECK_COVERAGE: _Command("coverage"),
    RemedyAction.RECONCILE: _Command("reconcile"),
    RemedyAction.RUN_DOCTOR: _Command("doctor"),
}
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
    command = _COMMANDS[remedy.action]
    customer = (remedy.customer_id,) if remedy.customer_id else ()
    period = ("--period", remedy.period) if remedy.period else ()
    by = ("--by", "YOU", "--reason", "WHY") if command.is_decision else ()
    words = (*command.words.split(), *customer, *period, *by, *command.options.split(), *_details(remedy))
    return f"{PROGRAM} {shlex.join(words)}"


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
        case RemedyAction.RECORD_PAYMENT:
            amount = "AMOUNT" if remedy.amount_minor is None else plain_amount(remedy.amount_minor, remedy.currency)
            yield from ("--amount", amount, "--reference", remedy.reference or "REFERENCE")
