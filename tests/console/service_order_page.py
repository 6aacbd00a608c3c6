"""A service order at the desk, and what people send from its page."""

import pytest

from billing.tasks.documents import NewDocument
from billing.tasks.member import Member
from orders.procedures.procedure import Procedure
from tests.console.people import Office
from tests.contract.task_fixtures import JPEG, PHOTO
from tests.service_ordering import AT, CONNECT, LATER, YES, done, payment, request, task_of, with_tariff

ORDER = "/desk/orders/77"


def with_photo() -> Procedure:
    """Whoever installs takes a photo, and may open the order again."""
    install = CONNECT.step("install").evolve(form=(*CONNECT.step("install").form, PHOTO))  # type: ignore[union-attr]
    steps = tuple(install if step.name == "install" else step for step in CONNECT.steps)
    return CONNECT.evolve(steps=steps, reopens={"within": "5d", "step": "install"})


@pytest.fixture(autouse=True)
async def order(desk: Office) -> None:
    await with_tariff(desk.ledger)
    await desk.ledger.open_service_order(request(), with_photo(), AT, "ann", "cli")


async def install_photo(desk: Office) -> None:
    """The fee is paid, and the crew has uploaded a photo."""
    await done(desk.ledger, possible=YES)
    await desk.ledger.book(payment(), LATER)
    task, crew = await task_of(desk.ledger), Member("karl", ("crew",))
    await desk.ledger.add_document(task.number, crew, NewDocument("photo", "box.jpg", JPEG), LATER)
