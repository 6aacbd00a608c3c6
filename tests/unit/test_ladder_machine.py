"""The machine of collections, on ladders: with bills that are due later, contact hours, promises and restrictions."""

from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from billing.collections.collection import Collection
from billing.collections.stages import CollectionStep
from billing.customers.contact_hours import ContactHours
from billing.customers.ladder import RungAction, parse_ladder
from billing.invoices.month import Month
from tests.unit.living_collection import DEBTS_MAX, Work, days, refusals, schedules
from tests.unit.months import DAY
from tests.unit.test_collection_machine import CollectionMachine

ladders = st.sampled_from(
    [
        "-3 remind, 1 remind sms+mail, 7 warn sms, 14 suspend, 30 disconnect",
        "1 try, 2 remind, 3 try, 5 warn, 6 limit, 10 warn, 12 suspend, 13 disconnect",
        "1 warn, 2 suspend",
        "20 remind, 40 warn, 60 suspend",
        "3 try, 5 try",
    ]
)
hours = st.sampled_from([ContactHours.read(text) for text in ("mon-fri 09:00-20:00", "sun 10:00-10:01")])


class LadderMachine(CollectionMachine):
    @initialize(outcome=refusals, dunning=schedules, ladder=ladders, within=hours)
    def start(
        self,
        outcome: str,
        dunning: tuple[int, ...],
        ladder: str = "1 warn, 2 suspend",
        within: ContactHours | None = None,
    ) -> None:
        self.ladder, self.hours = parse_ladder(ladder), within or ContactHours()
        self.warned: tuple[datetime, int, datetime] | None = None  # since, its day, when it was sent
        self.done: set[tuple[datetime, str]] = set()
        self.begun: tuple[datetime, str] | None = None
        self.in_force: set[RungAction] = set()
        super().start(outcome, dunning)

    def opened(self, month: Month) -> Collection:
        return Collection.open(month, self.ladder, self.hours)

    # -- the workflow

    def look(self) -> None:
        super().look()
        if self.work is not None and self.work.step in (CollectionStep.REMIND, CollectionStep.RESTRICT):
            assert self.hours.allow(self.now, "Europe/Paris"), "in the night"
            assert self.collection.promise is None, "though payment is promised"

    def contact(self) -> None:
        before = self.collection
        assert before.promise is None, "though payment is promised"
        assert self.hours.allow(self.now, "Europe/Paris"), "in the night"
        super().contact()
        begun = self.ladder[self.collection.contacts - 1]
        last = self.ladder[before.contacts - 1] if before.contacts else None
        if last and not last.action.reminds and self.begun == (before.since, last.text):
            assert self.begun in self.done, "a rung that was begun was never done"
        self.begun = (self.collection.since, begun.text)
        for index in range(before.contacts, self.collection.contacts - 1):
            needless = before.next_index(index) != index
            assert needless or (self.ladder[index].action.reminds and begun.action.reminds), "a rung was passed over"
        assert (self.collection.since, begun.text) not in self.done, "a rung was done twice"
        assert begun.action not in self.in_force, "restricted twice"
        if begun.action.restricts:
            assert self.warned is not None, "restricted without a warning"
            since, day, sent_at = self.warned
            assert since == self.collection.since, "warned of what was owed before"
            assert self.now >= sent_at + (begun.day - day) * DAY, "sooner than the warning said"

    def finish(self, outcome: str, result: str) -> None:
        assert self.work is not None
        work = self.work
        if work.step is CollectionStep.BREAK_PROMISE:
            self.work = None
            assert work.asked.promise is not None
            assert self.now >= work.asked.promise.ends_at
            if self.collection.due(self.now).step is CollectionStep.BREAK_PROMISE:
                self.become(self.collection.promise_broken(self.now))
        elif work.step in (CollectionStep.REMIND, CollectionStep.RESTRICT) and self.is_cancelled(work):
            self.work = None  # as ``while_wanted`` does
        elif work.step is CollectionStep.RESTRICT and result in ("done", "lost") and not self.brake_on:
            self.work = None
            self.restrict()
        else:
            reminders = self.collection.reminders
            super().finish(outcome, result)
            if self.collection.reminders > reminders:
                self.note_done()

    def is_cancelled(self, work: Work) -> bool:
        """Something else is due now, or contact hours are over."""
        return self.collection.due(self.now).step is not work.step

    def restrict(self) -> None:
        """As ``CollectionActivities``: the ledger looks at the money, in the transaction that restricts."""
        overdue = [debt for debt in self.collection.debts if debt.opened_at <= self.now and self.owed[debt.period]]
        if not overdue:
            self.become(self.collection.put_off(self.now))
            return
        self.in_force.add(self.collection.rung.action)
        self.become(self.collection.restricted_at(self.now, 1))
        self.note_done()

    def note_done(self) -> None:
        collection = self.collection
        self.done.add((collection.since, collection.rung.text))
        if collection.rung.action is RungAction.WARN:
            self.warned = (collection.since, collection.rung.day, self.now)

    def is_stopped(self, work: Work) -> bool:
        if work.step is CollectionStep.RESTRICT:
            return self.brake_on
        return super().is_stopped(work)

    def become(self, collection: Collection) -> None:
        super().become(collection)
        if collection.restricted is None:
            self.in_force.clear()

    # -- bills and promises

    @precondition(lambda self: len(self.collection.debts) < DEBTS_MAX)
    @rule(outcome=refusals, ahead=st.sampled_from([1, 4, 10]))
    def a_bill_arrives_that_is_due_later(self, outcome: str, ahead: int) -> None:
        self.owes_another_month(outcome, again=False, due_at=self.now + ahead * DAY)

    @rule(ahead=st.integers(-1, 40), by_customer=st.booleans())
    def payment_is_promised(self, ahead: int, by_customer: bool) -> None:
        before = self.collection
        given = {"via": "customer"} if by_customer else {}
        until = (self.now + ahead * DAY).date()
        if not self.say("promise", until=f"{until}", **given):
            return
        after = self.collection.promise
        assert after is not None
        assert after.ends_at > self.now
        assert before.promise is None or after.ends_at > before.promise.ends_at
        if self.collection.next_contact is not None:
            assert self.collection.next_contact >= after.ends_at

    @rule(late=days)
    def nobody_does_anything(self, late: float) -> None:
        self.pass_time(timedelta(days=late))

    @invariant()
    def what_is_in_force_is_known(self) -> None:
        if self.collection.outcome is None and self.in_force:
            assert self.collection.restricted in self.in_force

    @invariant()
    def a_promise_is_about_something(self) -> None:
        if promise := self.collection.promise:
            assert any(debt.period in promise.periods for debt in self.collection.open_debts)


LadderMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=50)
test_ladders_keep_every_promise_whatever_happens_when = LadderMachine.TestCase
