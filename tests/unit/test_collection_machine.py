"""A machine that lives through collections as the workflow does, with people, outages and slow work at random times.

It keeps a processor of its own, where money really moves, and holds every collection against it.
"""

from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.collections.dunning import CardRemedy
from billing.collections.stages import CollectionStage
from billing.payments.methods import CardOnFile
from billing.payments.payment import ChargeStatus
from tests.unit.kept_promises import KeptPromises
from tests.unit.living_collection import DEBTS_MAX, MOVING, Work, answers, days, refusals, schedules, seldom, which
from tests.unit.months import DAY, charging


class CollectionMachine(KeptPromises, RuleBasedStateMachine):
    # -- time

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


CollectionMachine.TestCase.settings = settings(max_examples=300, stateful_step_count=50)
test_collections_keep_every_promise_whatever_happens_when = CollectionMachine.TestCase
