"""A month to which people speak at any time: what they say is taken or refused, and is on record."""

from datetime import time

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from billing.commands import Command, Halt, Resume
from billing.customers.customer import CustomerChanges, ReviewMode, Terms, TermsChanges
from billing.customers.schedule import Schedule
from billing.invoices.commands import Approve, CloseAccount, Decision, Edit, Skip, UpdateCustomer
from billing.invoices.invoice import AddLine, Change, ChangeLine, Invoice, RemoveLine
from billing.invoices.review import note_unreadable
from billing.invoices.stages import Stage, Step
from billing.money import MAX_AMOUNT_MINOR
from tests.unit.living_month import LivingMonth
from tests.unit.months import decided

PEOPLE = ("ann", "ben", "cid")
people = st.sampled_from(PEOPLE)
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


class MonthWithPeople(LivingMonth):
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
