"""Promises on a ladder: what they hold up, how long, and what follows when one is broken."""

import pytest

from billing.collections.promise_rules import own_promise_until
from billing.collections.stages import CollectionStage
from tests.unit.collecting import accepted, on, refused
from tests.unit.ladder_walks import ALWAYS, another, on_ladder, paid, until, walked


def test_promise_moves_the_rest_and_a_broken_one_is_told() -> None:
    collection = walked(on_ladder(hours=ALWAYS), on(on_ladder(), 8))[0]
    promised = accepted(collection, "promise", on(collection, 10), until=until(collection, 20))
    # the ladder stands from day 10 to the midnight after day 20, ten days and 14 hours
    _, done = walked(promised, on(collection, 100), on(collection, 10))
    assert done == ["20.58 break promise", "24.58 suspend", "40.58 disconnect", "41.58 alert"]


def test_broken_promise_is_in_the_diary() -> None:
    collection = walked(on_ladder(hours=ALWAYS), on(on_ladder(), 8))[0]
    promised = accepted(collection, "promise", on(collection, 10), until=until(collection, 12))
    broken = walked(promised, on(collection, 13), on(collection, 10))[0]
    assert broken.promise is None
    assert broken.entries[-1].what == "promise broken"
    assert "ann promised payment by 2026-11-20; 120.00 EUR are owed" in broken.entries[-1].text


def test_promise_that_is_kept_is_not_told() -> None:
    collection = accepted(on_ladder(), "promise", on(on_ladder(), 1), until=until(on_ladder(), 5))
    collection = collection.owing(another(collection, on(collection, 2)), on(collection, 2))
    left = paid(collection, on(collection, 3))
    assert left.promise is None
    assert "break promise" not in " ".join(walked(left, on(collection, 50), on(collection, 3))[1])


def test_promise_keeps_what_was_begun_from_being_done() -> None:
    collection = walked(on_ladder(hours=ALWAYS), on(on_ladder(), 8))[0].contacting(on(on_ladder(), 14))
    promised = accepted(collection, "promise", on(collection, 14), until=until(collection, 16))
    _, done = walked(promised, on(collection, 20), on(collection, 14))
    assert done == ["16.58 break promise", "16.58 suspend"]


def test_exhausted_collection_is_told_again_once_a_promise_is_broken() -> None:
    collection = walked(on_ladder(), on(on_ladder(), 40))[0]
    promised = accepted(collection, "promise", on(collection, 40), until=until(collection, 45))
    assert promised.stage(on(collection, 41)) is not CollectionStage.EXHAUSTED
    assert walked(promised, on(collection, 80), on(collection, 40))[1] == ["45.58 break promise", "45.58 alert"]


@pytest.mark.parametrize(
    ("day", "problem"),
    [(-1, "is in the past; name a day from 2026-11-09"), (32, "is too late; name a day up to 2026-12-09")],
)
def test_day_that_cannot_be_promised_is_refused_with_one_that_can(day: int, problem: str) -> None:
    collection = on_ladder()
    assert problem in refused(collection, "promise", on(collection, 1), until=until(collection, day))


def test_promise_is_not_taken_back_by_an_earlier_one() -> None:
    collection = accepted(on_ladder(), "promise", on(on_ladder(), 1), until=until(on_ladder(), 9))
    assert "promised already" in refused(collection, "promise", on(collection, 2), until=until(collection, 9))
    later = accepted(collection, "promise", on(collection, 2), until=until(collection, 11))
    assert walked(later, on(collection, 13), on(collection, 2))[1] == ["11.58 break promise", "11.58 remind"]


def test_customer_promises_once_a_month_within_a_shorter_limit() -> None:
    collection = on_ladder(own_promise_days=3)
    now, own = on(collection, 8), {"via": "customer", "by": "the customer"}
    assert f"{own_promise_until(collection, now)}" == until(collection, 11)
    assert "too late" in refused(collection, "promise", now, until=until(collection, 12), **own)
    promised = accepted(collection, "promise", now, until=until(collection, 11), **own)
    broken = walked(promised, on(collection, 12), now)[0]
    assert own_promise_until(broken, on(collection, 13)) is None
    assert "this month already" in refused(broken, "promise", on(collection, 13), until=until(collection, 14), **own)
    assert own_promise_until(broken, on(collection, 24)) is not None


def test_customer_who_is_threatened_with_nothing_needs_no_promise() -> None:
    collection = on_ladder("1 remind, 5 remind")
    assert own_promise_until(collection, on(collection, 1)) is None
    own = {"via": "customer", "by": "the customer"}
    assert "no promise is needed" in refused(
        collection, "promise", on(collection, 1), until=until(collection, 2), **own
    )
