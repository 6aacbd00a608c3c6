"""One customer's month as a value, and every way it can change: what is due, what is announced, how it ends.

``Month`` is the whole state of a workflow run. It is carried across continue-as-new, handed to activities and written
to the ledger, so that all of them agree. Commands of people are in ``billing/invoices/review.py``.
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
"""How many decisions, and of each how much detail, a month carries with it once the ledger has them whole."""


class Month(MonthState):
    """A customer's month, and every way in which it can change."""

    @classmethod
    def open(cls, customer: Customer, period: Period, carried_minor: int = 0) -> "Month":
        """The month before anything has happened, with its planned instants."""
        planned = customer.instants(period)
        return cls(customer=customer, period=period, carried_minor=carried_minor, first=True, **dict(planned))

    def next_month(self) -> "Month":
        """The month after this one: who and on which terms, and the balance; never lines, amounts or decisions."""
        assert self.closed is not None, "a month without an outcome has no successor"
        following = Month.open(self.customer, self.period.next(), self.balance_forward_minor)
        assert following.period > self.period
        answered = tuple(decision.command_id for decision in self.decisions if decision.command_id)
        return following.evolve(
            answered=answered[-KEPT_DECISIONS:],
            first=self.first and not self._billed_sales_minor,
            usual_minor=self._next_usual_minor,
        )

    def with_customer(self, customer: Customer) -> "Month":
        """The same month with other data; what was usual in one currency says nothing about another."""
        usual_minor = self.usual_minor if customer.currency == self.customer.currency else None
        return self.evolve(customer=customer, usual_minor=usual_minor)

    # -- what happens

    def drafted(self, invoice: Invoice, remark: str | None = None, previous_compared: bool = True) -> "Month":
        """The sales are in. Reviewers get their whole window from then, however late it is."""
        return self._changed(
            invoice=invoice,
            remark=remark,
            previous_compared=previous_compared,
            trouble=self.failure,
            notice_at=max(self.notice_at, invoice.imported_at + self.customer.terms.min_window),
            alerted_at=self.alerted_at if self.halt else None,
        )

    def alerted(self, now: datetime, is_told: bool = True) -> "Month":
        """Reviewers were told what waits for them, if it still does; of a halt always later than it was."""
        if self.halt is not None:
            now = max(now, self.halt.at + timedelta.resolution)
        return self._changed(alerted_at=now if self.waits_for(now) else None, alerts=self.alerts + 1)

    def announcing(self, now: datetime) -> "Month":
        """At the notice instant: fixes amount and charge instant, or ends the month if there is nothing to charge."""
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
        """The notice has left; the notice period is counted from then."""
        assert self.notice is not None
        charge_at = max(self.charge_at, delivered.at + self.customer.terms.min_notice)
        notice = self.notice.evolve(delivered_at=delivered.at, charge_at=charge_at)
        return self._changed(
            notice=notice,
            notices=notice.number,
            charge_at=charge_at,
            trouble=self.failure,
            alerted_at=self.alerted_at if self.halt else None,
            drift=delivered.drift if delivered.compared else self.drift,
        )

    def begin_charge(self, now: datetime) -> "Month":
        """Freezes the month: from here on its amount cannot change. Asserts the promises made to the customer."""
        assert self.invoice is not None
        assert self.notice is not None
        assert self.notice.delivered_at is not None
        assert self.notice.total_minor == self.invoice.total_minor
        assert self.notice.version == self.invoice.version
        assert now >= self.charge_at >= self.notice.charge_at > self.notice.delivered_at
        assert not self.stopped
        return self if self.charging else self._changed(charging=Charging(since=now))

    def braked(self, text: str) -> "Month":
        """The emergency brake has stopped the step that was due. A charge that has begun is ended first."""
        if self.closed is not None:
            return self
        notice = self.notice if self.announced else None  # one that did not leave will not
        return self._changed(brake=Braked(text=text), notice=notice, trouble=self.failure)

    def brake_released(self, now: datetime) -> "Month":
        """The brake is off: the month goes on with at least its minimum window, as after a halt."""
        return self._changed(brake=None).unblocked(now) if self.brake and self.charging is None else self

    def charge_ended(self, result: ChargeResult, asked: "Month") -> "Month":
        """The outcome of the charge that ``asked`` wanted; or, if the brake had stopped it, nothing was charged nor can
        be any more. Then it is as if it had not begun; the next one is by another series of payments.
        """
        assert asked.charging is not None
        is_stopped = asked.brake is not None and asked.charging.cancelled_by is None
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
        }[result.status]
        return self.close(outcome, result.at, result)

    def adopt(self, known: "Month") -> "Month":
        """The month as the ledger has it, with what was said to this run since."""
        instants = [decision.at for decision in known.decisions] + ([known.closed.at] if known.closed else [])
        last = max(instants, default=None)
        later = [decision for decision in self.decisions if last is None or decision.at > last]
        numbered = (decision.evolve(number=known.decision_count + n) for n, decision in enumerate(later, start=1))
        known = known.recorded(known.decision_count)
        adopted = known.evolve(
            leaving=self.leaving or known.leaving,
            revision=max(self.revision, known.revision) + 1,
            decisions=(*known.decisions, *numbered),
            decision_count=known.decision_count + len(later),
        )
        lost = [decision for decision in later if decision.accepted and decision.command not in _TAKEN_OVER]
        if not lost or known.closed or known.charging:
            return adopted
        reason = f"what {lost[-1].by} said ({lost[-1].command}) was said to a run that had been reset; say it again"
        return adopted.evolve(halt=Halted(by="billing", reason=reason, at=lost[-1].at), alerted_at=None)

    def close(self, outcome: Stage, at: datetime, charge: ChargeResult | None = None) -> "Month":
        """The month ends, once and for all."""
        assert outcome in OUTCOMES
        assert self.closed is None, f"{self.period} is {self.outcome} already"
        closed = Closed(outcome=outcome, at=at, charge=charge)
        return self._changed(closed=closed, trouble=None, brake=None)

    def close_cancelled(self, text: str) -> "Month":
        """The emergency brake has stopped the close of a month without a charge, before anybody knew of it."""
        assert self.outcome in (Stage.NOTHING_DUE, Stage.CARRIED_FORWARD)
        assert self.invoice is not None
        if self.invoice.currency != self.customer.currency:  # the customer has changed since: it remains closed
            return self
        return self._changed(closed=None, brake=Braked(text=text))

    def unblocked(self, now: datetime) -> "Month":
        """The clock runs again, with at least the minimum window left; a notice whose date then fails is void."""
        if self.stopped or self.invoice is None or self.charging is not None:
            return self
        least = now + self.customer.terms.min_window
        if not self.announced:  # a notice that is on its way no longer counts: another one follows when it is due
            return self._changed(notice=None, notice_at=max(self.notice_at, least))
        if self.charge_at >= least:
            return self
        return self.notice_void(now).evolve(charge_at=least)

    def notice_void(self, now: datetime) -> "Month":
        """What the customer was told no longer holds: a new notice goes out at once."""
        if self.notice is None:
            return self
        return self._changed(notice=None, notice_at=now)

    def recorded(self, count: int) -> "Month":
        """The ledger has the first ``count`` decisions: of those, only the newest are carried on."""
        short = (
            decision.evolve(details=decision.details[:KEPT_DETAILS])
            if decision.number <= count and len(decision.details) > KEPT_DETAILS
            else decision
            for decision in self.decisions
        )
        return self.evolve(decisions=tuple(carried_over(tuple(short), count, KEPT_DECISIONS)))


_TAKEN_OVER = ("close_account", "resume")
"""Commands whose effect outlives a run that is restarted from the ledger, or that have none then."""
