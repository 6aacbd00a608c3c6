"""A collection as the workflow lives it, and a processor beside it, where money really moves."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import initialize

from billing.collections.collection import Collection
from billing.collections.commands import COLLECTION_COMMANDS, decide
from billing.collections.debt import Debt
from billing.collections.dunning import MAX_TRIES, CardRemedy, remedy
from billing.collections.stages import CollectionStep, Counted, NewCardTry, ScheduledTry, Try
from billing.commands import parse_command
from billing.invoices.month import Month
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


class LivingCollection:
    """The workflow and its activities without a server."""

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
