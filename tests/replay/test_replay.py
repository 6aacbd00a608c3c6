"""Months in flight survive a deploy: recorded histories replay on the code of today."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from tests.replay.record import HISTORIES, PATHS
from workflows.answers import Answers
from workflows.digest import ReviewerDigest
from workflows.monthly_billing import MonthlyBilling
from workflows.order_fulfilment import OrderFulfilment
from workflows.payment_collection import PaymentCollection
from workflows.service_order_fulfilment import ServiceOrderFulfilment

CLOSED = ("CONTINUED_AS_NEW", "EXECUTION_COMPLETED")


@pytest.mark.parametrize("path", sorted(HISTORIES.glob("*.json")), ids=lambda path: path.stem)
async def test_a_recorded_month_replays_on_the_code_of_today(path: Path) -> None:
    text = path.read_text()
    assert any(end in text for end in CLOSED), "an open history replays whatever the code does"
    assert "site-packages" not in text, "a stack trace tells about the machine it was recorded on"
    history = WorkflowHistory.from_json("acme", text)
    replayer = Replayer(
        workflows=[MonthlyBilling, PaymentCollection, OrderFulfilment, ServiceOrderFulfilment, ReviewerDigest],
        data_converter=pydantic_data_converter,
        interceptors=[Answers()],
    )
    await replayer.replay_workflow(history)


def test_every_path_of_a_month_has_a_recorded_history() -> None:
    assert {path.stem for path in HISTORIES.glob("*.json")} >= {path.__name__ for path in PATHS}
