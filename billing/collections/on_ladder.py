"""Where a collection stands on its ladder: what was done, what is next and when.

The rung under way is the last that was begun; ``contacts`` counts those. Its changes are in ``walk.py``.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from billing.collections.debt import Debt
from billing.collections.promise import Promise
from billing.customers.contact_hours import ContactHours
from billing.customers.customer import Customer
from billing.customers.ladder import Ladder, Rung, RungAction, tries_on
from billing.model import Count, Few, Instant
from billing.period import Period
from billing.progress import Durable

_BETWEEN_CONTACTS = timedelta(days=1)
"""Keeps the days that an outage has missed from all being made up at once."""


class Restriction(NamedTuple):
    """The next restriction, and the first instant at which it can come."""

    rung: Rung
    at: datetime


class OnLadder(Durable):
    """One ladder for the whole account. Without one the days of the customer's terms are it, at any hour.

    ``moved_seconds``: by how much what follows is later than its days say, for promises and for warnings that were
    late. ``restricted``: what is in force for not paying, as far as this collection has done it.
    """

    customer: Customer
    debts: Few[Debt]
    ladder: Ladder = ()
    hours: ContactHours | None = None
    since: Instant  # day 0 of the ladder
    moved_seconds: Count = 0
    contacts: Count = 0  # rungs that have been begun
    contacted_at: Instant | None = None
    reminders: Count = 0
    reminding: bool = False  # a rung is under way
    restricted: RungAction | None = None
    promise: Promise | None = None
    promised_in: Period | None = None  # when the customer promised last, at our page

    @property
    def open_debts(self) -> tuple[Debt, ...]:
        """The oldest first."""
        return tuple(debt for debt in self.debts if not debt.settled)

    @property
    def rungs(self) -> tuple[Rung, ...]:
        return self.ladder or tries_on(self.customer.terms.dunning_days)

    @property
    def rung(self) -> Rung:
        """The rung that was begun last."""
        return self.rungs[self.contacts - 1]

    def planned_at(self, rung: Rung) -> datetime:
        """Its instant by the ladder alone, without contact hours and the day between two contacts."""
        return self.since + timedelta(days=rung.day, seconds=self.moved_seconds)

    def next_index(self, begun: int) -> int | None:
        """The index of the rung after the first ``begun``; restrictions in force are neither repeated nor warned of."""
        indices = range(begun, len(self.rungs))
        return next((index for index in indices if not self._is_needless(index)), None)

    def _is_needless(self, index: int) -> bool:
        rung = self.rungs[index]
        if rung.action is RungAction.WARN:
            return self._restriction_after(index) is None
        return rung.action.restricts and self._is_in_force(rung.action)

    def _is_in_force(self, action: RungAction) -> bool:
        return self.restricted is not None and self.restricted.covers(action)

    def _restriction_after(self, index: int) -> Rung | None:
        later = (rung for rung in self.rungs[index:] if rung.action.restricts)
        return next((rung for rung in later if not self._is_in_force(rung.action)), None)

    @property
    def next_rung(self) -> Rung | None:
        index = self.next_index(self.contacts)
        return None if index is None else self.rungs[index]

    @property
    def next_contact(self) -> datetime | None:
        """When the next rung is due; None if there is none left."""
        if (rung := self.next_rung) is None:
            return None
        last = (self.contacted_at, *(debt.tried_at for debt in self.open_debts))
        earliest = [instant + _BETWEEN_CONTACTS for instant in last if instant]
        promised = [self.promise.ends_at] if self.promise else []
        return self.in_hours(max([self.planned_at(rung), *earliest, *promised]))

    @property
    def next_try(self) -> datetime | None:
        """When a card is tried next; None: on no day that is left."""
        tries = (rung for rung in self.rungs[self.contacts :] if rung.action is RungAction.TRY)
        rung, contact_at = next(tries, None), self.next_contact
        return max(contact_at, self.planned_at(rung)) if rung and contact_at else None

    @property
    def give_up_at(self) -> datetime:
        """When tries and reminders end and people decide."""
        planned = self.since + timedelta(days=self.customer.terms.give_up_days, seconds=self.moved_seconds)
        earliest = [self.contacted_at + _BETWEEN_CONTACTS] if self.contacted_at else []
        return max([planned, *earliest, *([self.promise.ends_at] if self.promise else [])])

    def in_hours(self, at: datetime) -> datetime:
        """The first instant from ``at`` on at which the ladder may act."""
        return self.hours.next_allowed(at, self.customer.timezone) if self.hours else at

    def late_seconds(self, now: datetime) -> int:
        """How late the rung under way moves what follows; a reminder moves nothing."""
        if self.rung.action.reminds:
            return 0
        late = now - self.planned_at(self.rung)
        return max(0, -(-late // timedelta(seconds=1)))

    def coming_restriction(self, now: datetime) -> Restriction | None:
        """The next restriction; if its warning is under way, as it will be once that has been sent at ``now``."""
        rung = self._restriction_after(self.contacts)
        if rung is None:
            return None
        late_seconds = self.late_seconds(now) if self.reminding else 0
        return Restriction(rung, self.in_hours(max(now, self.planned_at(rung) + timedelta(seconds=late_seconds))))

    @property
    def warning_comes_first(self) -> bool:
        """Whether a warning is still to be sent before the next restriction."""
        restriction = self._restriction_after(self.contacts)
        under_way = self.contacts - self.reminding
        ahead = (rung for rung in self.rungs[under_way:] if restriction and rung.day < restriction.day)
        return any(rung.action is RungAction.WARN for rung in ahead)
