"""A collection's walk on its ladder: rungs are begun and done, one at a time; promises move the rest."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Self

from billing.collections.collection_state import CollectionState
from billing.collections.debt import Debt
from billing.collections.promise import Promise
from billing.collections.stages import DiaryEntry
from billing.customers.ladder import RungAction
from billing.period import Period
from billing.trail import appended

_OVER = {"reminding": False, "trouble": None, "halt": None, "brake": None, "promise": None, "restricted": None}
_DONE = {
    RungAction.LIMIT: "the service is limited",
    RungAction.SUSPEND: "the service is suspended",
    RungAction.DISCONNECT: "the task to disconnect the service is open",
}


class Walk(CollectionState):
    # -- the changes of its debts, which its ladder follows

    def _each(self, change: Callable[[Debt], Debt], **changes: object) -> Self:
        """The collection with ``change`` made to every debt; once all are settled, nothing stops it any more."""
        changed = self._changed(debts=tuple(map(change, self.debts)), **changes)
        if not changed.open_debts:
            return changed.evolve(**_OVER)
        is_settled = len(changed.open_debts) < len(self.open_debts)
        return changed._after_settlement() if is_settled else changed

    def with_debt(self, changed: Debt, **changes: object) -> Self:
        """The collection with ``changed`` in place of the debt of that month."""
        return self._each(lambda debt: changed if debt.period == changed.period else debt, **changes)

    def with_open_debts(self, change: Callable[[Debt], Debt], **changes: object) -> Self:
        return self._each(lambda debt: debt if debt.settled else change(debt), **changes)

    # -- where it begins

    def _starting(self, since: datetime, at: datetime) -> dict[str, object]:
        """The fields of a ladder that begins; reminders from before ``at`` of what is not yet due are not made up."""
        begun = 0
        for rung in self.rungs:
            if rung.day >= 0 or since + timedelta(days=rung.day) > at:
                break
            begun += 1
        return {"since": since, "contacts": begun, "moved_seconds": 0}

    def _after_settlement(self) -> Self:
        """Something was settled, and something is left: a promise may be kept, and the service restored."""
        at = max(debt.settled.at for debt in self.debts if debt.settled)
        is_overdue = any(debt.opened_at <= at for debt in self.open_debts)
        is_promised = self.promise and any(debt.period in self.promise.periods for debt in self.open_debts)
        after = self.evolve(
            restricted=self.restricted if is_overdue else None, promise=self.promise if is_promised else None
        )
        return after._from_oldest(at)

    def _from_oldest(self, at: datetime) -> Self:
        """Counts days from the oldest debt that is still open, once older ones are settled.

        What was threatened for those is not done for this one: it is warned of again. A customer without a ladder of
        their own keeps the days of the first.
        """
        oldest = min(debt.opened_at for debt in self.open_debts)
        if not self.ladder or oldest <= self.since:
            return self
        return self.evolve(**self._starting(oldest, max(at, self.contacted_at or at)), reminding=False)

    # -- its rungs

    def contacting(self, now: datetime) -> Self:
        """A rung is begun: cards are tried where that may help, then the customer is told, or the service restricted.

        Of reminders that were missed only the last is made up for. Nothing else is ever passed over.
        """
        index = self.next_index(self.contacts)
        assert index is not None
        tried = [self.rungs[index]]
        while self.rungs[index].action.reminds and (later := self._is_missed(index + 1, now)) is not None:
            index = later
            tried.append(self.rungs[index])
        days = [rung.day for rung in tried if rung.action is RungAction.TRY]
        begun = {"contacts": index + 1, "contacted_at": now, "reminding": True}
        return self.with_open_debts(lambda debt: debt.scheduled(days[-1]) if days else debt, **begun)

    def _is_missed(self, begun: int, now: datetime) -> int | None:
        """The next reminder after ``begun`` rungs, if its day has come, too."""
        index = self.next_index(begun)
        if index is None or not self.rungs[index].action.reminds or now < self.planned_at(self.rungs[index]):
            return None
        return index

    def reminded(self, now: datetime) -> Self:
        """The reminder or warning was sent, perhaps long after the day for which it was planned.

        A late warning moves what it warns of by as much.
        """
        return self._rung_done(now, reminders=self.reminders + 1)

    def restricted_at(self, now: datetime, accounts: int) -> Self:
        """So many service accounts are restricted as the rung under way says, or people have the task to do it."""
        action = self.rung.action
        done = self._rung_done(now, restricted=action if accounts else self.restricted)
        text = _DONE[action] if accounts else "no service account is left for which to do it"
        return done.noted(now, None, action, text)

    def _rung_done(self, now: datetime, **changes: object) -> Self:
        outage_is_over = None if self.outage else self.alerted_at
        moved_seconds = self.moved_seconds + self.late_seconds(now)
        done = {"contacted_at": now, "reminding": False, "trouble": self.failure, "alerted_at": outage_is_over}
        return self._changed(**done, moved_seconds=moved_seconds, **changes)

    def put_off(self, now: datetime) -> Self:
        """The ledger has money for what the service was to be restricted for: the rung waits a day, and is counted."""
        if not self.reminding:
            return self._changed(counts_asked=self.counts_asked + 1)
        return self._changed(
            reminding=False, contacts=self.contacts - 1, contacted_at=now, counts_asked=self.counts_asked + 1
        )

    # -- promises

    def promised(self, promise: Promise, by_customer: bool, period: Period) -> Self:
        """The ladder stands until the promise ends, and goes on from there; a rung under way is done after it."""
        begins = max([promise.at, self.since, *([self.promise.ends_at] if self.promise else [])])
        stands = -(-(promise.ends_at - begins) // timedelta(seconds=1))
        return self._changed(
            promise=promise,
            promised_in=period if by_customer else self.promised_in,
            moved_seconds=self.moved_seconds + max(0, stands),
            contacts=max(0, self.contacts - self.reminding),
            reminding=False,
            told_exhausted=False,
        )

    def promise_broken(self, now: datetime) -> Self:
        """Its day is over, and not all is paid: that is told, and the ladder goes on from where it was."""
        assert self.promise is not None
        return self.evolve(promise=None).noted(now, None, "promise broken", self.promise_text)

    # -- the diary

    def noted(
        self, at: datetime, by: str | None, event: str, text: str, month: Period | None = None, **more: object
    ) -> Self:
        """Adds an entry to the diary; ``by`` None: the application; ``month`` None: about the whole account."""
        number = self.entry_count + 1
        fields = {"number": number, "at": at, "by": by, "what": event, "text": text, "month": month}
        entry = DiaryEntry.model_validate(fields | more)
        return self._changed(entries=appended(self.entries, entry), entry_count=number)
