"""A month as it stands: its fields, and what follows from them: what is due, what stops it, what it waits for.

How it changes is in ``billing/invoices/month.py``.
"""

from datetime import datetime, timedelta

from billing.customers.address import email_key
from billing.customers.customer import Customer, ReviewMode
from billing.invoices.approval_policy import needs_approval
from billing.invoices.commands import Decision
from billing.invoices.invoice import Invoice
from billing.invoices.stages import (
    Approval,
    ApprovalWanted,
    Charging,
    Closed,
    Notice,
    Stage,
    Step,
    TotalTooLarge,
    UnreadableRow,
    stop_of,
)
from billing.model import Code, Count, Few, Instant, Many, Minor, Who, Words
from billing.progress import Due, Durable, Stop

_HANDING_OVER = timedelta(hours=1)
"""A notice that names the earliest charge date still holds if it takes this long to hand it over."""


class MonthState(Durable):
    """A customer's month."""

    customer: Customer
    import_at: Instant
    notice_at: Instant
    charge_at: Instant
    first: bool  # nothing was ever billed to this customer before
    carried_minor: Minor = 0
    invoice: Invoice | None = None
    approval: Approval | None = None
    last_editor: Who | None = None
    editors: Few[Who] = ()  # of what was not approved before: none of them may approve it
    notice: Notice | None = None
    notices: Count = 0
    charging: Charging | None = None
    closed: Closed | None = None
    leaving: Words | None = None  # who closes the account after this month, and why
    usual_minor: Minor | None = None  # the sales of the last month that had any; None: not known, or in other money
    series: Count = 1  # of payments: another one begins when the brake has ended a charge before any money moved
    answered: Few[Code] = ()  # ids of commands that the month before answered
    decisions: Many[Decision] = ()
    decision_count: Count = 0
    drift: Words | None = None  # what the sheet said when it was compared last and the draft does not
    remark: Words | None = None  # what the sheet of the month before says and nobody is billed for
    previous_compared: bool = True  # the draft has the late sales of the month before; else ``remark`` says why not

    @property
    def outcome(self) -> Stage | None:
        """How it ended; None: it has not."""
        return self.closed.outcome if self.closed else None

    @property
    def customer_id(self) -> str:
        return self.customer.customer_id

    @property
    def amount_due(self) -> tuple[int, str]:
        return self.invoice.total_minor if self.invoice else 0, self.customer.currency

    @property
    def trail_count(self) -> int:
        return self.decision_count

    @property
    def import_opens_at(self) -> datetime:
        """When the first of those who share this schedule and zone are collected: the sheet has to be ready by then."""
        return self.customer.terms.schedule.instants(self.period, self.customer.timezone).import_at

    @property
    def _billed_sales_minor(self) -> int:
        """What was sold in this month and went onto an invoice; a skipped month tells nothing, nor does a credit."""
        if self.invoice is None or self.outcome is Stage.SKIPPED:
            return 0
        return max(0, self.invoice.sales_minor)

    @property
    def _next_usual_minor(self) -> int | None:
        if self.invoice is not None and self.invoice.currency != self.customer.currency:
            return None
        return self._billed_sales_minor or self.usual_minor

    @property
    def balance_forward_minor(self) -> int:
        """What the next invoice starts with, in minor units: debt positive, credit negative."""
        if self.outcome is Stage.CARRIED_FORWARD and self.invoice is not None:
            return self.invoice.total_minor
        return self.carried_minor if self.outcome is Stage.SKIPPED else 0

    # -- what is due

    def due(self, now: datetime) -> Due[Step]:
        """The next step at ``now``. Pure: the same month and instant always give the same step."""
        if self.closed is not None:
            return Due(Step.CLOSE, None, "close the month")
        if self.brake and self.charging is None:
            return Due(Step.AWAIT_RELEASE, None, "go on once the emergency brake is released")
        is_waiting = self.waits_for(now) is not None
        remind_at = self._remind_at or now
        if is_waiting and now >= remind_at:
            return Due(Step.ALERT, None, "tell the reviewers")
        if self.invoice is None and self.failure is None:
            if is_waiting and remind_at < self.import_at:
                return Due(None, remind_at, "remind the reviewers")
            return _once(self.import_at, now, Step.IMPORT, "import the sales")
        if self.stopped or self._lacks_approval(now):
            return Due(None, remind_at, "remind the reviewers")
        if self.charging is not None:
            return Due(Step.CHARGE, None, self._charge_ends(self.charging))
        if not self.announced:
            what = "close without a charge" if self.nothing_to_charge else "send the charge notice"
            return _once(self.notice_at, now, Step.NOTIFY, what)
        return _once(self.charge_at, now, Step.CHARGE, "charge the card")

    def _charge_ends(self, charging: Charging) -> str:
        if charging.cancelled_by:
            return "cancel the charge"
        return "end the charge before any money moves" if self.brake else "charge the card"

    @property
    def _remind_at(self) -> datetime | None:
        """When reviewers are told again of what waits for them; a halt also before it delays the customer."""
        if self.alerted_at is None:
            return None
        again_at = self.alerted_at + self.customer.terms.reminder
        if self.halt is None:
            return again_at
        delays_at = self.charge_at if self.announced else self.notice_at
        warn_at = max(delays_at - self.customer.terms.reminder / 2, self.halt.at)
        is_warned = self.alerted_at >= warn_at and self.alerted_at > self.halt.at  # a halt counts as known for a while
        return again_at if is_warned or self.halt.at >= delays_at else min(again_at, warn_at)

    def stage(self, now: datetime) -> Stage:
        """Where the month stands at ``now``."""
        if self.closed is not None:
            return self.closed.outcome
        if self.charging is not None:
            return Stage.UNRESOLVED if self.trouble else Stage.CHARGING
        if self.stopped:
            return Stage.HALTED
        if self.invoice is None:
            return Stage.AWAITING_SALES if self.outage else Stage.SCHEDULED
        if self._lacks_approval(now):
            return Stage.AWAITING_APPROVAL
        return Stage.LAST_CALL if self.announced else Stage.MONITORING

    @property
    def stopped(self) -> Stop | None:
        """Why the clock stands still; None: it runs."""
        if self.halt or self.failure:
            return self.halt or self.failure
        if self.brake and self.charging is None:
            return self.brake
        if self.invoice is None:
            return None
        if self.invoice.problems:
            return UnreadableRow(self.invoice.problems[0])
        if self.invoice.total_minor > self.customer.payment_method.maximum_minor(self.invoice.currency):
            return TotalTooLarge(self.invoice.total)
        return None

    @property
    def stop(self) -> str:
        """A short fingerprint of ``stopped``, by which a command says what it lets go of."""
        return stop_of(self.stopped.text if self.stopped else None)

    def waits_for(self, now: datetime) -> Stop | None:
        """What a person has to see to before the month can go on; None: nothing."""
        if self.stopped:
            return self.stopped
        if self.invoice is not None and self._lacks_approval(now):
            return ApprovalWanted(self.invoice.total, self.invoice.former_rows)
        return self.outage

    @property
    def announced(self) -> bool:
        """The customer has been told the present amount."""
        return self.notice is not None and self.notice.delivered_at is not None

    def _lacks_approval(self, now: datetime) -> bool:
        return now >= self.notice_at and self.awaits_approval

    @property
    def awaits_approval(self) -> bool:
        """The draft is not announced before somebody has approved it, or in review mode manual entered its amount."""
        if self.invoice is None or self.announced or not needs_approval(self):
            return False
        if self.awaits_amount:
            return True
        is_approved = self.approval is not None and self.approval.version == self.invoice.version
        return not is_approved and self.nothing_to_charge is None

    @property
    def awaits_amount(self) -> bool:
        """Its amount is entered by a person, and nobody has yet."""
        return self.customer.terms.review_mode is ReviewMode.MANUAL and self.last_editor is None

    def refuses_approval_by(self, who: str) -> str | None:
        """Why ``who`` cannot approve the draft as it stands; None if they can."""
        if self.invoice is None:
            return f"there is no draft yet; it is made at {self.import_at:%Y-%m-%d %H:%M} UTC"
        if not needs_approval(self):
            return "this draft needs no approval (review mode monitor, and nothing in it demands one)"
        if self.invoice.problems:
            return UnreadableRow(self.invoice.problems[0]).text
        if email_key(who) in map(email_key, self.editors):  # whatever way the name is typed
            return f"{who} has edited this draft since it was approved or collected; somebody else has to approve it"
        if self.awaits_amount:
            return "no amount has been entered yet; add a line first"
        return None

    @property
    def nothing_to_charge(self) -> Stage | None:
        """The outcome if the month needs no charge: nothing due, or an amount that moves to the next invoice."""
        assert self.invoice is not None
        total = self.invoice.total_minor
        if total == 0:
            return Stage.NOTHING_DUE
        minimum_minor = self.customer.payment_method.minimum_minor(self.invoice.currency)
        return Stage.CARRIED_FORWARD if total < minimum_minor else None

    @property
    def planned_charge_at(self) -> datetime:
        """When the card is charged if nobody acts: not before the notice and its period."""
        return self.charge_at if self.announced else self._charge_at_if_announced(self.notice_at)

    def _charge_at_if_announced(self, at: datetime) -> datetime:
        return max(self.charge_at, at + self.customer.terms.min_notice + _HANDING_OVER)


def _once(at: datetime, now: datetime, step: Step, what: str) -> Due[Step]:
    return Due(step, None, what) if now >= at else Due(None, at, what)
