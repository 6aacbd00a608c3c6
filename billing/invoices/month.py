"""One customer's month as a value, and its changes: the draft, the notice, the charge, the outcome.

``Month`` is the whole state of a workflow run. It is carried across continue-as-new, handed to activities and written
to the ledger, so that all of them agree. People's commands are in ``billing/invoices/review.py``.
"""

from datetime import datetime, timedelta

from billing.customers.customer import Customer
from billing.invoices.commands import Delivered
from billing.invoices.invoice import Invoice
from billing.invoices.month_state import MonthState
from billing.invoices.stages import OUTCOMES, Charging, Closed, Notice, Stage
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.period import Period
from billing.progress import Braked, Halted
from billing.trail import carried_over

KEPT_DECISIONS = 100
KEPT_DETAILS = 200
"""The decisions, and the characters of each one's details, that a month keeps once the ledger has them whole."""
_EFFECTIVE_AFTER_RESET = ("close_account", "resume")
"""Commands that take effect, or need none, in a run that starts over from the ledger."""


class Month(MonthState):
    @classmethod
    def open(cls, customer: Customer, period: Period) -> "Month":
        """A month in which nothing has happened yet, with its planned instants."""
        planned = customer.instants(period)
        return cls(customer=customer, period=period, first=True, **dict(planned))

    def next_month(self) -> "Month":
        """The month after this one: it takes over customer and terms, never lines, amounts or decisions."""
        assert self.closed is not None, "a month without an outcome has no successor"
        following = Month.open(self.customer, self.period.next())
        assert following.period > self.period
        answered = tuple(decision.command_id for decision in self.decisions if decision.command_id)
        return following.evolve(
            answered=answered[-KEPT_DECISIONS:],
            first=self.first and not self._billed_sales_minor,
            usual_minor=self._next_usual_minor,
        )

    def with_customer(self, customer: Customer) -> "Month":
        """The month with new customer data; the usual amount is dropped with the currency that it was in."""
        usual_minor = self.usual_minor if customer.currency == self.customer.currency else None
        return self.evolve(customer=customer, usual_minor=usual_minor)

    # -- what happens

    def drafted(self, invoice: Invoice, remark: str | None = None, previous_compared: bool = True) -> "Month":
        """The sales are imported. Reviewers get their whole window from then, however late it is."""
        return self._changed(
            invoice=invoice,
            remark=remark,
            previous_compared=previous_compared,
            trouble=self.failure,
            notice_at=max(self.notice_at, invoice.imported_at + self.customer.terms.min_window),
            alerted_at=self.alerted_at if self.halt else None,
        )

    def alerted(self, now: datetime, is_told: bool = True) -> "Month":
        if self.halt is not None:  # an alert about a halt is always later than the halt
            now = max(now, self.halt.at + timedelta.resolution)
        return self._changed(alerted_at=now if self.waits_for(now) else None, alerts=self.alerts + 1)

    def announcing(self, now: datetime) -> "Month":
        """Fixes the amount and the instant of the charge, or closes the month if there is nothing to charge."""
        assert self.invoice is not None
        assert now >= self.notice_at
        assert not self.stopped
        assert not self._lacks_approval(now)
        if self.nothing_to_charge is not None:
            return self.close(self.nothing_to_charge, now)
        charge_at = self._charge_at_if_announced(now)
        notice = Notice(
            number=self.notices + 1,
            total_minor=self.invoice.total_minor,
            version=self.invoice.version,
            charge_at=charge_at,
        )
        return self._changed(notice=notice, charge_at=charge_at)

    def delivered(self, delivered: Delivered) -> "Month":
        """The notice was sent; the notice period begins then. One without a card is a bill, which closes the month."""
        assert self.notice is not None
        charge_at = max(self.charge_at, delivered.at + self.customer.terms.min_notice)
        notice = self.notice.evolve(delivered_at=delivered.at, charge_at=charge_at)
        announced = self._changed(
            notice=notice,
            notices=notice.number,
            charge_at=charge_at,
            trouble=self.failure,
            alerted_at=self.alerted_at if self.halt else None,
            drift=delivered.drift if delivered.compared else self.drift,
        )
        return announced if self.customer.card else announced.close(Stage.BILLED, delivered.at)

    def begin_charge(self, now: datetime) -> "Month":
        """Freezes the amount. Asserts the promises made to the customer."""
        assert self.invoice is not None
        assert self.notice is not None
        assert self.notice.delivered_at is not None
        assert self.notice.total_minor == self.invoice.total_minor
        assert self.notice.version == self.invoice.version
        assert now >= self.charge_at >= self.notice.charge_at > self.notice.delivered_at
        assert not self.stopped
        return self if self.charging else self._changed(charging=Charging(since=now))

    def braked(self, text: str) -> "Month":
        """The emergency brake has stopped the step that is due. A charge that has begun is ended first."""
        if self.closed is not None:
            return self
        notice = self.notice if self.announced else None  # a notice that was not sent is void
        return self._changed(brake=Braked(text=text), notice=notice, trouble=self.failure)

    def brake_released(self, now: datetime) -> "Month":
        """As after a halt, the month goes on with at least its minimum window."""
        return self._changed(brake=None).unblocked(now) if self.brake and self.charging is None else self

    def charge_ended(self, result: ChargeResult, requested: "Month") -> "Month":
        """The outcome of the charge that began as ``requested``. If the brake has cancelled it before any money moved,
        the charge has not begun, and the next one is of another series of payments.
        """
        assert requested.charging is not None
        is_stopped = requested.brake is not None and requested.charging.cancelled_by is None
        if not is_stopped or result.status is not ChargeStatus.CANCELED:
            return self.charged(result)
        return self._changed(charging=None, series=self.series + 1, trouble=self.failure, alerted_at=None)

    def charged(self, result: ChargeResult) -> "Month":
        """The outcome of the charge is known."""
        outcome = {
            ChargeStatus.SUCCEEDED: Stage.PAID,
            ChargeStatus.DECLINED: Stage.PAST_DUE,
            ChargeStatus.AUTHENTICATION_REQUIRED: Stage.AUTHENTICATION_REQUIRED,
            ChargeStatus.NEEDS_CARD: Stage.NEEDS_CARD,
            ChargeStatus.TOO_SMALL: Stage.CARRIED_FORWARD,
            ChargeStatus.CANCELED: Stage.SKIPPED,
            ChargeStatus.SETTLED: Stage.PAID,
        }[result.status]
        return self.close(outcome, result.at, result)

    def adopt(self, record: "Month") -> "Month":
        """The ledger's ``record``, with the decisions of this run that it lacks; halted if one has lost its effect.

        One may be older than the record's last instant: it came while an activity closed the month.
        """
        instants = [decision.at for decision in record.decisions] + ([record.closed.at] if record.closed else [])
        last = max(instants, default=None)
        later = [
            decision
            for decision in self.decisions
            if last is None or decision.at > last or decision.number > record.decision_count
        ]
        numbered = (decision.evolve(number=record.decision_count + n) for n, decision in enumerate(later, start=1))
        adopted = record.recorded(record.decision_count)
        adopted = adopted.evolve(
            leaving=self.leaving or record.leaving,
            revision=max(self.revision, record.revision) + 1,
            decisions=(*adopted.decisions, *numbered),
            decision_count=record.decision_count + len(later),
        )
        lost = [decision for decision in later if decision.accepted and decision.command not in _EFFECTIVE_AFTER_RESET]
        if not lost or record.closed or record.charging:
            return adopted
        reason = f"the command {lost[-1].command} of {lost[-1].by} went to a run that had been reset; give it again"
        return adopted.evolve(halt=Halted(by="billing", reason=reason, at=lost[-1].at), alerted_at=None)

    def close(self, outcome: Stage, at: datetime, charge: ChargeResult | None = None) -> "Month":
        assert outcome in OUTCOMES
        assert self.closed is None, f"{self.period} is {self.outcome} already"
        closed = Closed(outcome=outcome, at=at, charge=charge)
        return self._changed(closed=closed, trouble=None, brake=None)

    def close_cancelled(self, text: str) -> "Month":
        assert self.outcome in (Stage.NOTHING_DUE, Stage.CARRIED_FORWARD)
        assert self.invoice is not None
        if self.invoice.currency != self.customer.currency:  # the customer has changed since: it stays closed
            return self
        return self._changed(closed=None, brake=Braked(text=text))

    def unblocked(self, now: datetime) -> "Month":
        """The clock runs again, with at least the minimum window left; a notice with an earlier charge date is void."""
        if self.stopped or self.invoice is None or self.charging is not None:
            return self
        least = now + self.customer.terms.min_window
        if not self.announced:  # a notice that is being sent no longer counts: another one follows when it is due
            return self._changed(notice=None, notice_at=max(self.notice_at, least))
        if self.charge_at >= least:
            return self
        return self.notice_void(now).evolve(charge_at=least)

    def notice_void(self, now: datetime) -> "Month":
        """A notice that was sent no longer holds: another one is due at once."""
        return self._changed(notice=None, notice_at=now) if self.notice else self

    def recorded(self, count: int) -> "Month":
        short = (
            decision.evolve(details=decision.details[:KEPT_DETAILS])
            if decision.number <= count and len(decision.details) > KEPT_DETAILS
            else decision
            for decision in self.decisions
        )
        return self.evolve(decisions=tuple(carried_over(tuple(short), count, KEPT_DECISIONS)))
