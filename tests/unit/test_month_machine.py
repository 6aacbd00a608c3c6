"""A machine that lives through months as the workflow does, with people, outages and slow work at random times."""

from datetime import UTC, datetime, time, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from billing.commands import Command, Halt, Resume
from billing.customers.customer import Customer, CustomerChanges, ReviewMode, Terms, TermsChanges
from billing.customers.schedule import Schedule
from billing.invoices.commands import Approve, CloseAccount, Decision, Edit, Skip, UpdateCustomer
from billing.invoices.invoice import AddLine, Change, ChangeLine, Invoice, RemoveLine
from billing.invoices.month import KEPT_DECISIONS, Month
from billing.invoices.review import note_unreadable
from billing.invoices.stages import OUTCOMES, Stage, Step
from billing.invoices.summary import summary
from billing.money import MAX_AMOUNT_MINOR, step_minor
from billing.payments.methods import CardOnFile
from tests.unit.living_month import LivingMonth
from tests.unit.months import decided

PEOPLE = ("ann", "ben", "cid")
people = st.sampled_from(PEOPLE)
hours = st.sampled_from([0, 0.01, 1, 5, 24, 47, 72, 100, 24 * 40])
zones = st.sampled_from(["Europe/Paris", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York", "UTC"])
schedules = st.sampled_from(
    [
        Schedule(),
        Schedule(notice_days=0, charge_days=0, charge_time=time(11, 0)),
        Schedule(import_day=28, notice_days=28, charge_days=28),
    ]
)
terms = st.builds(
    Terms,
    review_mode=st.sampled_from([ReviewMode.MONITOR, ReviewMode.MONITOR, ReviewMode.APPROVE, ReviewMode.MANUAL]),
    schedule=schedules,
    min_window_hours=st.sampled_from([1, 48, 200]),
    min_notice_hours=st.sampled_from([1, 72, 200]),
    reminder_hours=st.sampled_from([1, 24, 720]),
    unusual_change_percent=st.sampled_from([None, 50]),
    unusual_above_minor=st.sampled_from([None, None, 5000]),
    approve_when=st.sampled_from([(), (), ("first",), ("changed", "large")]),
)


class MonthMachine(LivingMonth, RuleBasedStateMachine):
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

    # -- people

    def say(self, command: Command) -> Decision:
        before = self.month
        after, decision = decided(before, command, self.now)
        self.steps = 0
        assert after.decisions[-1] == decision
        assert after.decision_count == before.decision_count + 1
        if not decision.accepted:
            trail = {"decisions", "decision_count", "revision"}
            assert after.model_dump(exclude=trail) == before.model_dump(exclude=trail)
        self.become(after)
        if decision.accepted:
            self.note_window(before)
        self.cancel_import()
        return decision

    def cancel_import(self) -> None:
        if self.work is None or self.work.step is not Step.IMPORT:
            return
        if self.month.outcome is not None or self.month.customer != self.work.asked.customer:
            self.work = None

    @rule(by=people)
    def halts(self, by: str) -> None:
        decision = self.say(Halt(by=by, reason="looks wrong"))
        self.halted = self.halted or decision.accepted
        assert decision.accepted or self.halted or self.month.charging or self.month.outcome

    @rule(by=people)
    def resumes(self, by: str) -> None:
        if self.say(Resume(by=by, reason="all right")).accepted:
            self.halted = False

    @precondition(lambda self: self.month.invoice is not None)
    @rule(by=people, data=st.data(), stale=st.sampled_from([0, 0, 0, 1]))
    def edits(self, by: str, data: st.DataObject, stale: int) -> None:
        invoice = self.month.invoice
        assert invoice is not None
        edit = Edit(
            by=by,
            reason="as agreed",
            period=self.month.period,
            version=invoice.version - stale,
            changes=tuple(data.draw(st.lists(self.change(invoice), min_size=1, max_size=2), "changes")),
        )
        editors = {by} if self.month.approval else self.editors | {by}
        if self.say(edit).accepted:
            self.editor, self.approved, self.editors = by, "", editors
            assert not stale

    def change(self, invoice: Invoice) -> st.SearchStrategy[Change]:
        known = [*(line.line_id for line in invoice.lines), *(problem.line_id for problem in invoice.problems)]
        lines = st.sampled_from([*known, "row-99"])
        amounts = st.sampled_from([-50_000, -100, 0, 1, 10, 1000, 4000, MAX_AMOUNT_MINOR // 100 * 100])
        return st.one_of(
            st.builds(AddLine, description=st.just("Extra"), amount_minor=amounts),
            st.builds(ChangeLine, line_id=lines, amount_minor=amounts),
            st.builds(RemoveLine, line_id=lines),
        )

    @precondition(lambda self: self.month.invoice is not None)
    @rule(by=people, wrong=st.sampled_from(["", "", "", "x"]))
    def approves(self, by: str, wrong: str) -> None:
        assert self.month.invoice is not None
        if self.say(Approve(by=by, reason="fine", digest=self.month.invoice.digest + wrong)).accepted:
            assert by not in self.editors
            assert not wrong
            self.approved = self.lines_and_total()

    @rule(by=people, named=st.booleans())
    def skips(self, by: str, named: bool) -> None:
        before = self.month
        decision = self.say(Skip(by=by, reason="goodwill", period=before.period if named else None))
        if decision.accepted and before.charging:
            assert before.failure
            assert self.is_cancelled, "its payment has to be cancelled first"
            assert self.month.outcome is None
        elif decision.accepted:
            assert self.month.outcome is Stage.SKIPPED
        else:
            charge_is_open = before.charging and not before.failure
            assert before.outcome or charge_is_open or (before.invoice is None and not named)

    @rule(by=people)
    def closes_the_account(self, by: str) -> None:
        assert self.say(CloseAccount(by=by, reason="contract ended")).accepted
        assert self.month.leaving

    @rule(
        by=people,
        changes=st.one_of(
            st.builds(CustomerChanges, timezone=zones),
            st.builds(CustomerChanges, terms=terms.map(lambda agreed: TermsChanges.model_validate(dict(agreed)))),
            st.builds(CustomerChanges, email=st.sampled_from(["new@example.com", "acme@example.com"])),
            st.builds(CustomerChanges, currency=st.sampled_from(["eur", "bhd"])),
        ),
    )
    def updates_the_customer(self, by: str, changes: CustomerChanges) -> None:
        before = self.month
        decision = self.say(UpdateCustomer(by=by, reason="they asked", changes=changes))
        if decision.accepted and self.month.customer.currency != before.customer.currency:
            self.usual = None
        if decision.accepted and changes.currency and before.outcome is not None:
            assert before.balance_forward_minor == 0, "no draft would take it over"

    @rule(by=people, kind=st.sampled_from([Halt, Resume, Skip, CloseAccount]), months=st.integers(1, 2))
    def means_another_month(self, by: str, kind: type[Command], months: int) -> None:
        period = self.month.period
        for _ in range(months):
            period = period.next()
        decision = self.say(kind(by=by, reason="late", period=period))
        assert not decision.accepted
        assert f"meant for {period}" in decision.result

    @rule(by=people, kind=st.sampled_from([Halt, Resume, CloseAccount]), number=st.integers(0, 3))
    def repeats_what_was_said(self, by: str, kind: type[Command], number: int) -> None:
        command = kind(by=by, reason="again", command_id=f"{kind.__name__}-{by}-{self.month.period}-{number}")
        if all(known.command_id != command.command_id for known in self.month.decisions):
            decision = self.say(command)
            if decision.accepted and kind is not CloseAccount:
                self.halted = kind is Halt
        before = self.month
        after, decision = decided(before, command, self.now, "signal")
        assert after is before
        assert decision.command_id == command.command_id

    @rule(name=st.sampled_from(["halt", "Halt now", "edit", "resume"]))
    def says_something_unreadable(self, name: str) -> None:
        before = self.month
        after = note_unreadable(before, name, "it cannot be read", self.now, "signal").value
        decision = after.decisions[-1]
        self.steps = 0
        assert after.decisions[-1] == decision
        self.become(after)
        if "halt" in name.lower() and not before.charging and not before.outcome:
            assert self.month.halt is not None
            self.halted = True
        else:
            assert self.month.halt == before.halt

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
