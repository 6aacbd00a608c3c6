"""Orders and planned works arrive at the console, beside the webhooks; what is taken there is in the contract tests
``test_orders_http.py`` and ``test_announcements_http.py``.
"""

import json
from datetime import UTC, datetime

from billing.events.signature import HEADER, signed
from bootstrap import SANDBOX_ORDERS_SECRET
from orders.order import OrderStage
from tests.bed import now
from tests.console.conftest import Desk
from tests.ordering import payment, request

WORKS = {
    "number": "W-17",
    "starts_at": "2999-12-03T10:00:00Z",
    "ends_at": "2999-12-03T12:00:00Z",
    "reason": "new switch",
    "audience": {"nodes": ["north-3"]},
}


def signature(signed_bytes: bytes) -> dict[str, str]:
    return {
        HEADER: signed(signed_bytes, [SANDBOX_ORDERS_SECRET], datetime.now(UTC)),
        "Content-Type": "application/json",
    }


async def test_an_order_that_a_shop_hands_over_is_made_once_it_is_paid(desk: Desk) -> None:
    desk.bed.orders.append("1042")
    body = request().model_dump_json().encode()
    answers = [await desk.browser.post("/orders", content=body, headers=signature(body)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].content == answers[1].content
    await desk.bed.ledger.book(payment(10000), now())
    await desk.bed.fulfils("1042", lambda value: value.stage is OrderStage.FULFILLED)
    path = json.loads(answers[0].content)["status_path"]
    status = (await desk.browser.get(path, headers=signature(path.encode()))).json()
    assert (status["stage"], status["releases"][0]["answer"]) == ("Fulfilled", "job-1 for order 1042")
    assert (await desk.browser.post("/orders", content=body)).status_code == 401
    assert (await desk.browser.get("/orders")).status_code == 405


async def test_planned_works_that_an_office_hands_over_concern_who_is_connected(desk: Desk) -> None:
    body = json.dumps(WORKS).encode()
    assert (await desk.browser.post("/announcements", content=body)).status_code == 401
    answer = await desk.browser.post("/announcements", content=body, headers=signature(body))
    assert (answer.status_code, "this concerns nobody" in answer.json()["error"]) == (422, True)
    path = "/announcements/W-17"
    assert (await desk.browser.get(path, headers=signature(path.encode()))).status_code == 404
