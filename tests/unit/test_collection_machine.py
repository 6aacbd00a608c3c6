"""A machine that lives through collections as the workflow does, with people, outages and slow work at random times.

It keeps a processor of its own, where money really moves, and holds every collection against it.
"""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from billing.collections.collection import Collection
from billing.collections.commands import COLLECTION_COMMANDS, decide
from billing.collections.debt import Debt
from billing.collections.dunning import MAX_TRIES, CardRemedy, remedy
from billing.collections.stages import CollectionStage, CollectionStep, Counted, NewCardTry, Purpose, ScheduledTry, Try
from billing.collections.summary import summary
from billing.commands import parse_command
from billing.invoices.month import Month
from billing.payments.methods import CardOnFile
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.period import Period
from tests.unit.collection_processor import OPEN, Processor
from tests.unit.months import DAY, charging

DEBTS_MAX = 3
STEPS_WITHOUT_TIME = 12 * DEBTS_MAX
"""More steps than this at one instant, with nobody acting, would be an endless loop."""
MOVING = (CollectionStep.TRY, CollectionStep.LOOK_UP, CollectionStep.RELEASE)

answers = st.sampled_from(
    [
        *["insufficient_funds"] * 4,
        "do_not_honor",
        "stolen_card",
        "a_code_of_next_year",
        "succeeded",
        "authentication_required",
        "needs_card",
    ]
)
refusals = answers.filter(lambda outcome: outcome != "succeeded")
which = st.integers(0, DEBTS_MAX - 1)
seldom = st.integers(0, 5).map(lambda drawn: drawn == 0)
schedules = st.sampled_from([(3, 5, 7, 14), (), (1, 2, 3, 4, 5, 6, 7), (20,)])
days = st.sampled_from([0, 0.001, 0.5, 1, 3, 10])


class Work(NamedTuple):
    """An activity on its way: for what (None: the customer pays ``period``), from which collection."""

    step: CollectionStep | None
    asked: Collection
    period: Period

    @property
    def debt(self) -> Debt:
        debt = self.asked.debt(self.period)
        assert debt is not None
        return debt

    @property
    def tried(self) -> str:
        """The last attempt whose answer it knows."""
        assert self.debt.answer is not None
        return self.debt.answer.attempt_id


class CollectionMachine(RuleBasedStateMachine):
    collection: Collection

    @initialize(outcome=refusals, dunning=schedules)
    def start(self, outcome: str, dunning: tuple[int, ...]) -> None:
        self.noted_twice = dict[Period, bool]()
        self.owed = dict[Period, int]()  # by the ledger; it knows of the card's payments by webhooks
        self.least_owed = dict[Period, int]()  # at any time
        self.charged = set[Period]()
        self.untold = False  # money has arrived of which the collection does not know
        self.processors = dict[Period, Processor]()
        self.own_tries: Counter[Period] = Counter()
        self.webhooks: list[Period] = []
        month = charging(12_000, terms={"dunning_days": dunning})
        self.now = month.charge_at
        self.collection = self.opened(self.unpaid(month, outcome))
        self.work: Work | None = None  # of the workflow's loop
        self.found: ChargeResult | None = None  # what it will answer, if it has reached the processor by now
        self.paying: Work | None = None  # of the customer
        self.steps = 0
        self.attempts_before_halt: dict[Period, Try | None] = {}
        self.contacted_at: datetime | None = None
        self.reminded_at: datetime | None = None
        self.alerted_at: datetime | None = None
        self.brake_on = False

    def opened(self, month: Month) -> Collection:
        return Collection.open(month)

    def unpaid(self, month: Month, outcome: str) -> Month:
        """The month, closed because its charge was refused."""
        first = ChargeResult(status=ChargeStatus.DECLINED, at=self.now, attempt_id="ch_0")
        assert month.invoice is not None
        self.owed[month.period] = self.least_owed[month.period] = month.invoice.total_minor
        self.charged.discard(month.period)
        processor = self.processors[month.period] = Processor(first)
        return month.charged(processor.tries(1, "ch_0", outcome, self.now))

    def become(self, collection: Collection) -> None:
        """Every change of a collection comes through here."""
        old = self.collection
        assert collection == old or collection.revision > old.revision
        for debt in collection.debts:
            before = old.debt(debt.period)
            if before is not None and before.settled:
                ended = {"settled", "paid_by", "paid_otherwise_minor", "answer"}
                assert debt.model_dump(include=ended) == before.model_dump(include=ended), "settled twice"
            elif debt.settled:
                self.noted_twice[debt.period] = "what is too much is credit" in collection.news_of(debt)
            elif before is not None and debt.series > before.series and debt.method != before.method:
                self.own_tries[debt.period] = 0  # another card
        self.collection = collection

    # -- the workflow

    def look(self) -> None:
        """One turn of ``PaymentCollection._loop``."""
        assert self.work is None
        collection, due = self.collection, self.collection.due(self.now)
        assert due == collection.due(self.now)
        if due.step is CollectionStep.AWAIT_RELEASE:
            assert collection.brake
            assert not any(collection.payable(debt) for debt in collection.open_debts)
            if not self.brake_on:
                self.become(collection.brake_released(self.now))
                assert not self.collection.brake
            return
        if due.step is None:
            assert due.at is None or due.at > self.now
            if due.at is None:
                assert collection.exhausted(self.now), "it sleeps for ever"
                assert self.alerted_at is not None, "people decide, but nobody has told them"
                assert self.alerted_at >= collection.give_up_at
            return
        if due.step is CollectionStep.CLOSE or (due.step in MOVING and self.paying is not None):
            return
        self.steps += 1
        assert self.steps <= STEPS_WITHOUT_TIME, f"{due.step} again and again"
        is_harmless = due.step in (CollectionStep.ALERT, CollectionStep.COUNT)
        assert not collection.failure or is_harmless, "a failure waits for a person"
        if due.step is CollectionStep.CONTACT:
            self.contact()
            return
        if due.step is CollectionStep.REMIND:
            assert collection.halt is None, "a halted collection reminds nobody"
            assert self.reminded_at is None or self.now >= self.reminded_at + DAY, "twice on one day"
        if due.step is CollectionStep.TRY:
            self.begin_try()
        self.work = Work(due.step, collection, (collection.acting or collection.debts[0]).period)

    def contact(self) -> None:
        before = self.collection
        assert before.halt is None
        assert not before.unresolved
        assert self.contacted_at is None or self.now >= self.contacted_at + DAY
        self.contacted_at = self.now
        self.become(before.contacting(self.now))
        assert self.collection.reminding
        for debt in self.collection.open_debts:
            self.own_tries[debt.period] += bool(debt.attempt)
            assert self.own_tries[debt.period] < MAX_TRIES

    def begin_try(self) -> None:
        collection, debt = self.collection, self.collection.acting
        assert debt is not None
        assert debt.answer is not None
        assert debt.by_card
        assert debt.release is None
        assert debt.method
        assert debt.method.card_id == collection.customer.card_on_file.card_id, "the card was replaced"
        helps = remedy(debt.answer)
        if not isinstance(debt.attempt, NewCardTry):
            assert helps not in (CardRemedy.NEW_CARD, CardRemedy.AUTHENTICATE), "the bank forbids another try"
        if isinstance(debt.attempt, ScheduledTry):
            assert helps is not CardRemedy.PERSON
            assert collection.halt is None or debt.attempt == self.attempts_before_halt.get(debt.period)
        assert not (collection.brake and collection.halt), "halted before it had begun"

    def finish(self, outcome: str, result: str) -> None:
        """The activity on its way ends: done, lost (it was done, but nobody knows), down or refused for good."""
        assert self.work is not None
        work, self.work = self.work, None
        if work.step is CollectionStep.ALERT:
            self.alerted_at = self.now
            return self.become(self.collection.alerted(self.now))
        if work.step is CollectionStep.SETTLE:
            return self.become(self.collection.told(work.asked))
        if work.step is CollectionStep.COUNT and result in ("done", "lost"):
            return self.become(self.collection.counted(self.count(work.asked), work.asked))
        if work.step is CollectionStep.COUNT and result == "refused":
            return self.become(self.collection.failed("it was refused").uncounted(work.asked))
        if work.step is CollectionStep.REMIND and result in ("done", "lost") and not self.brake_on:
            if any(self.has_less(debt) for debt in work.asked.open_debts):
                return self.become(self.collection.to_count())
            self.reminded_at = self.now
            return self.become(self.collection.reminded(self.now))
        answer, self.found = self.found, None
        if answer is None and self.is_stopped(work):
            debt = self.collection.debt(work.period)
            if work.step is CollectionStep.REMIND or (debt and debt.release is None):
                self.counting(self.collection.braked("ann: stop").looked_up(work.asked))
            return None
        if answer is None and self.finds_less(work):
            return self.become(self.collection.to_count())
        if answer is None and work.step in MOVING and result in ("done", "lost"):
            answer = self.answer(work, outcome)
        if answer is not None and result == "done":
            return self.become(self.collection.answered(answer, work.asked))
        if result == "refused":
            return self.become(self.collection.failed("it was refused"))
        self.become(self.collection.delayed("SalesUnavailable", "the server is down"))

    def count(self, asked: Collection) -> Counted:
        """As ``CollectionActivities.count_owed``."""
        owed_minor = {debt.period: self.owed[debt.period] for debt in asked.open_debts}
        return Counted(at=self.now, owed_minor=owed_minor, charged=tuple(self.charged & owed_minor.keys()))

    def has_less(self, debt: Debt) -> bool:
        return self.owed[debt.period] < debt.outstanding_minor

    def finds_less(self, work: Work) -> bool:
        """A try that would charge what is not owed any more is not made."""
        is_try = work.step in (CollectionStep.TRY, None)
        return is_try and self.would_try(work) and self.owed[work.period] < work.debt.amount_minor

    def counting(self, after: Collection) -> None:
        """Tries that have not begun do not count."""
        for debt in self.collection.open_debts:
            changed = after.debt(debt.period)
            assert changed is not None
            self.own_tries[debt.period] -= debt.tries - changed.tries
        self.become(after)

    def is_stopped(self, work: Work) -> bool:
        """What the activities find out: a try looks the payment up first, and is stopped only if it would try."""
        if not self.brake_on or work.step not in (CollectionStep.TRY, CollectionStep.REMIND):
            return False
        return work.step is CollectionStep.REMIND or self.would_try(work)

    def would_try(self, work: Work) -> bool:
        known = self.processors[work.period].payments.get(work.debt.series)
        return known is None or (known.status in OPEN and known.attempt_id == work.tried)

    def answer(self, work: Work, outcome: str) -> ChargeResult:
        processor, series = self.processors[work.period], work.debt.series
        match work.step:
            case CollectionStep.TRY:
                self.webhooks.append(work.period)
                return processor.tries(series, work.tried, outcome, self.now)
            case CollectionStep.RELEASE:
                self.webhooks.append(work.period)
                return processor.releases(series, self.now)
        found = processor.payments.get(series)
        assert found is None or found.status is not ChargeStatus.CANCELED, "Cashier.look_up would call a person"
        answer = work.debt.answer
        assert answer is not None
        return found.evolve(at=self.now) if found and found.attempt_id != "ch_0" else answer

    # -- time

    def pass_time(self, by: timedelta) -> None:
        if by > timedelta():
            self.now += by
            self.steps = 0

    @precondition(lambda self: self.work is None)
    @rule(late=days)
    def timer_fires(self, late: float) -> None:
        due = self.collection.due(self.now)
        if due.step is None and due.at is not None:
            self.pass_time(due.at - self.now)
        self.pass_time(late * DAY)
        self.look()

    @precondition(lambda self: self.work is None)
    @rule()
    def looks_again(self) -> None:
        self.look()

    @precondition(lambda self: self.work is not None and self.work.step in MOVING and self.found is None)
    @rule(outcome=answers)
    def work_reaches_the_processor(self, outcome: str) -> None:
        assert self.work is not None
        if self.is_stopped(self.work) or self.finds_less(self.work):
            return
        self.found = self.answer(self.work, outcome)

    @precondition(lambda self: self.work is not None)
    @rule(outcome=answers, result=st.sampled_from(["done", "done", "done", "lost", "down", "refused"]), took=days)
    def work_ends(self, outcome: str, result: str, took: float) -> None:
        self.pass_time(took * DAY)
        if result in ("lost", "down"):
            self.pass_time(timedelta(minutes=1))  # its tries are used up
        self.finish(outcome, result)

    @precondition(lambda self: self.collection.outcome and not (self.work or self.paying))
    @rule(outcome=refusals, dunning=schedules)
    def a_collection_of_its_own_begins(self, outcome: str, dunning: tuple[int, ...]) -> None:
        self.start(outcome, dunning)

    @precondition(lambda self: len(self.collection.debts) < DEBTS_MAX)
    @rule(outcome=refusals, again=st.booleans())
    def another_month_is_not_paid_either(self, outcome: str, again: bool) -> None:
        """Perhaps in the moment in which everything before was settled."""
        self.owes_another_month(outcome, again, self.now)

    def owes_another_month(self, outcome: str, again: bool, due_at: datetime) -> None:
        before = self.collection
        period = max(debt.period for debt in before.debts).next()
        month = charging(5_000).evolve(period=period, customer=before.customer)
        debt = Debt.of(self.unpaid(month, outcome)).evolve(opened_at=due_at)
        self.say("owe", debt=debt)
        if again:
            known = self.collection
            self.say("owe", debt=debt)
            assert self.collection is known
        assert self.collection.outcome is None
        if before.outcome is None and before.next_contact is not None:
            assert (self.collection.since, self.collection.contacts) == (before.since, before.contacts)

    @rule(outcome=refusals)
    def nothing_special_happens_for_a_while(self, outcome: str) -> None:
        for _ in range(6):
            if self.work is not None:
                self.finish(outcome, "done")
            due = self.collection.due(self.now)
            if due.step is None and due.at is not None:
                self.pass_time(due.at - self.now)
            self.look()

    @rule()
    def worker_or_run_changes(self) -> None:
        again = Collection.model_validate_json(self.collection.model_dump_json())
        assert again == self.collection
        assert again.due(self.now) == self.collection.due(self.now)
        self.collection = again

    @rule(share=st.floats(0, 1))
    def ledger_has_the_diary(self, share: float) -> None:
        self.collection = self.collection.recorded(int(self.collection.entry_count * share))

    # -- the emergency brake

    @rule()
    def brake_is_pulled(self) -> None:
        self.brake_on = True
        self.steps = 0

    @rule()
    def brake_is_released(self) -> None:
        self.brake_on = False
        self.steps = 0

    # -- the customer and the processor

    @precondition(lambda self: self.paying is None and (self.work is None or self.work.step not in MOVING))
    @rule(number=which)
    def customer_begins_to_pay(self, number: int) -> None:
        debt = self.collection.debts[number % len(self.collection.debts)]
        if self.collection.payable(debt):
            assert not debt.settled
            self.paying = Work(None, self.collection, debt.period)

    @precondition(lambda self: self.paying is not None)
    @rule(outcome=answers, result=st.sampled_from(["done", "done", "lost", "down"]))
    def customer_has_paid(self, outcome: str, result: str) -> None:
        assert self.paying is not None
        work, self.paying, self.steps = self.paying, None, 0
        if result != "down" and ((self.brake_on and self.would_try(work)) or self.finds_less(work)):
            self.become(self.collection.to_look_up(work.period).to_count())
            return
        if result != "down":
            self.webhooks.append(work.period)
            answer = self.processors[work.period].tries(work.debt.series, work.tried, outcome, self.now)
        if result == "done":
            self.become(self.collection.answered_customer(answer, work.asked, work.period))
        else:
            self.become(self.collection.to_look_up(work.period))

    @precondition(lambda self: self.work is None and self.paying is None)
    @rule(outcome=answers, late=days, number=which)
    def customer_pays_while_the_schedule_goes_on(self, outcome: str, late: float, number: int) -> None:
        self.customer_begins_to_pay(number)
        self.timer_fires(late)
        if self.paying is not None:
            self.customer_has_paid(outcome, "done")

    @rule(outcome=answers.filter(lambda outcome: outcome != "needs_card"))
    def customer_comes_back_from_the_bank(self, outcome: str) -> None:
        for period, processor in self.processors.items():
            for series, payment in processor.payments.items():
                if payment.status is ChargeStatus.AUTHENTICATION_REQUIRED:
                    processor.moves(series, outcome, self.now)
                    self.webhooks.append(period)

    @precondition(lambda self: self.webhooks)
    @rule()
    def webhook_arrives(self) -> None:
        period = self.webhooks.pop()
        if self.processors[period].succeeded:
            self.charged.add(period)
            self.owed[period] = self.least_owed[period] = 0
        self.say("look_up", period=period)

    # -- people

    def say(self, name: str, **fields: Any) -> bool:
        before = self.collection
        command = parse_command(name, [{"by": "ann", "reason": "as agreed", **fields}], COLLECTION_COMMANDS)
        after, text, refusal = decide(before, command, self.now, "update")
        accepted = refusal is None
        self.steps = 0
        assert text
        if not (accepted and (name in ("look_up", "count_again") or after is before)):
            assert (after.entries[-1].reason, after.entries[-1].text) == ("as agreed", text)
            assert after.entries[-1].accepted == accepted
            assert after.entry_count == before.entry_count + 1
        if not accepted:
            trail = {"entries", "entry_count", "revision"}
            assert after.model_dump(exclude=trail) == before.model_dump(exclude=trail)
        if before.outcome is not None and name not in ("owe", "count_again"):
            assert not accepted
        if name == "halt":
            self.counting(after)
        self.become(after)
        if command.command_id:
            again = decide(after, command, self.now, "signal")
            assert (again[1], again[2]) == (text, refusal)
            assert again[0] is after
        return accepted

    @rule()
    def somebody_halts(self) -> None:
        if self.say("halt", command_id=f"c{self.collection.revision}"):
            self.attempts_before_halt = {debt.period: debt.attempt for debt in self.collection.open_debts}

    @rule()
    def somebody_resumes(self) -> None:
        could = self.collection.halt is not None or self.collection.failure
        assert self.say("resume") == (bool(could) and self.collection.outcome is None)

    @rule(number=which)
    def somebody_has_it_tried(self, number: int) -> None:
        debt = self.collection.debts[number % len(self.collection.debts)]
        if self.say("retry", period=debt.period) and not debt.is_moving:
            assert debt.by_card
            assert debt.remedy not in (CardRemedy.NEW_CARD, CardRemedy.AUTHENTICATE)

    @rule(card=st.integers(1, 4), customer=st.integers(1, 2))
    def customer_registers_a_card(self, card: int, customer: int) -> None:
        method = CardOnFile(payer_id=f"cus_{customer}", card_id=f"pm_{card}")
        before = self.collection
        if self.say("replace_card", card=method):
            for debt in before.open_debts:
                if debt.by_card and debt.method and debt.method.card_id != f"pm_{card}":
                    self.own_tries[debt.period] = 0

    @rule(share=st.sampled_from([0.1, 0.5, 1, 1.1]), number=which)
    def money_arrives_otherwise(self, share: float, number: int) -> None:
        debt = self.collection.debts[number % len(self.collection.debts)]
        if debt.outcome is not CollectionStage.WRITTEN_OFF:
            arrived_minor = max(1, int(debt.outstanding_minor * share))
            self.owed[debt.period] = max(0, self.owed[debt.period] - arrived_minor)
            self.least_owed[debt.period] = min(self.least_owed[debt.period], self.owed[debt.period])
            self.untold = True

    @rule(share=st.sampled_from([0.5, 1]), number=which)
    def money_goes_back(self, share: float, number: int) -> None:
        debt = self.collection.debts[number % len(self.collection.debts)]
        arrived_minor = debt.amount_minor - self.owed[debt.period]
        if not debt.settled and debt.period not in self.charged:
            self.owed[debt.period] += int(arrived_minor * share)
            self.untold = True

    @precondition(lambda self: self.untold)
    @rule(again=st.booleans())
    def outbox_tells_of_it(self, again: bool) -> None:
        for _ in range(1 + again):
            self.say("count_again")
        self.untold = False

    @rule(really=seldom, number=which)
    def somebody_writes_it_off(self, really: bool, number: int) -> None:
        debt = self.collection.debts[number % len(self.collection.debts)]
        if really or debt.release:
            self.say("write_off", period=debt.period)

    # -- what holds after every step

    @invariant()
    def a_card_pays_once(self) -> None:
        assert all(processor.succeeded <= 1 for processor in self.processors.values())

    @invariant()
    def what_counts_has_arrived(self) -> None:
        for debt in self.collection.debts:
            assert 0 <= debt.paid_otherwise_minor <= debt.amount_minor - self.least_owed[debt.period]
            assert (debt.outcome is CollectionStage.RECOVERED) == (debt.outstanding_minor == 0)
            assert not (debt.paid_by and not self.processors[debt.period].succeeded)

    @invariant()
    def what_was_paid_twice_is_noted(self) -> None:
        for debt in self.collection.debts:
            if debt.paid_by and debt.release and debt.release.purpose is Purpose.COUNT:
                assert self.noted_twice[debt.period]

    @invariant()
    def what_has_arrived_counts(self) -> None:
        """Once the outbox has told of it and what is due has been done."""
        quiet = not (self.webhooks or self.untold or self.work or self.paying)
        if quiet and self.collection.due(self.now).step is None and not self.collection.failure:
            for debt in self.collection.open_debts:
                assert debt.outstanding_minor == self.owed[debt.period]

    @invariant()
    def what_is_settled_cannot_be_paid_by_card_any_more(self) -> None:
        for debt in self.collection.debts:
            if not debt.by_card or debt.outcome is CollectionStage.WRITTEN_OFF:
                processor = self.processors[debt.period]
                assert not processor.succeeded
                for payment in processor.payments.values():
                    assert payment.status is ChargeStatus.CANCELED

    @invariant()
    def money_that_moved_is_found(self) -> None:
        """Once the webhooks have come and what is due has been done, the collection knows that the card has paid."""
        quiet = not (self.webhooks or self.work or self.paying)
        if quiet and self.collection.due(self.now).step is None and not self.collection.failure:
            for debt in self.collection.open_debts:
                assert not self.processors[debt.period].succeeded

    @invariant()
    def the_diary_has_no_gaps(self) -> None:
        numbers = [each.number for each in self.collection.entries]
        first = numbers[0] if numbers else self.collection.entry_count + 1
        assert numbers == list(range(first, self.collection.entry_count + 1))

    @invariant()
    def everything_can_be_shown(self) -> None:
        collection = self.collection
        stage = collection.stage(self.now)
        assert stage in summary(collection, self.now)
        assert (stage in (CollectionStage.RECOVERED, CollectionStage.WRITTEN_OFF)) == (collection.outcome is not None)
        for debt in collection.debts:
            assert (collection.stage_of(debt, self.now) is debt.outcome) == (debt.settled is not None)
            assert not (collection.payable(debt) and (debt.settled or collection.failure))


CollectionMachine.TestCase.settings = settings(max_examples=300, stateful_step_count=50)
test_collections_keep_every_promise_whatever_happens_when = CollectionMachine.TestCase
