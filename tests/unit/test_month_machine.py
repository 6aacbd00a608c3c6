"""A machine that lives through months as the workflow does, with people, outages and slow work at random times.

It keeps its own account of what was promised and paid, and holds every month against it (the invariants of a month).
"""

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from billing.commands import Command, Halt, Resume
from billing.customers.customer import Customer, CustomerChanges, ReviewMode, Terms, TermsChanges
from billing.customers.schedule import Schedule
from billing.invoices.approval_policy import needs_approval
from billing.invoices.commands import Approve, CloseAccount, Decision, Delivered, Edit, Skip, UpdateCustomer
from billing.invoices.invoice import AddLine, Change, ChangeLine, Invoice, LineItem, Problem, RemoveLine, Source
from billing.invoices.month import KEPT_DECISIONS, Month
from billing.invoices.postings import month_transactions
from billing.invoices.review import note_unreadable
from billing.invoices.stages import OUTCOMES, UNPAID_OUTCOMES, Stage, Step
from billing.invoices.summary import summary
from billing.money import MAX_AMOUNT_MINOR, maximum_minor, step_minor
from billing.payments.methods import CardOnFile
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.period import Period
from billing.receivables.journal import AccountKind
from tests.stops import text_of
from tests.unit.months import decided

PEOPLE = ("ann", "ben", "cid")
STEPS_WITHOUT_TIME = 8
"""More steps than this at one instant, with nobody acting, would be an endless loop."""

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


class Work(NamedTuple):
    """An activity on its way: for what, from which month, since when."""

    step: Step
    asked: Month
    since: datetime


class MonthMachine(RuleBasedStateMachine):
    month: Month

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
        self.month = Month.open(customer, Period("2026-10"))
        self.now = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=late_days)
        self.work: Work | None = None
        self.steps = 0
        self.outcomes: dict[Period, Stage] = {}
        # our own account, in minor units: what was put on invoices, paid, and is owed beside the chain
        carried_minor = carried_steps * step_minor(currency)
        self.billed, self.paid, self.owed = carried_minor, 0, 0
        self.books: Counter[tuple[AccountKind, str]] = Counter()  # the journal's balances, by kind and currency
        self.books[AccountKind.CREDIT, currency] = carried_minor
        self.brake_on, self.released_at = False, self.now - timedelta(days=999)
        self.usual: int | None = None
        self.is_first = True
        self.new_month()

    def new_month(self) -> None:
        self.halted = False
        self.charges = 0
        self.last_told: int | None = None
        self.frozen: Invoice | None = None
        self.notice_floor = self.charge_floor = self.now
        self.editor, self.approved = "", ""
        self.editors: set[str] = set()
        self.tried = False  # money may have moved by the charge that has begun

    def become(self, month: Month) -> None:
        """Every change of a month comes through here."""
        old = self.month
        assert month.period == old.period
        assert month == old or month.revision > old.revision
        if old.outcome is not None and not month.brake:
            assert (month.closed, month.invoice) == (old.closed, old.invoice)
            assert month.trouble is None
        for transaction in month_transactions(old, month, self.now):
            for entry in transaction.entries:
                self.books[entry.account.kind, entry.currency] += entry.amount_minor
        self.month = month

    @property
    def is_cancelled(self) -> bool:
        """Somebody wants the charge that has begun cancelled."""
        return self.month.charging is not None and self.month.charging.cancelled_by is not None

    # -- the workflow

    def look(self) -> None:
        """One turn of ``MonthlyBilling.run``."""
        assert self.work is None
        month, due = self.month, self.month.due(self.now)
        assert due == month.due(self.now)
        if due.step is Step.AWAIT_RELEASE:
            assert month.brake
            assert month.stage(self.now) is Stage.HALTED
            if not self.brake_on:
                self.becomes_free()
            return
        if due.step is None:
            assert due.at is not None, "somebody is reminded of whatever waits"
            assert due.at > self.now
            return
        assert not month.failure or due.step in (Step.ALERT, Step.CLOSE), "a failure waits for a person"
        self.steps += 1
        assert self.steps <= STEPS_WITHOUT_TIME, f"{due.step} again and again"
        if due.step is Step.IMPORT:
            assert Period.at(self.now, month.customer.timezone) > month.period
        if due.step is Step.NOTIFY:
            self.announce()
            if self.month.outcome is not None:
                return
        if due.step is Step.CHARGE:
            self.begin_charge()
        self.work = Work(due.step, self.month, self.now)

    def announce(self) -> None:
        self.become(self.month.announcing(self.now))
        assert self.now >= self.notice_floor, "reviewers had less than the minimum window"
        assert not self.halted
        assert self.month.invoice is not None
        total_minor = self.month.invoice.total_minor
        if self.month.outcome is not None:
            assert total_minor < CardOnFile.minimum_minor(self.month.invoice.currency)
            return
        assert self.month.notice is not None
        assert self.month.notice.total_minor == total_minor
        if needs_approval(self.month):
            assert self.approved == self.lines_and_total()
        if self.month.customer.terms.review_mode is ReviewMode.MANUAL:
            assert self.editor

    def begin_charge(self) -> None:
        begins = self.month.charging is None
        self.become(self.month.begin_charge(self.now))
        assert not self.halted, "a halt was accepted before the charge began"
        invoice, notice = self.month.invoice, self.month.notice
        assert invoice is not None
        assert notice is not None
        assert notice.total_minor == invoice.total_minor == self.last_told
        assert invoice.currency == self.month.customer.currency
        assert CardOnFile.minimum_minor(invoice.currency) <= notice.total_minor <= maximum_minor(invoice.currency)
        assert notice.total_minor % step_minor(invoice.currency) == 0
        if begins:
            assert self.now >= self.charge_floor, "earlier than was promised"
            self.frozen = invoice

    def finish(self, draw: st.DataObject | None, result: str) -> None:
        """The activity on its way ends as ``result``: done, down (its tries are used up) or refused for good."""
        assert self.work is not None
        work, self.work = self.work, None
        if work.step is Step.CLOSE and self.is_stopped(work):
            return self.become(self.month.close_cancelled("ann: stop"))
        if work.step is Step.CLOSE:
            return self.next_month()
        if work.step is Step.ALERT:
            return self.become(self.month.alerted(self.now))
        if work.step in (Step.NOTIFY, Step.CHARGE) and self.is_stopped(work):
            if work.step is Step.CHARGE or self.month.notice == work.asked.notice:
                self.become(self.month.braked("ann: stop"))
            return None
        if result == "down":
            return self.become(self.month.delayed("SalesUnavailable", "the server is down"))
        if result == "refused":
            return self.become(self.month.failed("it was refused"))
        if work.step is Step.IMPORT:
            return self.collected(work, draw)
        if work.step is Step.NOTIFY:
            return self.told(work)
        self.charged(draw)

    def collected(self, work: Work, draw: st.DataObject | None) -> None:
        step = step_minor(work.asked.customer.currency)
        largest = MAX_AMOUNT_MINOR // step
        amounts = st.lists(st.sampled_from([-900, -5, 1, 60, 5000, largest]), max_size=3)
        found = draw.draw(amounts, "sales") if draw else [700]
        unreadable = draw is not None and draw.draw(st.integers(0, 5), "unreadable row") == 0
        source = Source(sheet=work.asked.period, row=7, digest="d")
        problem = Problem(line_id="row-7", description="Seven", raw="#REF!", reason="no amount", source=source)
        invoice = Invoice(
            currency=work.asked.customer.currency,
            imported_at=work.since,
            lines=tuple(
                LineItem(line_id=f"row-{row}", description="Sale", amount_minor=amount * step, source=source)
                for row, amount in enumerate(found)
            ),
            problems=(problem,) if unreadable else (),
            carried_minor=self.books[AccountKind.CREDIT, work.asked.customer.currency],
        )
        self.become(self.month.drafted(invoice))
        self.notice_floor = max(self.notice_floor, work.since + self.month.customer.terms.min_window)

    def is_stopped(self, work: Work) -> bool:
        """What the activities find out: ``activities.brake.check_brake_for``, and what they ask before that."""
        asked, window = work.asked, work.asked.customer.terms.min_window
        if work.step is Step.CLOSE:
            is_empty = asked.outcome in (Stage.NOTHING_DUE, Stage.CARRIED_FORWARD)
            uncharged = is_empty and asked.closed is not None and asked.closed.charge is None
            same_money = not asked.invoice or asked.invoice.currency == self.month.customer.currency
            return self.brake_on and uncharged and same_money
        if work.step is Step.CHARGE and (self.is_cancelled or self.month.brake or self.tried):
            return False
        if work.step is Step.NOTIFY and asked.notices:
            return self.brake_on
        return self.brake_on or self.now < self.released_at + window

    def becomes_free(self) -> None:
        before = self.month
        self.become(self.month.brake_released(max(self.now, self.released_at)))
        assert not self.month.brake
        self.note_window(before)

    def told(self, work: Work) -> None:
        assert work.asked.notice is not None
        assert not self.brake_on, "announced under the brake"
        self.last_told = work.asked.notice.total_minor
        if self.month.notice == work.asked.notice:
            self.become(self.month.delivered(Delivered(at=self.now)))
            self.charge_floor = max(self.charge_floor, self.now + self.month.customer.terms.min_notice)
            assert self.month.charge_at >= work.asked.notice.charge_at, "never earlier than the customer was told"

    def charged(self, draw: st.DataObject | None) -> None:
        if self.month.brake and not self.is_cancelled:
            return self.ended_by_brake(draw)
        given_up = self.is_cancelled
        if not given_up and not self.tried:
            assert not self.brake_on, "charged under the brake"
            assert self.now >= self.released_at + self.month.customer.terms.min_window, "no time to look"
        possible = [status for status in ChargeStatus if (status is ChargeStatus.CANCELED) == given_up]
        statuses = st.sampled_from([ChargeStatus.SUCCEEDED, *possible])
        status = draw.draw(statuses, "charge") if draw else ChargeStatus.SUCCEEDED
        self.charges += status is ChargeStatus.SUCCEEDED
        self.become(self.month.charged(ChargeResult(status=status, at=self.now, payment_id="pi_1")))

    def ended_by_brake(self, draw: st.DataObject | None) -> None:
        """The charge that the brake stopped: its outcome if the card had been tried, else as if it had not begun."""
        status = ChargeStatus.SUCCEEDED if self.tried else ChargeStatus.CANCELED
        before, self.charges = self.month, self.charges + self.tried
        self.become(before.charge_ended(ChargeResult(status=status, at=self.now), before))
        if not self.tried:
            assert self.month.charging is None
            assert self.month.series == before.series + 1
            self.frozen = None

    def next_month(self) -> None:
        """Continue-as-new, or the customer comes back after having left."""
        month = self.month
        assert month.outcome in OUTCOMES
        assert month.period not in self.outcomes
        self.outcomes[month.period] = month.outcome
        assert self.charges == (month.outcome is Stage.PAID)
        if month.invoice is not None and month.outcome is not Stage.SKIPPED:
            self.billed += sum(line.amount_minor for line in month.invoice.lines)
            if month.outcome is Stage.PAID:
                assert self.last_told is not None
                self.paid += self.last_told
            elif month.outcome in (Stage.PAST_DUE, Stage.AUTHENTICATION_REQUIRED, Stage.NEEDS_CARD):
                self.owed += month.invoice.total_minor
        following = month.next_month()
        assert following.period > month.period
        self.check_books(month)
        self.note_usual(month)
        assert (following.usual_minor, following.first) == (self.usual, self.is_first)
        carried = sum(minor for (kind, _), minor in self.books.items() if kind is AccountKind.CREDIT)
        assert self.billed == self.paid + self.owed + carried, "money was lost or counted twice"
        kept = {
            "customer",
            "period",
            "import_at",
            "notice_at",
            "charge_at",
            "answered",
            "first",
            "usual_minor",
        }
        assert following.model_dump(exclude=kept) == Month.open(month.customer, month.period).model_dump(exclude=kept)
        self.month = following
        self.new_month()

    def check_books(self, month: Month) -> None:
        """What the journal says of the month is what is still owed for it, or left to the next draft."""
        currency = month.currency
        owed = month.outcome is Stage.PAID or month.outcome in UNPAID_OUTCOMES
        assert self.books[AccountKind.RECEIVABLE, currency] == (
            month.invoice.total_minor if owed and month.invoice else 0
        )
        if month.invoice is not None:
            assert self.books[AccountKind.CREDIT, currency] == month.balance_forward_minor
        assert not month_transactions(month, month, self.now), "a repeat posts nothing"
        self.books[AccountKind.RECEIVABLE, currency] = 0  # paid, or collected beside the chain

    def note_usual(self, month: Month) -> None:
        if month.invoice is not None and month.invoice.currency != month.customer.currency:
            self.usual = None
        sales = sum(line.amount_minor for line in month.invoice.lines) if month.invoice else 0
        if sales > 0 and month.outcome is not Stage.SKIPPED:
            self.is_first = False
            if month.invoice and month.invoice.currency == month.customer.currency:
                self.usual = sales

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

    def pass_time(self, by: timedelta) -> None:
        if by > timedelta():
            self.now += by
            self.steps = 0

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
        self.cancel_collection()
        return decision

    def note_window(self, before: Month) -> None:
        """Whoever starts a clock that stood still gives reviewers the minimum window again."""
        after = self.month
        if (
            text_of(before.stopped)
            and after.stopped is None
            and after.invoice
            and not after.charging
            and not after.outcome
        ):
            floor = self.now + before.customer.terms.min_window
            self.charge_floor = max(self.charge_floor, floor)
            if not before.announced:
                self.notice_floor = max(self.notice_floor, floor)

    def cancel_collection(self) -> None:
        if self.work is None or self.work.step is not Step.IMPORT:
            return
        if self.month.outcome is not None or self.month.customer != self.work.asked.customer:
            self.work = None

    def lines_and_total(self) -> str:
        invoice = self.month.invoice
        return f"{invoice.lines} {invoice.total_minor}" if invoice else ""

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
        if decision.accepted and changes.currency:
            assert self.billed - self.paid - self.owed == 0 or before.outcome, "a balance has one currency"

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
