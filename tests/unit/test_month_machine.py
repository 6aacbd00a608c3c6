"""A machine that lives through months as the workflow does, with people, outages and slow work at random times."""

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from billing.customers.customer import Customer, Terms
from billing.invoices.month import KEPT_DECISIONS, Month
from billing.invoices.stages import OUTCOMES, Step
from billing.invoices.summary import summary
from billing.money import step_minor
from billing.payments.methods import CardOnFile
from tests.unit.month_with_people import MonthWithPeople, people, terms, zones

hours = st.sampled_from([0, 0.01, 1, 5, 24, 47, 72, 100, 24 * 40])


class MonthMachine(MonthWithPeople, RuleBasedStateMachine):
    @initialize(
        currency=st.sampled_from(["eur", "jpy", "bhd", "isk"]),
        zone=zones,
        agreed=terms,
        carried_steps=st.integers(-300, 300),
        late_days=st.sampled_from([-20, 0, 3, 9, 75]),
    )
    def start(self, currency: str, zone: str, agreed: Terms, carried_steps: int, late_days: int) -> None:
        customer = Customer(
            customer_id="acme",
            email="acme@example.com",
            name="Acme",
            currency=currency,
            timezone=zone,
            payment_method=CardOnFile(payer_id="cus_1", card_id="pm_1"),
            terms=agreed,
        )
        now = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=late_days)
        self.begin(customer, carried_steps * step_minor(currency), now)

    # -- the emergency brake

    @rule(by=people)
    def brake_is_pulled(self, by: str) -> None:
        self.brake_on = True
        self.steps = 0

    @rule(late=hours)
    def brake_is_pulled_and_released(self, late: float) -> None:
        self.brake_on = True
        self.look_around(late)
        self.brake_is_released()

    @precondition(lambda self: self.brake_on)
    @rule()
    def brake_is_released(self) -> None:
        self.brake_on, self.released_at, self.steps = False, self.now, 0

    @precondition(lambda self: self.work is not None and self.work.step is Step.CHARGE)
    @rule()
    def card_is_tried_and_the_answer_lost(self) -> None:
        """Then the brake is pulled: what has moved is found, and nothing else moves."""
        if not (self.is_cancelled or self.month.brake or self.tried or self.brake_on):
            assert self.work is not None
            if not self.is_stopped(self.work):
                self.tried = True
        self.brake_on = True

    def look_around(self, late: float) -> None:
        if self.work is not None:
            self.finish(None, "done")
        if self.work is None:
            due = self.month.due(self.now)
            if due.step is None and due.at is not None:
                self.pass_time(due.at - self.now)
            self.pass_time(timedelta(hours=late))
            self.look()

    # -- time

    @precondition(lambda self: self.work is None)
    @rule(late=hours)
    def timer_fires(self, late: float) -> None:
        due = self.month.due(self.now)
        if due.step is None and due.at is not None:
            self.pass_time(due.at - self.now)
        self.pass_time(timedelta(hours=late))
        self.look()

    @precondition(lambda self: self.work is None)
    @rule()
    def look_again(self) -> None:
        self.look()

    @precondition(lambda self: self.work is None)
    @rule(share=st.floats(0, 0.99))
    def some_time_passes(self, share: float) -> None:
        due = self.month.due(self.now)
        if due.step is None and due.at is not None:
            self.pass_time((due.at - self.now) * share)
        self.look()

    @precondition(lambda self: self.work is not None)
    @rule(data=st.data(), took=hours)
    def work_is_done(self, data: st.DataObject, took: float) -> None:
        self.pass_time(timedelta(hours=took))
        self.finish(data, "done")

    @precondition(lambda self: self.work is not None)
    @rule(took=hours)
    def work_fails_until_its_tries_are_used_up(self, took: float) -> None:
        self.pass_time(timedelta(minutes=1, hours=took))
        self.finish(None, "down")

    @precondition(lambda self: self.work is not None)
    @rule()
    def work_is_refused_for_good(self) -> None:
        self.finish(None, "refused")

    @rule(step=st.sampled_from([Step.IMPORT, Step.NOTIFY, Step.NOTIFY, Step.CHARGE, Step.CHARGE, Step.CLOSE]))
    def nothing_special_happens_until(self, step: Step) -> None:
        """Time passes as planned until ``step`` is on its way, unless a person is waited for."""
        for _ in range(12):
            if self.work is not None:
                self.finish(None, "done")
            due = self.month.due(self.now)
            if due.step is None and due.at is not None:
                self.pass_time(due.at - self.now)
            self.look()
            if self.work is not None and self.work.step in (step, Step.ALERT):
                break

    @precondition(lambda self: self.work is not None and self.work.step is Step.NOTIFY)
    @rule(by=people, took=st.sampled_from([0, 1]), ends=st.booleans())
    def halts_and_resumes_while_the_notice_is_on_its_way(self, by: str, took: float, ends: bool) -> None:
        self.halts(by)
        self.pass_time(timedelta(hours=took))
        self.resumes(by)
        if ends:
            self.finish(None, "done")

    @rule()
    def worker_or_run_changes(self) -> None:
        again = Month.model_validate_json(self.month.model_dump_json())
        assert again == self.month
        assert again.due(self.now) == self.month.due(self.now)
        self.month = again

    @rule(share=st.floats(0, 1))
    def ledger_has_decisions(self, share: float) -> None:
        recorded = int(self.month.decision_count * share)
        trimmed = self.month.recorded(recorded)
        assert len(trimmed.decisions) <= KEPT_DECISIONS + self.month.decision_count - recorded
        kept = self.month.decisions[len(self.month.decisions) - len(trimmed.decisions) :]
        assert [each.number for each in trimmed.decisions] == [each.number for each in kept]
        self.month = trimmed

    # -- what holds after every step

    @invariant()
    def total_is_lines_and_balance(self) -> None:
        if (invoice := self.month.invoice) is not None:
            assert invoice.total_minor == sum(line.amount_minor for line in invoice.lines) + invoice.carried_minor

    @invariant()
    def halts_are_in_force(self) -> None:
        assert self.halted == (self.month.halt is not None)

    @invariant()
    def a_charge_that_has_begun_is_for_what_was_announced(self) -> None:
        if self.month.charging is not None:
            assert self.month.invoice == self.frozen
            assert self.month.notice is not None
            assert self.month.notice.total_minor == self.last_told

    @invariant()
    def an_approval_is_for_what_it_was_given(self) -> None:
        if self.month.approval is not None:
            assert self.approved == self.lines_and_total()

    @invariant()
    def everything_can_be_shown(self) -> None:
        shown = summary(self.month, self.now)
        assert self.month.stage(self.now) in shown
        assert (self.month.stage(self.now) in OUTCOMES) == (self.month.outcome is not None)
        assert "example.com" not in shown


MonthMachine.TestCase.settings = settings(max_examples=400, stateful_step_count=50)
test_months_keep_every_promise_whatever_happens_when = MonthMachine.TestCase
