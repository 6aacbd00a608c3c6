"""A machine that lives through collections as the workflow does, with people, outages and slow work at random times.

It keeps a processor of its own, where money really moves, and holds every collection against it.
"""

import re
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from billing.collections.collection import Collection
from billing.collections.commands import COLLECTION_COMMANDS, decide
from billing.collections.dunning import MAX_TRIES, CardRemedy, remedy
from billing.collections.stages import CollectionStage, CollectionStep, NewCardTry, ScheduledTry, Try
from billing.collections.summary import summary
from billing.commands import parse_command
from billing.payments.methods import CardOnFile
from billing.payments.payment import ChargeResult, ChargeStatus
from tests.debts import news, only
from tests.unit.months import DAY, charging

STEPS_WITHOUT_TIME = 12
"""More steps than this at one instant, with nobody acting, would be an endless loop."""
MOVING = (CollectionStep.TRY, CollectionStep.LOOK_UP, CollectionStep.RELEASE)
OPEN = (ChargeStatus.DECLINED, ChargeStatus.AUTHENTICATION_REQUIRED)

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
seldom = st.integers(0, 5).map(lambda drawn: drawn == 0)
schedules = st.sampled_from([(3, 5, 7, 14), (), (1, 2, 3, 4, 5, 6, 7), (20,)])
days = st.sampled_from([0, 0.001, 0.5, 1, 3, 10])


class Processor:
    """The payments of a month, one for each series: the last try of each, and what all of them have moved."""

    def __init__(self, first: ChargeResult) -> None:
        self.payments: dict[int, ChargeResult] = {1: first}
        self.succeeded = 0

    def tries(self, series: int, tried: str, outcome: str, now: datetime) -> ChargeResult:
        """As ``Cashier.charge``: the payment is tried, unless it has been since ``tried``."""
        known = self.payments.get(series)
        if known is not None and (known.status not in OPEN or known.attempt_id != tried):
            assert known.status is not ChargeStatus.CANCELED, "Cashier.charge would call a person"
            return known.evolve(at=now)
        if outcome == "needs_card":
            return ChargeResult(status=ChargeStatus.NEEDS_CARD, at=now, attempt_id=tried)
        return self.moves(series, outcome, now)

    def moves(self, series: int, outcome: str, now: datetime) -> ChargeResult:
        known = outcome in list(ChargeStatus)
        number = int((self.payments[series].attempt_id if series in self.payments else "ch_0")[3:]) + 1
        self.payments[series] = ChargeResult(
            status=ChargeStatus(outcome) if known else ChargeStatus.DECLINED,
            at=now,
            payment_id=f"pi_{series}",
            decline_code="" if known else outcome,
            attempt_id=f"ch_{number}",
        )
        self.succeeded += outcome == "succeeded"
        return self.payments[series]

    def releases(self, series: int, now: datetime) -> ChargeResult:
        known = self.payments.get(series)
        if known is not None and known.status not in OPEN:
            return known.evolve(at=now)
        released = ChargeResult(status=ChargeStatus.CANCELED, at=now, payment_id=f"pi_{series}")
        if known is not None:
            self.payments[series] = released
        return released


class Work(NamedTuple):
    """An activity on its way: for what (None: the customer pays), from which collection."""

    step: CollectionStep | None
    asked: Collection


class CollectionMachine(RuleBasedStateMachine):
    collection: Collection

    @initialize(outcome=refusals, dunning=schedules)
    def start(self, outcome: str, dunning: tuple[int, ...]) -> None:
        self.noted_twice = ""
        month = charging(12_000, terms={"dunning_days": dunning})
        self.now = month.charge_at
        first = ChargeResult(status=ChargeStatus.DECLINED, at=self.now, attempt_id="ch_0")
        self.processor = Processor(first)
        result = self.processor.tries(1, "ch_0", outcome, self.now)
        self.collection = Collection.open(month.charged(result))
        self.work: Work | None = None  # of the workflow's loop
        self.found: ChargeResult | None = None  # what it will answer, if it has reached the processor by now
        self.paying: Work | None = None  # of the customer
        self.webhooks = 0
        self.steps = 0
        self.transfers = 0
        self.own_tries = 0
        self.attempt_before_halt: Try | None = None
        self.contacted_at: datetime | None = None
        self.alerted_at: datetime | None = None
        self.brake_on = False

    def become(self, collection: Collection) -> None:
        """Every change of a collection comes through here."""
        old = self.collection
        assert collection == old or collection.revision > old.revision
        if old.outcome is not None:
            ended = {"outcome", "closed_at", "received", "answer"}
            assert collection.model_dump(include=ended) == old.model_dump(include=ended), "settled twice"
        if old.outcome is None and collection.outcome is not None:
            found = re.search("which has also arrived as (.+)", news(collection))
            self.noted_twice = found[1] if found else ""
        self.collection = collection

    # -- the workflow

    def look(self) -> None:
        """One turn of ``PaymentCollection._collect``."""
        assert self.work is None
        collection, due = self.collection, self.collection.due(self.now)
        assert due == collection.due(self.now)
        if due.step is CollectionStep.AWAIT_RELEASE:
            assert collection.brake
            assert collection.stage(self.now) is CollectionStage.HALTED
            assert not collection.payable
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
        assert not collection.failure or due.step is CollectionStep.ALERT, "a failure waits for a person"
        if due.step is CollectionStep.CONTACT:
            self.contact()
            return
        if due.step is CollectionStep.REMIND:
            assert collection.halt is None, "a halted collection reminds nobody"
        if due.step is CollectionStep.TRY:
            self.begin_try()
        self.work = Work(due.step, collection)

    def contact(self) -> None:
        before = self.collection
        assert before.halt is None
        assert not before.unresolved
        assert self.contacted_at is None or self.now >= self.contacted_at + DAY
        self.contacted_at = self.now
        self.become(before.contacting(self.now))
        self.own_tries += bool(only(self.collection).attempt)
        assert self.own_tries < MAX_TRIES
        assert bool(only(self.collection).attempt) != self.collection.reminding

    def begin_try(self) -> None:
        collection = self.collection
        assert only(collection).answer is not None
        assert only(collection).by_card
        assert only(collection).release is None
        helps = remedy(only(collection).answer)
        if not isinstance(only(collection).attempt, NewCardTry):
            assert helps not in (CardRemedy.NEW_CARD, CardRemedy.AUTHENTICATE), "the bank forbids another try"
        if isinstance(only(collection).attempt, ScheduledTry):
            assert helps is not CardRemedy.PERSON
            assert collection.halt is None or only(collection).attempt == self.attempt_before_halt
        assert not (collection.brake and collection.halt), "halted before it had begun"

    def finish(self, outcome: str, result: str) -> None:
        """The activity on its way ends: done, lost (it was done, but nobody knows), down or refused for good."""
        assert self.work is not None
        work, self.work = self.work, None
        if work.step is CollectionStep.ALERT:
            self.alerted_at = self.now
            return self.become(self.collection.alerted(self.now))
        if work.step is CollectionStep.REMIND and result in ("done", "lost") and not self.brake_on:
            return self.become(self.collection.reminded())
        answer, self.found = self.found, None
        if answer is None and self.is_stopped(work):
            if only(self.collection).release is None or work.step is CollectionStep.REMIND:
                before = only(self.collection).tries
                self.become(self.collection.braked("ann: stop").looked_up(work.asked))
                self.own_tries -= before - only(self.collection).tries
            return None
        if answer is None and work.step in MOVING and result in ("done", "lost"):
            answer = self.answer(work, outcome)
        if answer is not None and result == "done":
            return self.become(self.collection.answered(answer, work.asked))
        if result == "refused":
            return self.become(self.collection.failed("it was refused"))
        self.become(self.collection.delayed("SalesUnavailable", "the server is down"))

    def is_stopped(self, work: Work) -> bool:
        """What the activities find out: a try looks the payment up first, and is stopped only if it would try."""
        if not self.brake_on or work.step not in (CollectionStep.TRY, CollectionStep.REMIND):
            return False
        return work.step is CollectionStep.REMIND or self.would_try(work.asked)

    def would_try(self, asked: Collection) -> bool:
        known = self.processor.payments.get(only(asked).series)
        tried = only(asked).answer.attempt_id if only(asked).answer else ""
        return known is None or (known.status in OPEN and known.attempt_id == tried)

    def answer(self, work: Work, outcome: str) -> ChargeResult:
        asked = work.asked
        assert only(asked).answer is not None
        match work.step:
            case CollectionStep.TRY:
                self.webhooks += 1
                return self.processor.tries(only(asked).series, only(asked).answer.attempt_id, outcome, self.now)
            case CollectionStep.RELEASE:
                self.webhooks += 1
                return self.processor.releases(only(asked).series, self.now)
        found = self.processor.payments.get(only(asked).series)
        assert found is None or found.status is not ChargeStatus.CANCELED, "Cashier.look_up would call a person"
        return found.evolve(at=self.now) if found and found.attempt_id != "ch_0" else only(asked).answer

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
        if self.is_stopped(self.work):
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
    def next_month_is_not_paid_either(self, outcome: str, dunning: tuple[int, ...]) -> None:
        self.start(outcome, dunning)

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
    @rule()
    def customer_begins_to_pay(self) -> None:
        if self.collection.payable:
            assert self.collection.outcome is None
            assert not self.collection.unresolved or only(self.collection).looking
            self.paying = Work(None, self.collection)

    @precondition(lambda self: self.paying is not None)
    @rule(outcome=answers, result=st.sampled_from(["done", "done", "lost", "down"]))
    def customer_has_paid(self, outcome: str, result: str) -> None:
        assert self.paying is not None
        asked, self.paying, self.steps = self.paying.asked, None, 0
        assert only(asked).answer is not None
        if result != "down" and self.brake_on and self.would_try(asked):
            self.become(self.collection.to_look_up(collection.period))
            return
        if result != "down":
            self.webhooks += 1
            answer = self.processor.tries(only(asked).series, only(asked).answer.attempt_id, outcome, self.now)
        if result == "done":
            self.become(self.collection.answered_customer(answer, asked))
        else:
            self.become(self.collection.to_look_up(collection.period))

    @precondition(lambda self: self.work is None and self.paying is None)
    @rule(outcome=answers, late=days)
    def customer_pays_while_the_schedule_goes_on(self, outcome: str, late: float) -> None:
        self.customer_begins_to_pay()
        self.timer_fires(late)
        if self.paying is not None:
            self.customer_has_paid(outcome, "done")

    @rule(outcome=answers.filter(lambda outcome: outcome != "needs_card"))
    def customer_comes_back_from_the_bank(self, outcome: str) -> None:
        for series, payment in self.processor.payments.items():
            if payment.status is ChargeStatus.AUTHENTICATION_REQUIRED:
                self.processor.moves(series, outcome, self.now)
                self.webhooks += 1

    @precondition(lambda self: self.webhooks)
    @rule()
    def webhook_arrives(self) -> None:
        self.webhooks -= 1
        self.say("look_up")

    # -- people

    def say(self, name: str, **fields: Any) -> bool:
        before = self.collection
        command = parse_command(name, [{"by": "ann", "reason": "as agreed", **fields}], COLLECTION_COMMANDS)
        after, text, refusal = decide(before, command, self.now, "update")
        accepted = refusal is None
        self.steps = 0
        assert text
        if not (accepted and name == "look_up"):
            assert (after.entries[-1].reason, after.entries[-1].text) == ("as agreed", text)
            assert after.entries[-1].accepted == accepted
            assert after.entry_count == before.entry_count + 1
        if not accepted:
            trail = {"entries", "entry_count", "revision"}
            assert after.model_dump(exclude=trail) == before.model_dump(exclude=trail)
        if before.outcome is not None:
            assert not accepted
        self.become(after)
        if command.command_id:
            again = decide(after, command, self.now, "signal")
            assert (again[1], again[2]) == (text, refusal)
            assert again[0] is after
        return accepted

    @rule()
    def somebody_halts(self) -> None:
        tries = only(self.collection).tries
        if self.say("halt", command_id=f"c{self.collection.revision}"):
            self.attempt_before_halt = only(self.collection).attempt
            self.own_tries -= tries - only(self.collection).tries

    @rule()
    def somebody_resumes(self) -> None:
        could = self.collection.halt is not None or self.collection.failure
        assert self.say("resume") == (bool(could) and self.collection.outcome is None)

    @rule()
    def somebody_has_it_tried(self) -> None:
        before = self.collection
        if self.say("retry") and not (only(before).attempt or only(before).looking or only(before).release):
            assert only(before).by_card
            assert only(before).remedy not in (CardRemedy.NEW_CARD, CardRemedy.AUTHENTICATE)

    @rule(card=st.integers(1, 4), customer=st.integers(1, 2))
    def customer_registers_a_card(self, card: int, customer: int) -> None:
        method = CardOnFile(payer_id=f"cus_{customer}", card_id=f"pm_{card}")
        known = self.collection.customer.payment_method.card_id == f"pm_{card}"
        if self.say("replace_card", card=method):
            assert not known
            self.own_tries = 0

    @rule(share=st.sampled_from([0.1, 0.5, 1, 1.1]), again=st.booleans())
    def money_arrives_otherwise(self, share: float, again: bool) -> None:
        owed = only(self.collection).outstanding_minor
        amount_minor = max(1, int(owed * share))
        reference = f"bank {self.transfers + (not again)}"
        if self.say("record_payment", reference=reference, amount_minor=amount_minor):
            assert amount_minor <= owed
            self.transfers += not again

    @rule(really=seldom)
    def somebody_writes_it_off(self, really: bool) -> None:
        if really or only(self.collection).release:
            self.say("write_off")

    # -- what holds after every step

    @invariant()
    def a_card_pays_once(self) -> None:
        assert self.processor.succeeded <= 1

    @invariant()
    def what_was_received_is_what_was_owed(self) -> None:
        collection = self.collection
        received = sum(each.amount_minor for each in only(collection).received)
        assert received <= only(collection).amount_minor
        assert only(collection).outstanding_minor == only(collection).amount_minor - received
        assert (collection.outcome is CollectionStage.RECOVERED) == (received == only(collection).amount_minor)
        assert len({each.reference for each in only(collection).received}) == len(only(collection).received)

    @invariant()
    def what_was_paid_twice_is_noted(self) -> None:
        if (collection := self.collection).outcome and only(collection).release and only(collection).release.received:
            assert self.noted_twice == only(collection).release.received.reference

    @invariant()
    def what_is_settled_cannot_be_paid_by_card_any_more(self) -> None:
        if not only(self.collection).by_card or self.collection.outcome is CollectionStage.WRITTEN_OFF:
            assert not self.processor.succeeded
            for payment in self.processor.payments.values():
                assert payment.status is ChargeStatus.CANCELED

    @invariant()
    def money_that_moved_is_found(self) -> None:
        """Once the webhooks have come and what is due has been done, the collection knows that the card has paid."""
        quiet = not (self.webhooks or self.work or self.paying)
        if quiet and self.processor.succeeded and self.collection.due(self.now).step is None:
            assert self.collection.failure

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
        assert (stage in (CollectionStage.RECOVERED, CollectionStage.WRITTEN_OFF)) == (
            only(collection).closed is not None
        )
        assert not (collection.payable and (collection.outcome or collection.failure))


CollectionMachine.TestCase.settings = settings(max_examples=300, stateful_step_count=50)
test_collections_keep_every_promise_whatever_happens_when = CollectionMachine.TestCase
