"""The stand-in's faults on demand: dropped connections, false and late answers, before and after the money moved."""

import asyncio
from typing import Any

import pytest
import stripe

from tests.contract.stripe_stand import Stand, stand

__all__ = ["stand"]  # fixture


async def test_connection_dropped_before_the_app_ran_charges_nothing(stand: Stand) -> None:
    intent = await stand.intent()
    await stand.tell("faults", path="/confirm$", method="POST", kind="drop_before")
    with pytest.raises(stripe.APIConnectionError):
        await stand.confirm(intent)
    assert (await stand.v1.payment_intents.retrieve_async(intent.id)).status == "requires_confirmation"
    assert (await stand.confirm(intent)).status == "succeeded"


async def test_connection_dropped_after_the_app_ran_has_charged(stand: Stand) -> None:
    intent = await stand.intent()
    await stand.tell("faults", path="/confirm$", method="POST", kind="drop_after", times=2)
    for _ in range(2):
        with pytest.raises(stripe.APIConnectionError):
            await stand.confirm(intent, key="k")
    assert (await stand.v1.payment_intents.retrieve_async(intent.id)).status == "succeeded"
    assert (await stand.confirm(intent, key="k")).status == "succeeded"
    rules = (await stand.control.get("/_control/faults")).json()
    assert [(rule["path"], rule["fired"]) for rule in rules] == [("/confirm$", 2)]


@pytest.mark.parametrize(
    ("rule", "error", "status"),
    [
        ({"kind": "status", "status": 500}, stripe.APIError, 500),
        ({"kind": "html_502"}, stripe.APIError, 502),
        ({"kind": "garbage_200"}, stripe.APIError, 200),
        ({"kind": "rate_limit"}, stripe.RateLimitError, 429),
    ],
)
async def test_false_answers_reach_the_sdk_as_its_errors(
    stand: Stand, rule: dict[str, Any], error: type[stripe.StripeError], status: int
) -> None:
    intent = await stand.intent()
    for executed, expected in [(False, "requires_confirmation"), (True, "succeeded")]:
        await stand.tell("faults", path="/confirm$", executed=executed, **rule)
        with pytest.raises(error) as raised:
            await stand.confirm(intent, key="k")
        assert raised.value.http_status == status
        assert (await stand.v1.payment_intents.retrieve_async(intent.id)).status == expected
    assert (await stand.confirm(intent, key="k")).status == "succeeded"


@pytest.mark.parametrize(("executed", "expected"), [(False, "requires_confirmation"), (True, "succeeded")])
async def test_cached_500_is_replayed_by_its_key_whatever_became_of_the_charge(
    stand: Stand, executed: bool, expected: str
) -> None:
    intent = await stand.intent()
    await stand.tell("faults", path="/confirm$", kind="status", status=500, cached=True, executed=executed)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as raised:
            await stand.confirm(intent, key="k")
        assert raised.value.http_status == 500
    assert (raised.value.headers or {})["idempotent-replayed"] == "true"
    assert (await stand.v1.payment_intents.retrieve_async(intent.id)).status == expected


async def test_slow_answer_comes_and_cleared_faults_do_not_strike(stand: Stand) -> None:
    intent = await stand.intent()
    await stand.tell("faults", kind="slow", seconds=0.01, executed=True)
    assert (await stand.confirm(intent)).status == "succeeded"
    await stand.tell("faults", kind="drop_before", times=None)
    await stand.control.delete("/_control/faults")
    assert (await stand.v1.payment_intents.retrieve_async(intent.id)).status == "succeeded"


async def test_fault_without_a_number_of_times_strikes_until_it_is_cleared(stand: Stand) -> None:
    intent = await stand.intent()
    await stand.tell("faults", path="/confirm$", kind="html_502", times=None)
    for _ in range(3):
        with pytest.raises(stripe.APIError):
            await stand.confirm(intent)
    await stand.control.delete("/_control/faults")
    assert (await stand.confirm(intent)).status == "succeeded"


async def test_same_seed_brings_the_same_faults_as_often_as_their_probability_says(stand: Stand) -> None:
    async def struck() -> list[bool]:
        await stand.tell("faults/seed", seed=7)
        answers = [stand.v1.customers.list_async() for _ in range(40)]
        return [isinstance((await asyncio.gather(each, return_exceptions=True))[0], Exception) for each in answers]

    await stand.tell("faults", kind="drop_before", times=None, probability=0.3)
    first = await struck()
    assert 5 < sum(first) < 20
    assert await struck() == first
    assert (await stand.control.post("/_control/faults/seed", json={"seed": "x"})).status_code == 422
    assert len((await stand.control.get("/_control/faults")).json()) == 1


async def test_wrong_fault_is_refused(stand: Stand) -> None:
    assert (await stand.control.post("/_control/faults", json={"kind": "earthquake"})).status_code == 422
    assert (await stand.control.post("/_control/faults", json={"kind": "slow", "path": "("})).status_code == 422
