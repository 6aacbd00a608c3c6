"""Three who do not pay: one does when warned, one at the last step, by the bank's app; one is disconnected."""

from datetime import timedelta

from billing.tasks.listing import TaskFilter
from billing.tasks.task import TaskKind
from sandbox.demo.telecom.company import MARAT, RUSLAN, SAULE
from sandbox.demo.telecom.front_desk import about, typed_by_ann
from sandbox.demo.telecom.people import TERMINATION
from sandbox.demo.telecom.scene import Scene
from sandbox.demo.telecom.story_time import workday

RUSLANS = "105"
EQUIPMENT = "60.00"
"""What ruslan has not given back."""


async def go_on(scene: Scene) -> None:
    """Until an hour after the next step of the ladder."""
    await scene.time.pass_to(await scene.time.next_rung(RUSLAN.customer_id) + timedelta(hours=1))


async def remind(scene: Scene) -> None:
    await go_on(scene)
    scene.chapter("three have not paid, and are reminded")
    await scene.phones_ring()


async def warn(scene: Scene) -> None:
    await go_on(scene)
    scene.chapter("they are warned; saule pays, and is left in peace")
    await scene.phones_ring()
    await scene.pays_in_app(SAULE.customer_id)


async def suspend(scene: Scene) -> None:
    await go_on(scene)
    scene.chapter("marat and ruslan are suspended")
    await scene.phones_ring()
    await _show_states(scene)


async def pay_at_the_last_step(scene: Scene) -> None:
    await go_on(scene)
    scene.chapter("the crew is to disconnect both; marat pays at the last step")
    tasks = await scene.ledger.tasks(TaskFilter(kind=TaskKind.DISCONNECT))
    scene.show.tell(f"The crew has {len(tasks)} tasks to disconnect: {', '.join(task.customer_id for task in tasks)}.")
    await scene.pays_in_app(MARAT.customer_id)
    await scene.phones_ring()
    left = await scene.ledger.tasks(TaskFilter(kind=TaskKind.DISCONNECT))
    scene.show.tell(f"It has {len(left)} left: {', '.join(task.customer_id for task in left)}.")
    await _show_states(scene)


async def disconnect(scene: Scene) -> None:
    """Through the departments: accounting decides, the crew dismantles, the warehouse misses a router."""
    scene.chapter("ruslan is disconnected by the departments, although something is owed")
    await typed_by_ann(scene, about(RUSLANS, "disconnect", RUSLAN.number, text="does not pay"))
    await scene.phones_ring()
    ann, bob, karl, wes = (scene.people[name] for name in ("ann", "bob", "karl", "wes"))
    await bob.does(RUSLANS, allow="yes", why="more would be owed every day")
    visit_at = workday(scene.time.local + timedelta(days=1))
    await ann.does(RUSLANS, day=f"{visit_at:%Y-%m-%d}", crew="karl")
    await scene.phones_ring()
    await scene.time.pass_to(visit_at)
    scene.chapter("the crew dismantles, and a router is missing")
    await karl.does(RUSLANS, serials="ONT-311")
    await wes.does(RUSLANS, all_back="no", price=EQUIPMENT)
    await ann.does(RUSLANS, files={"termination": TERMINATION})
    await scene.phones_ring()
    await _show_states(scene)


async def _show_states(scene: Scene) -> None:
    """As the ledger has them, which the network was told."""
    services = [await scene.ledger.service(late.number) for late in (SAULE, MARAT, RUSLAN)]
    states = (f"{service.customer_id} is {service.state}" for service in services if service)
    scene.show.tell(f"{', '.join(states)}.")
