"""The plan of orders in chaos: a seed repeats it, and every kind of story and of failure is in it."""

from typing import get_args

from sandbox.chaos.orders.plan import CALLBACKS, GATEWAY_CURRENCIES, Move, order_faults, planned_orders
from sandbox.chaos.plan import Plan
from sandbox.wayforpay.callbacks import CallbackFault


def test_a_seed_repeats_its_orders_and_another_seed_has_others() -> None:
    assert planned_orders(Plan(7, 10, 1)) == planned_orders(Plan(7, 10, 1))
    assert planned_orders(Plan(7, 10, 1)) != planned_orders(Plan(8, 10, 1))
    faults = [[order_faults(Plan(seed, 10, 1), step) for step in range(50)] for seed in (7, 7, 8)]
    assert faults[0] == faults[1] != faults[2]


def test_orders_are_paid_in_every_way_amended_halted_cancelled_refunded_and_left_to_expire() -> None:
    orders = [order for seed in range(5) for order in planned_orders(Plan(seed, 10, 1))]
    assert {move for order in orders for move, _ in order.moves} == set(Move)
    assert {order.deposit_percent for order in orders} == {None, 30}
    assert any(order.expires_seconds for order in orders)
    assert any(order.tolerance_minor for order in orders)
    assert {order.is_placed_twice for order in orders} == {True, False}
    assert {order.customer_id.partition("-")[0] for order in orders} == {"buyer", "customer"}


def test_the_gateway_is_asked_only_for_what_it_takes() -> None:
    at_the_gateway = {Move.TYPED, Move.RACE, Move.GATEWAY_LINK, Move.DECLINED, Move.CABINET}
    for order in (order for seed in range(20) for order in planned_orders(Plan(seed, 10, 1))):
        if order.currency not in GATEWAY_CURRENCIES:
            assert not {move for move, _ in order.moves} & at_the_gateway


def test_callbacks_go_wrong_in_every_way_that_the_stand_in_knows() -> None:
    assert {rule["kind"] for rule in CALLBACKS} == set(get_args(CallbackFault.model_fields["kind"].annotation))


def test_production_and_gateway_fail_the_brake_is_pulled_and_console_and_inbound_die() -> None:
    faults = [order_faults(Plan(1, 10, 1), step) for step in range(200)]
    assert {rule["kind"] for fault in faults for rule in fault.gateway} >= {"drop_before", "drop_after", "status"}
    assert {rule.get("status") for fault in faults for rule in fault.production} == {None, 410, 500}
    assert any(fault.brake_seconds for fault in faults)
    assert any(fault.console_dies_after_seconds is not None for fault in faults)
    assert any(fault.inbound_dies_after_seconds is not None for fault in faults)
