"""``AppriseAlerts`` against a real HTTP receiver: what arrives, and what a failure becomes."""

import logging
from datetime import UTC, datetime

import pytest

from adapters.notify.apprise_alerts import AppriseAlerts
from billing.errors import AlertUnavailable, InvalidInput
from billing.period import Period
from billing.reviewers.alerts import of_report
from billing.reviewers.digest import Digest
from billing.reviewers.ports import Channel
from tests.receiver import Receiver, receiver

__all__ = ["receiver"]  # fixture

SECRET = "hunter2"


def digest(reports: int = 1) -> Digest:
    at, period = datetime(2026, 11, 4, 9, tzinfo=UTC), Period("2026-10")
    alerts = tuple(of_report(f"customer-{n:02}", period, n, f"Refund {n} {'x' * 700}", at) for n in range(reports))
    return Digest(digest_id="d1", message_id="<d1@b>", to="", console_url="https://console.example.com", alerts=alerts)


async def test_a_digest_arrives_with_its_subject_and_its_text(receiver: Receiver) -> None:
    channel: Channel = AppriseAlerts(receiver.address)
    await channel.tell(digest())
    (arrived,) = receiver.bodies
    assert arrived["title"] == "[Billing] 1 report"
    assert "  customer-00, 2026-10: Refund 0" in arrived["message"]
    assert "https://console.example.com/desk/2026-10/invoices/customer-00" in arrived["message"]


async def test_a_service_that_fails_is_to_be_tried_again_and_its_secret_is_told_nobody(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.failures = 1
    channel = AppriseAlerts(receiver.address.replace("json://", f"json://user:{SECRET}@"))
    with pytest.raises(AlertUnavailable) as failed:
        await channel.tell(digest())
    assert failed.value.retryable
    await channel.tell(digest())
    assert len(receiver.bodies) == 1
    assert SECRET not in str(failed.value) + caplog.text


async def test_nobody_there_is_to_be_tried_again() -> None:
    with pytest.raises(AlertUnavailable):
        await AppriseAlerts("json://127.0.0.1:9/?cto=1&rto=1").tell(digest())


async def test_a_service_that_takes_little_gets_whole_lines(receiver: Receiver) -> None:
    channel = AppriseAlerts(receiver.address)
    channel._service.body_maxlen = 1000
    await channel.tell(digest(50))
    (arrived,) = receiver.bodies
    assert 500 < len(arrived["message"]) <= 1000
    assert arrived["message"].endswith("\n…")


@pytest.mark.parametrize("address", ["", "nonsense", f"no-such-service://{SECRET}"])
def test_an_address_that_cannot_be_read_is_refused_without_being_shown(address: str) -> None:
    with pytest.raises(InvalidInput, match="BILLING_ALERT_URLS") as refused:
        AppriseAlerts(address)
    assert SECRET not in str(refused.value)
