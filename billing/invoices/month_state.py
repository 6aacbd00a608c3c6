"""A month as it stands: what is due, what stops it, what it waits for. Its changes are in ``month.py``."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from billing.customers.address import email_key
from billing.customers.customer import ReviewMode
from billing.invoices.approval_policy import needs_approval
from billing.invoices.month_fields import MonthFields
from billing.invoices.stages import ApprovalWanted, Charging, Stage, Step, TotalTooLarge, UnreadableRow, stop_of
from billing.progress import Due, Stop

_DELIVERY_SLACK = timedelta(hours=1)
"""The notice period is still met if sending takes this long."""


class MonthState(MonthFields):
    def due(self, now: datetime) -> Due[Step]:
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
            return Due(Step.CHARGE, None, self._charging_summary(self.charging))
        if not self.announced:
            return _once(self.notice_at, now, Step.NOTIFY, self._notice_summary)
        return _once(self.charge_at, now, Step.CHARGE, "charge the card")

    @property
    def _notice_summary(self) -> str:
        if self.nothing_to_charge:
            return "close without a charge"
        return "send the charge notice" if self.customer.card else "send the bill"

    def _charging_summary(self, charging: Charging) -> str:
        if charging.cancelled_by:
            return "cancel the charge"
        return "end the charge before any money moves" if self.brake else "charge the card"

    @property
    def _remind_at(self) -> datetime | None:
        """When the reviewers are reminded; of a halt, once more before it delays the notice or the charge."""
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
        """A short fingerprint of ``stopped``, for ``Resume.stopped``."""
        return stop_of(self.stopped.text if self.stopped else None)

    def waits_for(self, now: datetime) -> Stop | None:
        """The matter that needs a person before the month can go on; None: nothing does."""
        if self.stopped:
            return self.stopped
        if self.invoice is not None and self._lacks_approval(now):
            return ApprovalWanted(self.invoice.total, self.invoice.former_rows)
        return self.outage

    @property
    def announced(self) -> bool:
        """Whether a notice of the current amount was delivered."""
        return self.notice is not None and self.notice.delivered_at is not None

    def _lacks_approval(self, now: datetime) -> bool:
        return now >= self.notice_at and self.awaits_approval

    @property
    def awaits_approval(self) -> bool:
        """Whether the draft lacks an approval or, in review mode manual, an amount before it can be announced."""
        if self.invoice is None or self.announced or not needs_approval(self):
            return False
        if self.awaits_amount:
            return True
        is_approved = self.approval is not None and self.approval.version == self.invoice.version
        return not is_approved and self.nothing_to_charge is None

    @property
    def awaits_amount(self) -> bool:
        """Whether a person has yet to enter its amount (review mode manual)."""
        return self.customer.terms.review_mode is ReviewMode.MANUAL and self.last_editor is None

    @property
    def wants_amounts(self) -> bool:
        """Whether people have to enter the draft's amounts now."""
        return self.awaits_amount and self.invoice is not None and self.outcome is None and not self.announced

    def refuses_approval_by(self, approver: str) -> str | None:
        """The reason why ``approver`` cannot approve the draft as it stands; None if they can."""
        if self.invoice is None:
            return f"there is no draft yet; it is made at {self.import_at:%Y-%m-%d %H:%M} UTC"
        if not needs_approval(self):
            return "this draft needs no approval (review mode monitor, and nothing in it demands one)"
        if self.invoice.problems:
            return UnreadableRow(self.invoice.problems[0]).text
        if email_key(approver) in map(email_key, self.editors):  # however the name is typed
            return (
                f"{approver} has edited this draft since it was approved or imported; somebody else has to approve it"
            )
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
    def import_opens_at(self) -> datetime:
        """When the imports of this schedule and time zone begin: the sheet has to be ready by then."""
        return self.customer.terms.schedule.instants(self.period, self.customer.timezone).import_at

    @property
    def planned_charge_at(self) -> datetime:
        """The instant of the charge if nobody acts: never before the end of the notice period."""
        return self.charge_at if self.announced else self._charge_at_if_announced(self.notice_at)

    @property
    def promised_at(self) -> datetime | date | None:
        """When, as the notice says: the instant of the charge, or the day on which a bill is due."""
        if self.notice is None or self.customer.card:
            return self.notice.charge_at if self.notice else None
        return self.notice.charge_at.astimezone(ZoneInfo(self.customer.timezone)).date()

    def _charge_at_if_announced(self, at: datetime) -> datetime:
        return max(self.charge_at, at + self.customer.terms.min_notice + _DELIVERY_SLACK)


def _once(at: datetime, now: datetime, step: Step, summary: str) -> Due[Step]:
    return Due(step, None, summary) if now >= at else Due(None, at, summary)
