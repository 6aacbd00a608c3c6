"""Which promises to pay are accepted: by a person of ours, and by customers at our page."""

from datetime import date, datetime

from billing.collections.collection import Collection
from billing.collections.promise import Promise, last_day
from billing.commands import Refusal, Refused
from billing.period import Period


def accept_promise(
    collection: Collection, by: str, until: date, now: datetime, by_customer: bool
) -> tuple[Collection, str]:
    """The collection with the promise, and the answer in words. Raises ``Refused``, which says what to do instead.

    The days of the terms count from today, or from the day on which it is due if that is later.
    """
    zone, terms = collection.customer.timezone, collection.customer.terms
    if by_customer:
        _check_own(collection, now)
    days = terms.own_promise_days if by_customer else terms.promise_days
    first, last = last_day(now, zone, 0), last_day(max(now, collection.since), zone, days)
    if until < first:
        raise Refused(f"{until} is in the past; name a day from {first} to {last}")
    if until > last:
        otherwise = "write to us" if by_customer else "agree on it and halt the collection"
        raise Refused(f"{until} is too late; name a day up to {last}, or {otherwise}")
    if any(debt.is_moving for debt in collection.open_debts):
        raise Refused("the outcome of the last try has to be known first; repeat the promise after that", Refusal.LATER)
    periods = tuple(debt.period for debt in collection.open_debts)
    promise = Promise.given(by, now, until, zone, periods)
    if promise.ends_at <= collection.since:
        raise Refused(f"it is due only on {last_day(collection.since, zone, 0)}; a promise has to be for a later day")
    if collection.promise and promise.ends_at <= collection.promise.ends_at:
        raise Refused(f"payment by {collection.promise.until} is promised already; name a later day", Refusal.UNCHANGED)
    promised = collection.promised(promise, by_customer, Period.at(now, zone))
    return promised, f"payment is promised by {until}; the ladder stands until then, and goes on from there"


def own_promise_until(collection: Collection, now: datetime) -> date | None:
    """The last day that the customer may promise at our page; None: none is taken now."""
    try:
        _check_own(collection, now)
    except Refused:
        return None
    begins = max(now, collection.since)
    return last_day(begins, collection.customer.timezone, collection.customer.terms.own_promise_days)


def _check_own(collection: Collection, now: datetime) -> None:
    """Only who is threatened with something has to ask for time, once a month."""
    days, zone = collection.customer.terms.own_promise_days, collection.customer.timezone
    if not days or collection.outcome or collection.coming_restriction(now) is None:
        raise Refused("no promise is needed here; pay, or write to us")
    if collection.promise:
        raise Refused(f"payment by {collection.promise.until} is promised already", Refusal.UNCHANGED)
    if collection.promised_in == Period.at(now, zone):
        raise Refused("a promise was made this month already; pay, or write to us")
