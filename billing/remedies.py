"""Remedies: what a person has to do about a finding or an alert, as a value.

The command line and mails render it as a command (``wording/remedies.py``), the console as a link.
"""

from enum import StrEnum

from billing.model import Code, Count, Few, Id, Line, Minor, Model
from billing.period import Period


class RemedyAction(StrEnum):
    """No value is a word that may be a person's name, because an erasure removes names from stored reports."""

    START = "start_customer"
    START_FROM_FILE = "start_from_file"
    RESTART = "restart_customer"  # the month is there, its workflow is not
    REOPEN = "reopen_account"
    CLOSE_ACCOUNT = "close_account"
    SETTLE = "settle_balance"
    SEND_CARD_LINK = "send_card_link"
    FINISH_REGISTRATIONS = "finish_registrations"
    SHOW_MONTH = "show_month"
    LIST_MONTHS = "list_months"
    RESUME = "resume_month"
    APPROVE = "approve_draft"
    CHANGE_LINE = "change_line"
    REMOVE_LINES = "remove_lines"
    ADD_LINES = "add_lines"
    REFRESH = "refresh_draft"
    SKIP = "skip_month"
    SHOW_COLLECTION = "show_collection"
    RESUME_COLLECTION = "resume_collection"
    RETRY_COLLECTION = "retry_collection"
    RECORD_PAYMENT = "record_payment"
    WRITE_OFF = "write_off"
    SHOW_PAYMENT = "show_payment"
    ASSIGN = "assign_payment"
    REFUND = "refund_payment"
    SETTLE_PAYOUT = "settle_payout"
    CONFIRM = "confirm_instruction"
    SHOW_REGISTER = "show_register"
    TAKE_REGISTER = "take_register"
    CONFIRM_REGISTER = "confirm_register"
    SHOW_ORDER = "show_order"
    RESUME_ORDER = "resume_order"
    SEND_ORDER_AGAIN = "send_order_again"
    SHOW_SUBSCRIBER = "show_subscriber"
    SHOW_ANNOUNCEMENT = "show_announcement"
    SHOW_TASK = "show_task"
    RELEASE_BRAKE = "release_brake"
    CHECK_COVERAGE = "check_coverage"
    RECONCILE = "reconcile_period"
    RUN_DOCTOR = "run_doctor"
    UNPAUSE_WORKFLOW = "unpause_workflow"  # this and the next by Temporal's own tool
    SHOW_WORKFLOW = "show_workflow"
    DESCRIBE_WORKFLOW = "describe_workflow"
    TERMINATE_WORKFLOW = "terminate_workflow"

    def of(self, customer_id: str = "", period: Period | None = None) -> "Remedy":
        """This action for a customer and month."""
        return Remedy(action=self, customer_id=customer_id, period=period)


class ExtraLine(Model):
    """A line that a person adds to an invoice."""

    description: Line
    amount_minor: Minor


class Remedy(Model):
    """An action and its object. A person fills in whatever is open, such as an amount.

    ``currency`` is that of ``amount_minor`` and ``lines``; ``reference`` names a payment that arrived by other means,
    on its ``rail``. ``day`` is that of a bank's register, such as 2026-11-27.
    ``account`` is the number of a service account, ``announcement`` that of planned works, ``task`` that of a task.
    """

    action: RemedyAction
    customer_id: Id = ""
    period: Period | None = None
    line_ids: Few[Code] = ()
    lines: Few[ExtraLine] = ()
    amount_minor: Minor | None = None
    currency: Code = ""
    rail: Code = ""
    reference: Id = ""
    day: Code = ""
    instruction_id: Code = ""
    order_number: Code = ""
    account: Code = ""
    announcement: Count | None = None
    task: Count | None = None
    workflow_id: Id = ""
