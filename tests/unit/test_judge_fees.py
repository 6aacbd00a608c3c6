"""What the judge counts as a suspended day, against what the documents say."""

from datetime import UTC, date, datetime

from billing.period import Period
from billing.subscribers.service import ServiceCause, ServiceChange, ServiceState
from sandbox.judge.subscribers.fees import suspended_days

NOVEMBER = Period("2026-11")


def change(position: int, day: int, state: ServiceState, cause: ServiceCause) -> ServiceChange:
    at = datetime(2026, 11, day, 9, tzinfo=UTC)
    named = {"number": "1000009", "customer_id": "acme", "key": f"change {position}", "by": "ann", "reason": "contract"}
    return ServiceChange.model_validate({**named, "position": position, "at": at, "state": state, "cause": cause})


CONNECTED = change(1, 1, ServiceState.ACTIVE, ServiceCause.CONNECTED)
SUSPENDED = change(2, 18, ServiceState.SUSPENDED, ServiceCause.NON_PAYMENT)


def test_day_on_which_a_suspended_account_is_disconnected_is_suspended_from_midnight_to_midnight() -> None:
    ended = change(3, 23, ServiceState.DISCONNECTED, ServiceCause.TERMINATED)
    found = suspended_days([CONNECTED, SUSPENDED, ended], NOVEMBER, "Europe/Paris")
    assert found == {date(2026, 11, day) for day in range(19, 31)}


def test_day_on_which_a_suspended_account_is_restored_is_none() -> None:
    paid = change(3, 23, ServiceState.ACTIVE, ServiceCause.PAID)
    found = suspended_days([CONNECTED, SUSPENDED, paid], NOVEMBER, "Europe/Paris")
    assert found == {date(2026, 11, day) for day in range(19, 23)}
