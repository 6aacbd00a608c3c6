"""A month as the workflow lives it: every step is held against an account of its own."""

from hypothesis import strategies as st

from billing.customers.customer import ReviewMode
from billing.invoices.approval_policy import needs_approval
from billing.invoices.commands import Delivered
from billing.invoices.invoice import Invoice, LineItem, Problem, Source
from billing.invoices.month import Month
from billing.invoices.stages import OUTCOMES, Stage, Step
from billing.money import MAX_AMOUNT_MINOR, step_minor
from billing.payments.methods import CardOnFile
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.period import Period
from billing.receivables.journal import AccountKind
from tests.stops import text_of
from tests.unit.month_account import MonthAccount, Work

STEPS_WITHOUT_TIME = 8
"""More steps than this at one instant, with nobody acting, would be an endless loop."""


class LivingMonth(MonthAccount):
    """The workflow and its activities without a server: every step is held against the invariants of a month."""

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
        assert CardOnFile.minimum_minor(invoice.currency) <= notice.total_minor <= MAX_AMOUNT_MINOR
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
            return self.imported(work, draw)
        if work.step is Step.NOTIFY:
            return self.told(work)
        self.charged(draw)

    def imported(self, work: Work, draw: st.DataObject | None) -> None:
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
        self.charges += status in (ChargeStatus.SUCCEEDED, ChargeStatus.SETTLED)  # paid once, by whichever rail
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
