"""Numbers of orders that come without one: the same for the same seed, and fit to be an order's."""

from pydantic import TypeAdapter

from orders.order import OrderNumber
from orders.service.numbers import number_from

NUMBERS = TypeAdapter[str](OrderNumber)


def test_a_number_is_the_same_for_the_same_seed_and_another_for_any_other_one() -> None:
    numbers = [number_from(f"form {place}") for place in range(10_000)]
    assert numbers == [number_from(f"form {place}") for place in range(10_000)]
    assert len({*numbers}) == len(numbers)


def test_a_number_is_read_out_without_mistakes() -> None:
    for place in range(1000):
        number = NUMBERS.validate_python(number_from(str(place)))
        assert number[0].isdecimal(), "so it is no word of a payment's purpose"
        assert not {*"01IOL"} & {*number}
        assert len(number) == 9
