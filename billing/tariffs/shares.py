"""A month's fee by its days: whole numbers whose sum is the fee, however the month is split."""

from collections.abc import Sequence


def daily_shares(fee_minor: int, days: int, step: int = 1) -> tuple[int, ...]:
    """What each day of a month costs, in minor units: multiples of ``step`` that add up to the fee.

    A day's share is the difference of two rounded sums, so any days in a row are exact to less than one step.
    """
    return portions(fee_minor, (step,) * days, step)


def portions(amount_minor: int, weights: Sequence[int], step: int = 1) -> tuple[int, ...]:
    """The amount spread in proportion to ``weights``, in multiples of ``step`` that add up to it.

    If the amount is no larger than the sum of the weights, which are multiples of ``step``, no part exceeds its weight.
    """
    units, total = amount_minor // step, sum(weights)
    parts, before, so_far = [], 0, 0
    for weight in weights:
        so_far += weight
        after = units * so_far // total if total else 0
        parts.append((after - before) * step)
        before = after
    return tuple(parts)
