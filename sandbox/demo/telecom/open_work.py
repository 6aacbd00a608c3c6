"""Work that is left open for whoever plays with the demo: a task for each department."""

from sandbox.demo.telecom.company import AIGUL, FARID, GULNAR, TIMUR
from sandbox.demo.telecom.front_desk import about, sent_by_shop, to_connect
from sandbox.demo.telecom.scene import Scene


async def leave_work(scene: Scene) -> None:
    """Operator, warehouse, crew and accounting, in this order."""
    scene.chapter("there is work for every department")
    await sent_by_shop(scene, to_connect("201", FARID))
    await sent_by_shop(scene, to_connect("202", GULNAR))
    await scene.people["ann"].does("202", possible="yes", area="south-1", equipment="yes")
    await sent_by_shop(scene, about("203", "request", TIMUR.number, category="No connection", text="Dead since noon"))
    await sent_by_shop(scene, about("204", "request", AIGUL.number, category="Bill or payment", text="What is this?"))
    await scene.phones_ring()
