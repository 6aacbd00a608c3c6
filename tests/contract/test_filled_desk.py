"""What the benchmark of departments' lists fills in is what the application reads; and its short form runs."""

from adapters.sql.ledger import SqlLedger
from benchmarks.filled.desk import fill_desk
from benchmarks.lists.desk_lists import EMPTY, VIV, measure
from billing.tasks.listing import TaskFilter
from orders.service.ports import ServiceFilter
from orders.service.service_order import ServiceStage
from tests.contract.ledger_fixtures import AT
from tests.contract.procedure_fixtures import shipped

ORDERS, ROUNDS = 240, 5


async def test_a_filled_desk_has_orders_at_each_step_and_their_tasks(ledger: SqlLedger) -> None:
    fill_desk(ledger, shipped(), ORDERS, ORDERS * ROUNDS, AT, VIV)
    page = await ledger.service_orders(ServiceFilter(), limit=ORDERS)
    assert (page.count, page.stages[ServiceStage.COMPLETED]) == (ORDERS, ORDERS // 2)
    open_page = await ledger.service_orders(ServiceFilter(open_only=True))
    assert (open_page.count, ServiceStage.COMPLETED in open_page.stages) == (ORDERS // 2, False)
    counted = await ledger.step_counts()
    assert sum(count.orders for count in counted) == ORDERS // 2
    assert {count.orders for count in counted} == {ORDERS // 24}
    open_ones = await ledger.tasks(TaskFilter(), limit=ORDERS)
    assert len(open_ones) == ORDERS // 2
    assert any(task.is_late(AT) for task in open_ones)
    assert await ledger.tasks(TaskFilter(owner=VIV.username)) != []
    assert len(await ledger.tasks(TaskFilter(open_only=False), limit=ORDERS * ROUNDS)) == ORDERS * ROUNDS


async def test_an_order_of_a_filled_desk_stands_at_the_step_of_its_open_task(ledger: SqlLedger) -> None:
    fill_desk(ledger, shipped(), ORDERS, ORDERS * ROUNDS, AT, VIV)
    shown = await ledger.service_order("order-0")
    assert shown is not None
    assert [record.position for record in shown.steps] == [1, 2, 3, 4, 5]
    assert (shown.steps[-1].step, shown.steps[-1].ended_at) == (shown.order.step, None)
    (task,) = await ledger.tasks(TaskFilter(order_number="order-0"))
    assert (task.key, task.account) == (shown.order.task_key, shown.order.account)


async def test_the_short_form_asks_the_console_for_every_list() -> None:
    (measured,) = await measure(ORDERS, ORDERS * ROUNDS, 1, ["sqlite"])
    assert measured.ratio(EMPTY) == 1
    assert all(len(ms) == 1 for ms in measured.ms.values())
