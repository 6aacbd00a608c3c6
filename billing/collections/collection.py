"""An amount that was not paid when it was due, as a value: what is tried next, what arrived, how it ends.

``Collection`` is the whole state of a ``PaymentCollection`` workflow, as ``Month`` is that of a month. It knows amounts
due, reminders, tries, payments that arrive, and how it is settled or given up; cards are one way to pay among others.
What people may do to it is in ``billing/collections/commands.py``.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from billing.collections.dunning import FEW_TRIES, MAX_TRIES, CardRemedy, remedy
from billing.customers.customer import Customer
from billing.invoices.commands import Refusal
from billing.invoices.month import Hold, Month
from billing.model import (
    Author,
    Code,
    Count,
    Few,
    Id,
    Instant,
    Line,
    Many,
    Measured,
    Minor,
    Model,
    Number,
    Url,
    Who,
    Why,
    Words,
    cut,
)
from billing.money import format_amount
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.period import Period
from billing.trail import appended, carried_over

KEPT_ENTRIES = 50
"""How many entries of its diary a collection carries with it once the ledger has them."""

_BETWEEN_CONTACTS = timedelta(days=1)
"""After an outage the days that were missed do not all come at once."""


_NEW_CARD = "new card"


class CollectionStage(StrEnum):
    """Where a collection stands, as people see it (search attribute ``BillingStage``)."""

    COLLECTING = "Collecting"
    AWAITING_CARD = "AwaitingCard"
    AWAITING_AUTHENTICATION = "AwaitingAuthentication"
    AWAITING_PAYMENT = "AwaitingPayment"
    UNRESOLVED = "Unresolved"
    HALTED = "Halted"
    AWAITING_PERSON = "AwaitingPerson"
    EXHAUSTED = "Exhausted"
    RECOVERED = "Recovered"
    WRITTEN_OFF = "WrittenOff"

    @property
    def needs_person(self) -> bool:
        """Whether nothing happens by itself, or not soon."""
        return self in (self.UNRESOLVED, self.HALTED, self.AWAITING_PERSON, self.EXHAUSTED)


class CollectionStep(StrEnum):
    """What the workflow has to do next."""

    WAIT = "wait"
    AWAIT_RELEASE = "await release"
    CONTACT = "contact"
    TRY = "try"
    LOOK_UP = "look up"
    RELEASE = "release"
    REMIND = "remind"
    ALERT = "alert"
    CLOSE = "close"


class CollectionDue(NamedTuple):
    """The next step; with ``WAIT``, what the next one does and when (None: when somebody acts)."""

    step: CollectionStep
    at: datetime | None = None
    what: str = ""


class Received(Model):
    """Money that arrived: by the card (``reference`` is the payment's id), or otherwise (a person says so)."""

    reference: Id
    amount_minor: Minor
    at: Instant


class Release(Model):
    """The card's payment is to be given up, so that nobody pays twice, and then this happens: money that ``received``
    otherwise is counted, or the ``customer`` goes on with another card and id, or else the rest is written off.
    """

    by: Who
    reason: Why
    received: Received | None = None
    customer: Customer | None = None


class DiaryEntry(Measured):
    """A line of the diary: what happened, or what a person said and what became of it."""

    number: Count
    at: Instant
    by: Author
    what: Line
    text: Words
    accepted: bool = True
    refusal: Refusal | None = None
    command_id: Code = ""
    content: Code = ""  # the command's fingerprint

    def in_short(self) -> "DiaryEntry":
        """The same with little of its text."""
        return self.evolve(text=cut(self.text, 100))


class Collection(Model):
    """What a customer owes for a month. ``revision`` grows with every change, as a month's does."""

    customer: Customer
    period: Period
    amount_minor: Minor
    currency: Code
    opened_at: Instant
    by_card: bool = True
    series: Count = 1  # of payments: see billing.keys.payment_key
    answer: ChargeResult | None = None  # the processor's last
    revision: Count = 0
    tries: Number = 0  # with this card, without those that people asked for
    contacts: Count = 0  # days of the schedule that have passed
    contacted_at: Instant | None = None
    tried_at: Instant | None = None  # with nobody at our page
    reminders: Count = 0
    reminding: bool = False
    attempt: Words = ""  # why the card is tried now; "" if it is not
    looking: Number = 0  # how often it was said, since the last look, that something may have changed at the processor
    outage: Words = ""
    trouble: Words = ""
    hold: Hold | None = None
    release: Release | None = None
    received: Few[Received] = ()
    alerted_at: Instant | None = None
    alerts: Count = 0
    told_exhausted: bool = False
    untried_card: bool = False  # registered while people had halted the collection
    brake: Words = ""  # how the emergency brake stopped the step that is due: who pulled it, and why
    outcome: CollectionStage | None = None
    closed_at: Instant | None = None
    entries: Many[DiaryEntry] = ()
    entry_count: Count = 0

    @classmethod
    def open(cls, month: Month) -> "Collection":
        """What ``month``, which was not paid, leaves to be collected."""
        assert month.invoice is not None
        assert month.charge is not None
        assert month.closed_at is not None
        return cls(
            customer=month.customer,
            period=month.period,
            amount_minor=month.invoice.total_minor,
            currency=month.invoice.currency,
            opened_at=month.closed_at,
            series=month.series,
            answer=month.charge,
        )

    # -- what is due

    @property
    def outstanding_minor(self) -> int:
        """What is still owed, in minor units; never negative."""
        return max(0, self.amount_minor - sum(each.amount_minor for each in self.received))

    @property
    def outstanding(self) -> str:
        return format_amount(self.outstanding_minor, self.currency)

    @property
    def remedy(self) -> CardRemedy:
        """What would help; of no meaning if it is not paid by card."""
        return remedy(self.answer) if self.answer else CardRemedy.RETRY

    @property
    def retries_by_itself(self) -> bool:
        """Whether the card may be tried again with nobody asking for it."""
        if not self.by_card or self.remedy not in (CardRemedy.RETRY, CardRemedy.RETRY_FEW):
            return False
        return self.tries < (FEW_TRIES if self.remedy is CardRemedy.RETRY_FEW else MAX_TRIES - 1)

    @property
    def payable(self) -> bool:
        """Whether the customer can pay by card right now: nothing else may be moving the money."""
        busy = self.outcome or self.attempt or self.release or self.trouble or self.brake
        return self.by_card and not busy and self.remedy is not CardRemedy.NEW_CARD

    def due(self, now: datetime) -> CollectionDue:
        """The next step at ``now``. Pure: the same collection and instant always give the same step."""
        if self.outcome is not None:
            return CollectionDue(CollectionStep.CLOSE, None, "close the collection")
        remind_at = self._alert_at(now)
        if remind_at is not None and now >= remind_at:
            return CollectionDue(CollectionStep.ALERT, None, "tell the reviewers")
        if self.trouble:
            return CollectionDue(CollectionStep.WAIT, remind_at, "remind the reviewers")
        if self.release is not None:
            return CollectionDue(CollectionStep.RELEASE, None, "give the card's payment up")
        if self.brake and not self.looking:
            return CollectionDue(CollectionStep.AWAIT_RELEASE, None, "go on once the emergency brake is released")
        if self.attempt:  # under the brake too if something has happened: the payment is looked up before it is tried
            return CollectionDue(CollectionStep.TRY, None, self.attempt)
        if self.looking:
            return CollectionDue(CollectionStep.LOOK_UP, None, "look the payment up")
        if self.reminding and self.hold is None:
            return CollectionDue(CollectionStep.REMIND, None, "remind the customer")
        if self.hold is not None or self._asks_for_person:
            return CollectionDue(CollectionStep.WAIT, remind_at, "remind the reviewers")
        contact_at = self.next_contact
        if contact_at is None:
            if self.exhausted(now):
                return CollectionDue(CollectionStep.WAIT, remind_at, "tell the reviewers")
            return CollectionDue(CollectionStep.WAIT, self.give_up_at, "give up")
        if now >= contact_at:
            return CollectionDue(CollectionStep.CONTACT, None, "contact the customer")
        what = "try the card again" if self.retries_by_itself else "remind the customer"
        return CollectionDue(CollectionStep.WAIT, contact_at, what)

    def stage(self, now: datetime) -> CollectionStage:
        """Where the collection stands at ``now``."""
        if self.outcome is not None:
            return self.outcome
        if self.unresolved:
            return CollectionStage.UNRESOLVED
        if self.hold is not None or self.brake:
            return CollectionStage.HALTED
        if self.trouble or self._asks_for_person:
            return CollectionStage.AWAITING_PERSON
        if self.exhausted(now):
            return CollectionStage.EXHAUSTED
        if not self.by_card:
            return CollectionStage.AWAITING_PAYMENT
        waiting = {
            CardRemedy.NEW_CARD: CollectionStage.AWAITING_CARD,
            CardRemedy.AUTHENTICATE: CollectionStage.AWAITING_AUTHENTICATION,
        }
        return waiting.get(self.remedy, CollectionStage.COLLECTING)

    @property
    def unresolved(self) -> bool:
        """Money may be moving, and it is not known whether it did: nothing else may be tried."""
        return bool(self.attempt or self.looking or self.release) and bool(self.outage or self.trouble)

    def exhausted(self, now: datetime) -> bool:
        """Everything that happens by itself has happened: the customer can still pay, and people decide."""
        busy = self.outcome or self.attempt or self.release or self.brake
        return not busy and self.next_contact is None and now >= self.give_up_at

    def needs_person(self, now: datetime) -> str:
        """What a person has to do before the collection can go on, or "" if nothing."""
        if self.waits_for or self.brake:
            return self.waits_for or self.brake
        if self.exhausted(now):
            return f"{self.outstanding} are still owed after all tries and reminders; agree on it, or write it off"
        return ""

    @property
    def waits_for(self) -> str:
        """The same, leaving aside that all tries and reminders may have been used up."""
        if self.hold is not None:
            return f"halted by {self.hold.by}: {self.hold.reason}"
        if self.trouble or self.outage:
            return self.trouble or self.outage
        if self._asks_for_person:
            assert self.answer is not None
            if self.answer.status is not ChargeStatus.DECLINED:
                return f"the payment is {self.answer.status}; look it up at the processor, try it again or write it off"
            code = self.answer.decline_code or self.answer.code or "no code"
            return f"the card was declined with {code}, which we do not know; ask the customer, or try it again"
        return ""

    @property
    def _asks_for_person(self) -> bool:
        return self.by_card and self.remedy is CardRemedy.PERSON and not self.attempt and not self.release

    @property
    def next_contact(self) -> datetime | None:
        """The next day of the schedule; None if there is none left."""
        days = self.customer.terms.dunning_days
        if self.contacts >= len(days):
            return None
        planned = self.opened_at + timedelta(days=days[self.contacts])
        return max([planned, *(last + _BETWEEN_CONTACTS for last in (self.contacted_at, self.tried_at) if last)])

    @property
    def give_up_at(self) -> datetime:
        """When people decide, if nothing has helped."""
        planned = self.opened_at + timedelta(days=self.customer.terms.give_up_days)
        return max(planned, self.contacted_at + _BETWEEN_CONTACTS) if self.contacted_at else planned

    def _alert_at(self, now: datetime) -> datetime | None:
        """When the reviewers are told of what waits for them; None: nothing does, or they know and it is theirs."""
        if not self.needs_person(now) or (self.brake and not self.waits_for):
            return None
        if self.alerted_at is None:
            return now
        if self.waits_for:
            return self.alerted_at + self.customer.terms.reminder
        if self.told_exhausted:
            return None
        return self.alerted_at + self.customer.terms.reminder if self.alerted_at >= self.give_up_at else now

    @property
    def news(self) -> str:
        """How it ended, for the reviewers."""
        if self.outcome is None:
            return ""
        last = f"{self.entries[-1].by or self.entries[-1].what}: {self.entries[-1].text}" if self.entries else ""
        amount = format_amount(self.amount_minor, self.currency)
        told = f"{amount} of {self.customer.customer_id}, {self.period}: {_ENDINGS[self.outcome]}"
        return f"{told}\n{last}" if last else told

    # -- what happens

    def contacting(self, now: datetime) -> "Collection":
        """A day of the schedule has come: the card is tried if that may help, and else the customer is reminded."""
        days = self.customer.terms.dunning_days
        passed = sum(1 for day in days if now >= self.opened_at + timedelta(days=day))
        contacts = max(passed, self.contacts + 1)
        if self.retries_by_itself:
            return self._changed(
                contacts=contacts, contacted_at=now, attempt=f"day {days[contacts - 1]}", tries=self.tries + 1
            )
        return self._changed(contacts=contacts, contacted_at=now, reminding=True)

    def answered(self, result: ChargeResult, asked: "Collection") -> "Collection":
        """The processor's answer to what ``asked`` had tried, looked up or given up."""
        if self.outcome is not None:
            return self
        changed = bool(asked.attempt or self.outage or self.trouble)
        known = self._changed(
            answer=result,
            attempt=_NEW_CARD if _NEW_CARD == self.attempt != asked.attempt else "",  # this answer is of the old one
            looking=self.looking - asked.looking,
            outage="",
            trouble="",
            tried_at=result.at if asked.attempt else self.tried_at,
            alerted_at=None if changed else self.alerted_at,
        )
        if asked.attempt:
            known = known.noted(result.at, "", "tried", f"{asked.attempt}: {result.status} {_code(result)}".strip())
        if result.status is ChargeStatus.SUCCEEDED:
            return known._paid(result)
        if self.release is not None and result.status is ChargeStatus.CANCELED:
            return known.evolve(answer=self.answer)._released(result.at)
        scheduled = self.attempt.startswith("day ")
        return known.evolve(reminding=scheduled or self.reminding)

    def answered_customer(self, result: ChargeResult, asked: "Collection") -> "Collection":
        """The answer to the customer's own try, at our page."""
        text = f"{result.status} {_code(result)}".strip()
        return self.noted(result.at, "the customer", "pays", text).answered(result, asked)

    def _paid(self, result: ChargeResult) -> "Collection":
        received = Received(reference=result.payment_id, amount_minor=self.amount_minor, at=result.at)
        paid = self.evolve(received=(*self.received, received)).noted(result.at, "", "paid", result.payment_id)
        if self.release is not None:
            text = f"{self.release.by} wanted to give it up, but the card has paid"
            if twice := self.release.received:
                amount = format_amount(twice.amount_minor, self.currency)
                text += f": refund {amount}, which has also arrived as {twice.reference}"
            paid = paid.noted(result.at, "", "paid by card", text)
        return paid.closed(CollectionStage.RECOVERED, result.at)

    def _released(self, at: datetime) -> "Collection":
        """No card can pay any more, so what was waiting for that happens."""
        assert self.release is not None
        free, then = self.evolve(release=None), self.release
        if then.customer is not None:
            untried = free.answer and free.answer.evolve(attempt_id="")
            return free.evolve(customer=then.customer, series=self.series + 1, answer=untried).with_new_card()
        if then.received is None:
            return free.closed(CollectionStage.WRITTEN_OFF, at)
        paid = free.evolve(by_card=False, looking=0, received=(*self.received, then.received))
        return paid if paid.outstanding_minor else paid.closed(CollectionStage.RECOVERED, at)

    def with_new_card(self) -> "Collection":
        """The customer's card is another one now: it is tried at once, or once people resume what they halted."""
        halted = self.hold is not None
        attempt = _NEW_CARD if self.by_card and not halted else ""
        return self._changed(attempt=attempt, untried_card=self.by_card and halted, tries=0, trouble="")

    def reminded(self) -> "Collection":
        """The customer has been written to."""
        alerted_at = None if self.outage else self.alerted_at
        return self._changed(reminding=False, reminders=self.reminders + 1, outage="", alerted_at=alerted_at)

    def to_look_up(self) -> "Collection":
        """Somebody says that something has changed at the processor: it is asked, if a card can still pay."""
        return self._changed(looking=self.looking + 1) if self.by_card and not self.outcome else self

    def alerted(self, now: datetime, told: bool = True) -> "Collection":
        """Reviewers were ``told`` what waits for them, if it still does; or that failed, and comes again later."""
        return self._changed(
            alerted_at=now if self.needs_person(now) else None,
            alerts=self.alerts + 1,
            told_exhausted=self.told_exhausted or (told and self.exhausted(now) and not self.waits_for),
        )

    def reachable(self) -> "Collection":
        """The ledger answers: an outage that held up nothing else is over."""
        pending = self.attempt or self.looking or self.release or self.reminding
        return self._changed(outage="", alerted_at=None) if self.outage and not pending else self

    def as_known(self, known: "Collection") -> "Collection":
        """The collection as the ledger has it, for a run that was reset; halted if people said something to this run.

        What they were told may not be so any more, and saying it twice may cost somebody money.
        """
        known = known.recorded(known.entry_count)
        last = max((entry.at for entry in known.entries), default=known.opened_at)
        later = [entry for entry in self.entries if entry.by and entry.accepted and entry.at > last]
        for entry in later:
            known = known.noted(entry.at, entry.by, f"lost: {entry.what}", entry.text, accepted=False)
        if not later or known.outcome is not None:
            return known
        reason = f"what {later[-1].by} said was said to a run that had been reset; look at the diary, and say it again"
        return known._changed(hold=Hold(by="billing", reason=reason, at=later[-1].at), alerted_at=None)

    def delayed(self, reason: str) -> "Collection":
        """The step that is due cannot be done for now, because something outside is down. It stays due."""
        return self if self.outcome else self._changed(outage=reason)

    def braked(self, reason: str, looked: int = 0) -> "Collection":
        """The emergency brake has stopped the step that was due: it stays due until the brake is released.

        A try that it stopped was looked up before; ``looked`` is what is answered by that.
        """
        if self.outcome is not None:
            return self
        stopped = self._changed(brake=reason, outage="", looking=self.looking - looked)
        return stopped.unbegun() if stopped.hold is not None else stopped

    def released(self) -> "Collection":
        """The brake is off."""
        return self._changed(brake="") if self.brake else self

    def unbegun(self) -> "Collection":
        """A try that the brake has stopped, and then people: it does not count, and comes again once they resume."""
        is_new = self.attempt == _NEW_CARD
        counted = int(self.attempt.startswith("day "))
        return self.evolve(attempt="", untried_card=self.untried_card or is_new, tries=self.tries - counted)

    def in_trouble(self, reason: str) -> "Collection":
        """Something failed that no retry mends: it waits for a person."""
        return self if self.outcome else self._changed(trouble=reason, outage="", alerted_at=None)

    def closed(self, outcome: CollectionStage, at: datetime) -> "Collection":
        """It is settled or given up, once and for all."""
        assert outcome in (CollectionStage.RECOVERED, CollectionStage.WRITTEN_OFF)
        assert self.outcome is None
        ended = {
            "attempt": "",
            "looking": 0,
            "reminding": False,
            "outage": "",
            "trouble": "",
            "hold": None,
            "brake": "",
        }
        return self._changed(outcome=outcome, closed_at=at, **ended)

    def noted(self, at: datetime, by: str, what: str, text: str, **more: object) -> "Collection":
        """Adds a line to the diary; ``by`` is "" for what the application did."""
        entry = DiaryEntry.model_validate(
            {"number": self.entry_count + 1, "at": at, "by": by, "what": what, "text": text, **more}
        )
        return self._changed(entries=appended(self.entries, entry), entry_count=entry.number)

    def recorded(self, count: int) -> "Collection":
        """The ledger has the first ``count`` entries: of those, only the newest are carried on."""
        return self.evolve(entries=tuple(carried_over(self.entries, count, KEPT_ENTRIES)))

    def _changed(self, **changes: object) -> "Collection":
        return self.evolve(revision=self.revision + 1, **changes)


class PayOnSession(Model):
    """A customer who is there wants to pay; ``return_url`` is where the bank's page sends them back to."""

    collection: Collection
    return_url: Url


class PaidOnSession(Model):
    """What came of it; they have to go to ``redirect_url`` to authenticate, unless it is ""."""

    result: ChargeResult
    redirect_url: Url = ""


_ENDINGS = {CollectionStage.RECOVERED: "recovered", CollectionStage.WRITTEN_OFF: "written off"}


def _code(result: ChargeResult) -> str:
    return result.decline_code or result.code
