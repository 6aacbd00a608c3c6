"""What the judge's books of a customer follow from, besides the registers of the rails."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple

from sandbox.judge.orders.asked_refunds import AskedRefund
from sandbox.judge.orders.order_books import OrderFacts


class Facts(NamedTuple):
    """What is known of a customer from outside: totals of the notices that have arrived, by month; months of which
    people have written something off; months that were paid when they were charged; orders, by ``order 1042``; and
    refunds of anybody that people have asked for. ``billed``: months that closed with a bill.
    """

    announced: Mapping[str, Collection[int]]
    given_up: set[str]
    paid: set[str]
    orders: Mapping[str, OrderFacts] = MappingProxyType({})
    refunds: Collection[AskedRefund] = ()
    billed: frozenset[str] = frozenset()
