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
from billing.invoices.commands import Decision
from billing.invoices.invoice import Invoice
from billing.model import Author, Code, Count, Few, Instant, Many, Minor, Model, Number, Who, Words
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.period import Period
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

_BEFORE_ALL = -1_000_000
"""A revision before any that the ledger may have, however much is said meanwhile."""


class Step(StrEnum):
    """What the workflow has to do next."""

    WAIT = "wait"
    COLLECT = "collect"
    ALERT = "alert"
    AWAIT_RELEASE = "await release"
    NOTIFY = "notify"
    CHARGE = "charge"
    CLOSE = "close"


class Due(NamedTuple):
    """The next step and what it does; with ``WAIT``, what the next one does and when (None: when a person acts)."""

    step: Step
    at: datetime | None = None
    what: str = ""


class Hold(Model):
    """A reviewer's halt."""

    by: Who
    reason: Words
    at: Instant


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


class Month(Model):
    """A customer's month. ``revision`` grows with every change, so that an older record never replaces a newer one."""

    customer: Customer
    period: Period
    import_at: Instant
    notice_at: Instant
    charge_at: Instant
    first: bool  # nothing was ever billed to this customer before
    revision: Number = 0
    carried_minor: Minor = 0
    invoice: Invoice | None = None
    outage: Words = ""  # what failed and is tried again until it works; a person may help
    trouble: Words = ""  # what failed and is not tried again until a person resumes
    hold: Hold | None = None
    approval: Approval | None = None
    last_editor: Author = ""
    editors: Few[Who] = ()  # of what was not approved before: none of them may approve it
    notice: Notice | None = None
    notices: Count = 0
    charging_since: Instant | None = None
    charge: ChargeResult | None = None
    giving_up: Author = ""  # who has given the charge up: its payment is cancelled, unless it has succeeded
    outcome: Stage | None = None
    closed_at: Instant | None = None
    alerted_at: Instant | None = None
    alerts: Count = 0
    leaving: Words = ""
    usual_minor: Minor | None = None  # the sales of the last month that had any; None: not known, or in other money
    brake: Words = ""  # how the emergency brake stopped the month: who pulled it, and why
    series: Count = 1  # of payments: another one begins when the brake has ended a charge before any money moved
    answered: Few[Code] = ()  # ids of commands that the month before answered
    decisions: Many[Decision] = ()
    decision_count: Count = 0
    drift: Words = ""  # what the sheet said when it was compared last and the draft does not
    remark: Words = ""  # what the sheet of the month before says by now and nobody is billed for

    # -- opening

    @classmethod
    def open(cls, customer: Customer, period: Period, carried_minor: int = 0) -> "Month":
        """The month before anything has happened, with its planned instants."""
        planned = customer.instants(period)
        return cls(customer=customer, period=period, carried_minor=carried_minor, first=True, **dict(planned))

    def next_month(self) -> "Month":
        """The month after this one: who and on which terms, and the balance; never lines, amounts or decisions."""
        assert self.outcome is not None, "a month without an outcome has no successor"
        following = Month.open(self.customer, self.period.next(), self.balance_forward_minor)
        assert following.period > self.period
        answered = tuple(decision.command_id for decision in self.decisions if decision.command_id)
        return following.evolve(
            answered=answered[-KEPT_DECISIONS:],
            first=self.first and not self._billed_sales_minor,
            usual_minor=self._next_usual_minor,
        )

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

    def due(self, now: datetime) -> Due:
        """The next step at ``now``. Pure: the same month and instant always give the same step."""
        if self.outcome is not None:
            return Due(Step.CLOSE, None, "close the month")
        if self.brake and self.charging_since is None:
            return Due(Step.AWAIT_RELEASE, None, "go on once the emergency brake is released")
        waiting_for = self.needs_person(now)
        remind_at = self._remind_at or now
        if waiting_for and now >= remind_at:
            return Due(Step.ALERT, None, "tell the reviewers")
        if self.invoice is None and not self.trouble:
            if waiting_for and remind_at < self.import_at:
                return Due(Step.WAIT, remind_at, "remind the reviewers")
            return _once(self.import_at, now, Step.COLLECT, "collect the sales")
        if self.blocked or self._lacks_approval(now):
            return Due(Step.WAIT, remind_at, "remind the reviewers")
        if self.charging_since is not None:
            ending = "give the charge up" if self.giving_up else "end the charge before any money moves"
            return Due(Step.CHARGE, None, ending if self.giving_up or self.brake else "charge the card")
        if not self.announced:
            what = "close without a charge" if self.nothing_to_charge else "send the charge notice"
            return _once(self.notice_at, now, Step.NOTIFY, what)
        return _once(self.charge_at, now, Step.CHARGE, "charge the card")

    @property
    def _remind_at(self) -> datetime | None:
        """When reviewers are told again of what waits for them; a halt also before it delays the customer."""
        if self.alerted_at is None:
            return None
        again_at = self.alerted_at + self.customer.terms.reminder
        if self.hold is None:
            return again_at
        delays_at = self.charge_at if self.announced else self.notice_at
        warn_at = max(delays_at - self.customer.terms.reminder / 2, self.hold.at)
        told = self.alerted_at >= warn_at and self.alerted_at > self.hold.at  # a halt counts as told for a while
        return again_at if told or self.hold.at >= delays_at else min(again_at, warn_at)

    def stage(self, now: datetime) -> Stage:
        """Where the month stands at ``now``."""
        if self.outcome is not None:
            return self.outcome
        if self.charging_since is not None:
            return Stage.UNRESOLVED if self.trouble or self.outage else Stage.CHARGING
        if self.blocked:
            return Stage.HALTED
        if self.invoice is None:
            return Stage.AWAITING_SALES if self.outage else Stage.SCHEDULED
        if self._lacks_approval(now):
            return Stage.AWAITING_APPROVAL
        return Stage.LAST_CALL if self.announced else Stage.MONITORING

    @property
    def blocked(self) -> str:
        """Why the clock stands still, or "" if it runs."""
        if self.hold is not None:
            return f"halted by {self.hold.by}: {self.hold.reason}"
        if self.trouble:
            return self.trouble
        if self.brake and self.charging_since is None:
            return self.brake
        if self.invoice is None:
            return ""
        if self.invoice.problems:
            first = self.invoice.problems[0]
            return f"row {first.source.row} of worksheet {first.source.sheet} cannot be read: {first.reason}"
        if self.invoice.total_minor > self.customer.payment_method.maximum_minor(self.invoice.currency):
            return f"{self.invoice.total} is more than can be charged at once"
        return ""

    @property
    def stop(self) -> str:
        """A short fingerprint of ``blocked``, by which a command says what it lets go of; "" if the clock runs."""
        return stop_of(self.blocked)

    def needs_person(self, now: datetime) -> str:
        """What a person has to do before the month can go on, or "" if nothing."""
        if self.blocked:
            return self.blocked
        if self.invoice is not None and self._lacks_approval(now):
            rows = ", ".join(map(str, self.invoice.former_rows[:5]))
            why = f" (rows under a former address of the customer: {rows})" if rows else ""
            return f"{self.invoice.total} waits for an approval{why}"
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
        return self.customer.terms.review_mode is ReviewMode.MANUAL and not self.last_editor

    def refuses_approval_by(self, who: str) -> str:
        """Why ``who`` cannot approve the draft as it stands; "" if they can."""
        if self.invoice is None:
            return f"there is no draft yet; it is made at {self.import_at:%Y-%m-%d %H:%M} UTC"
        if not needs_approval(self):
            return "this draft needs no approval (review mode monitor, and nothing in it demands one)"
        if self.invoice.problems:
            return self.blocked
        if email_key(who) in map(email_key, self.editors):  # whatever way the name is typed
            return f"{who} has edited this draft since it was approved or collected; somebody else has to approve it"
        if self.awaits_amount:
            return "no amount has been entered yet; add a line first"
        return ""

    @property
    def nothing_to_charge(self) -> Stage | None:
        """The outcome if the month needs no charge: nothing due, or an amount that moves to the next invoice."""
        assert self.invoice is not None
        total = self.invoice.total_minor
        if total == 0:
            return Stage.NOTHING_DUE
        minimum_minor = self.customer.payment_method.minimum_minor(self.invoice.currency)
        return Stage.CARRIED_FORWARD if total < minimum_minor else None

    # -- what happens

    def drafted(self, invoice: Invoice, remark: str = "") -> "Month":
        """The sales are in. Reviewers get their whole window from then, however late it is."""
        return self._changed(
            invoice=invoice,
            remark=remark,
            outage="",
            notice_at=max(self.notice_at, invoice.imported_at + self.customer.terms.min_window),
            alerted_at=self.alerted_at if self.hold else None,
        )

    def delayed(self, reason: str) -> "Month":
        """The step that is due cannot be done for now, because something outside is down. It stays due."""
        return self if self.outcome else self._changed(outage=reason)

    def alerted(self, now: datetime) -> "Month":
        """Reviewers were told what waits for them, if it still does; of a halt always later than it was."""
        if self.hold is not None:
            now = max(now, self.hold.at + timedelta.resolution)
        return self._changed(alerted_at=now if self.needs_person(now) else None, alerts=self.alerts + 1)

    def announcing(self, now: datetime) -> "Month":
        """At the notice instant: fixes amount and charge instant, or ends the month if there is nothing to charge."""
        assert self.invoice is not None
        assert now >= self.notice_at
        assert not self.blocked
        assert not self._lacks_approval(now)
        if self.nothing_to_charge is not None:
            return self.closed(self.nothing_to_charge, now)
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

    def delivered(self, at: datetime, drift: str | None = None) -> "Month":
        """The notice left at ``at``; the notice period is counted from then. ``drift`` None: as known before."""
        assert self.notice is not None
        charge_at = max(self.charge_at, at + self.customer.terms.min_notice)
        notice = self.notice.evolve(delivered_at=at, charge_at=charge_at)
        alerted_at = self.alerted_at if self.hold else None
        return self._changed(
            notice=notice,
            notices=notice.number,
            charge_at=charge_at,
            outage="",
            alerted_at=alerted_at,
            drift=self.drift if drift is None else drift,
        )

    def in_trouble(self, reason: str) -> "Month":
        """Something failed that no retry mends: the clock stands still until a person resumes."""
        return self if self.outcome else self._changed(trouble=reason, outage="", alerted_at=None)

    def charging(self, now: datetime) -> "Month":
        """Freezes the month: from here on its amount cannot change. Asserts the promises made to the customer."""
        assert self.invoice is not None
        assert self.notice is not None
        assert self.notice.delivered_at is not None
        assert self.notice.total_minor == self.invoice.total_minor
        assert self.notice.version == self.invoice.version
        assert now >= self.charge_at >= self.notice.charge_at > self.notice.delivered_at
        assert not self.blocked
        return self if self.charging_since else self._changed(charging_since=now)

    def braked(self, reason: str) -> "Month":
        """The emergency brake has stopped the step that was due. A charge that has begun is ended first."""
        if self.outcome is not None:
            return self
        told = self.notice if self.announced else None  # one that did not leave will not
        return self._changed(brake=reason, notice=told, outage="")

    def released(self, now: datetime) -> "Month":
        """The brake is off: the month goes on with at least its minimum window, as after a halt."""
        return self._changed(brake="").unblocked(now) if self.brake and self.charging_since is None else self

    def ended_before(self, result: ChargeResult) -> "Month":
        """What became of a charge that the brake has stopped: its outcome, or nothing was charged nor can be any more.

        Then it is as if it had not begun; the next one is by another series of payments.
        """
        assert self.brake
        if result.status is not ChargeStatus.CANCELED:
            return self.charged(result)
        return self._changed(charging_since=None, series=self.series + 1, outage="", alerted_at=None)

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
        return self._changed(charge=result).closed(outcome, result.at)

    def forgotten(self, now: datetime) -> "Month":
        """The ledger knows of something in this month that this run does not (it was reset, say; or a step had recorded
        what it did, and was cancelled by a command): asks the ledger again at once, and writes nothing before that.
        """
        kept = {"revision": _BEFORE_ALL, "decisions": self.decisions, "decision_count": self.decision_count}
        again = Month.open(self.customer, self.period, self.carried_minor)
        usual = {"first": self.first, "usual_minor": self.usual_minor, "series": self.series}
        return again.evolve(import_at=now, leaving=self.leaving, **kept, **usual)

    def as_known(self, known: "Month") -> "Month":
        """The month as the ledger has it, with what was said to this run since."""
        instants = [decision.at for decision in known.decisions] + ([known.closed_at] if known.closed_at else [])
        last = max(instants, default=None)
        later = [decision for decision in self.decisions if last is None or decision.at > last]
        numbered = (each.evolve(number=known.decision_count + n) for n, each in enumerate(later, start=1))
        known = known.audited(known.decision_count)
        adopted = known.evolve(
            leaving=self.leaving or known.leaving,
            revision=max(self.revision, known.revision) + 1,
            decisions=(*known.decisions, *numbered),
            decision_count=known.decision_count + len(later),
        )
        lost = [each for each in later if each.accepted and each.command not in ("close_account", "resume")]
        if not lost or known.outcome is not None or known.charging_since is not None:
            return adopted
        reason = f"what {lost[-1].by} said ({lost[-1].command}) was said to a run that had been reset; say it again"
        return adopted.evolve(hold=Hold(by="billing", reason=reason, at=lost[-1].at), alerted_at=None)

    def closed(self, outcome: Stage, now: datetime) -> "Month":
        """The month ends, once and for all."""
        assert outcome in OUTCOMES
        assert self.outcome is None, f"{self.period} is {self.outcome} already"
        return self._changed(outcome=outcome, closed_at=now, trouble="", outage="", brake="")

    def reopened(self, reason: str) -> "Month":
        """The emergency brake has stopped the close of a month without a charge, before anybody knew of it."""
        assert self.outcome in (Stage.NOTHING_DUE, Stage.CARRIED_FORWARD)
        assert self.invoice is not None
        if self.invoice.currency != self.customer.currency:  # the customer has changed since: it remains closed
            return self
        return self._changed(outcome=None, closed_at=None, brake=reason)

    def unblocked(self, now: datetime) -> "Month":
        """The clock runs again, with at least the minimum window left; a notice whose date then fails is void."""
        if self.blocked or self.invoice is None or self.charging_since is not None:
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

    def audited(self, count: int) -> "Month":
        """The ledger has the first ``count`` decisions: of those, only the newest are carried on."""
        short = (
            decision.evolve(details=decision.details[:KEPT_DETAILS])
            if decision.number <= count and len(decision.details) > KEPT_DETAILS
            else decision
            for decision in self.decisions
        )
        return self.evolve(decisions=tuple(carried_over(tuple(short), count, KEPT_DECISIONS)))

    def _changed(self, **changes: object) -> "Month":
        return self.evolve(revision=self.revision + 1, **changes)


def stop_of(reason: str) -> str:
    """The fingerprint of a reason why the clock stands still."""
    return hashlib.sha256(reason.encode()).hexdigest()[:12] if reason else ""


def _once(at: datetime, now: datetime, step: Step, what: str) -> Due:
    return Due(step, None, what) if now >= at else Due(Step.WAIT, at, what)
