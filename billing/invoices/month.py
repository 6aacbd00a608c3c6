"""One customer's month as a value, and every way it can change: what is due, what is announced, how it ends.

``Month`` is the whole state of a workflow run. It is carried across continue-as-new, handed to activities and written
to the ledger, so that all of them agree. Commands of people are in ``billing/invoices/review.py``.
"""

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from billing.customers.address import email_key
from billing.customers.customer import Customer, ReviewMode
from billing.invoices.approval_policy import needs_approval
from billing.invoices.commands import Decision, Delivered
from billing.invoices.invoice import Invoice, Problem
from billing.model import Code, Count, Few, Instant, Many, Minor, Model, Who, Words
from billing.money import maximum_minor, minimum_minor
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.period import Period
from billing.progress import Braked, Due, Durable, Halted, Stop
from billing.trail import carried_over


class Stage(StrEnum):
    """Where a month stands, as people see it (search attribute ``BillingStage``)."""

    SCHEDULED = "Scheduled"
    AWAITING_SALES = "AwaitingSales"
    MONITORING = "Monitoring"
    AWAITING_APPROVAL = "AwaitingApproval"
    HALTED = "Halted"
    LAST_CALL = "LastCall"
    CHARGING = "Charging"
    UNRESOLVED = "Unresolved"
    PAID = "Paid"
    NOTHING_DUE = "NothingDue"
    CARRIED_FORWARD = "CarriedForward"
    SKIPPED = "Skipped"
    PAST_DUE = "PastDue"
    AUTHENTICATION_REQUIRED = "AuthenticationRequired"
    NEEDS_CARD = "NeedsCard"


OUTCOMES = frozenset(list(Stage)[list(Stage).index(Stage.PAID) :])
"""The stages that end a month; every customer and period reaches exactly one."""


UNPAID_OUTCOMES = frozenset({Stage.PAST_DUE, Stage.AUTHENTICATION_REQUIRED, Stage.NEEDS_CARD})
"""The outcomes that leave an amount to be collected: ``billing/collections/collection.py``."""

KEPT_DECISIONS = 100
KEPT_DETAILS = 200
"""How many decisions, and of each how much detail, a month carries with it once the ledger has them whole."""

_HANDING_OVER = timedelta(hours=1)
"""A notice that names the earliest charge date still holds if it takes this long to hand it over."""


class Step(StrEnum):
    """What the workflow has to do next."""

    IMPORT = "import"
    ALERT = "alert"
    AWAIT_RELEASE = "await release"
    NOTIFY = "notify"
    CHARGE = "charge"
    CLOSE = "close"


class UnreadableRow(NamedTuple):
    """A row of the sheet that is not money; a person edits or removes it."""

    problem: Problem

    @property
    def text(self) -> str:
        source = self.problem.source
        return f"row {source.row} of worksheet {source.sheet} cannot be read: {self.problem.reason}"


class TotalTooLarge(NamedTuple):
    """The total is more than the processor takes in one payment."""

    total: str

    @property
    def text(self) -> str:
        return f"{self.total} is more than can be charged at once"


class ApprovalWanted(NamedTuple):
    """The draft is announced once somebody has approved it. ``former_rows`` are under a former address."""

    total: str
    former_rows: tuple[int, ...]

    @property
    def text(self) -> str:
        rows = ", ".join(map(str, self.former_rows[:5]))
        why = f" (rows under a former address of the customer: {rows})" if rows else ""
        return f"{self.total} waits for an approval{why}"


class Approval(Model):
    """A reviewer's consent to this version of the invoice."""

    by: Who
    version: Count
    at: Instant


class Notice(Model):
    """A charge notice: amount and instant that the customer is told. ``number`` counts those that were delivered."""

    number: Count
    total_minor: Minor
    version: Count
    charge_at: Instant
    delivered_at: Instant | None = None


class Charging(Model):
    """The charge has begun: the amount is frozen, and its outcome has to be known before anything else happens.

    ``cancelled_by``: who wants it cancelled, which it is unless it has succeeded.
    """

    since: Instant
    cancelled_by: Who | None = None


class Closed(Model):
    """How and when the month ended; ``charge`` is the processor's answer, if it was asked."""

    outcome: Stage
    at: Instant
    charge: ChargeResult | None = None


class Month(Durable):
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

    # -- opening

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

    def with_customer(self, customer: Customer) -> "Month":
        """The same month with other data; what was usual in one currency says nothing about another."""
        usual_minor = self.usual_minor if customer.currency == self.customer.currency else None
        return self.evolve(customer=customer, usual_minor=usual_minor)

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
        if self.invoice.total_minor > maximum_minor(self.invoice.currency):
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
        return Stage.CARRIED_FORWARD if total < minimum_minor(self.invoice.currency) else None

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

    @property
    def planned_charge_at(self) -> datetime:
        """When the card is charged if nobody acts: not before the notice and its period."""
        return self.charge_at if self.announced else self._charge_at_if_announced(self.notice_at)

    def _charge_at_if_announced(self, at: datetime) -> datetime:
        return max(self.charge_at, at + self.customer.terms.min_notice + _HANDING_OVER)

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


def stop_of(text: str | None) -> str:
    """The fingerprint of why the clock stands still, or of that it runs."""
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "runs"


def _once(at: datetime, now: datetime, step: Step, what: str) -> Due[Step]:
    return Due(step, None, what) if now >= at else Due(None, at, what)
