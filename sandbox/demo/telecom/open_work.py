"""Work that is left open for whoever plays with the demo: a task for each department."""

import json

from sandbox.demo.telecom.company import AIGUL, FARID, GULNAR, SLOW, TIMUR
from sandbox.demo.telecom.scene import Scene
from sandbox.demo.web_shop import post_order


async def leave_work(scene: Scene) -> None:
    scene.chapter("there is work for every department")
    await _request(scene, "203", TIMUR.number, "No connection", "Dead since noon")
    await _request(scene, "204", AIGUL.number, "Bill or payment", "What is this amount?")
    await scene.orders_in_the_shop("201", FARID, SLOW)
    await scene.orders_in_the_shop("202", GULNAR, SLOW)
    await scene.people["ann"].does("202", possible="yes", area="south-1", equipment="yes")
    await scene.phones_ring()


async def _request(scene: Scene, number: str, account: str, category: str, text: str) -> None:
    body = {"number": number, "procedure": "request", "account": account, "category": category, "text": text}
    await post_order(scene.stack, json.dumps(body).encode())
    scene.time.orders.append(number)
