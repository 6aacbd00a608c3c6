"""The benchmark's tables, ratios first, and the same as JSON."""

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

_BILLS, _TARIFFS = "bills by", "tariffs"
_PROCESSES = ("Temporal", "PostgreSQL", "worker", "stand-ins")


@dataclass(frozen=True)
class Turn:
    """One contender's turn. ``processor_ms`` is by process, for one customer and month.

    ``requests`` are those for all months that were ``billed``, the ones before the measurement too.
    """

    contender: str
    customers: int
    months: int
    seconds: float
    processor_ms: dict[str, float]
    requests: dict[str, int]
    billed: int
    history: dict[str, float]
    worker_mb: float = 0.0  # at most

    @property
    def a_second(self) -> float:
        return self.months / self.seconds

    @property
    def total_ms(self) -> float:
        return sum(self.processor_ms.values())

    @property
    def engine_ms(self) -> float:
        """Without the stand-ins, who are nobody's contender."""
        return self.total_ms - self.processor_ms.get("stand-ins", 0.0)


def print_report(turns: Sequence[Turn], growth: Sequence[Turn]) -> None:
    console = Console(width=120)
    names = list(dict.fromkeys(turn.contender for turn in turns))
    if turns:
        table = Table("Customer-months", "a second", "beside the first", "processor, ms", *_PROCESSES, box=None)
        for name in names:
            mine = [turn for turn in turns if turn.contender == name]
            split = (_median(turn.processor_ms.get(process, 0.0) for turn in mine) for process in _PROCESSES)
            table.add_row(
                name,
                f"{_median(turn.a_second for turn in mine):.1f}",
                f"{_ratio(turns, name, names[0]):.2f}",
                f"{_median(turn.engine_ms for turn in mine):.0f}",
                *(f"{ms:.0f}" if ms else "" for ms in split),
            )
        console.print(table)
        for pair in _pairs(names):
            speed, cost = _ratio(turns, *pair), 1 / _ratio(turns, *pair, of="engine_ms")
            console.print(
                f"{pair[0]} over {pair[1]}: {speed:.2f} in months a second, {cost:.2f} in months a core-second"
            )
    if growth:
        heads = (
            "Customers",
            "processor ms a month",
            "beside the first",
            "a second",
            "requests to Sheets",
            "worker, MB",
        )
        table = Table(*heads, box=None)
        for turn in growth:
            first = next(each for each in growth if each.contender == turn.contender)
            cells = (f"{turn.engine_ms:.0f}", f"{turn.engine_ms / first.engine_ms:.2f}", f"{turn.a_second:.1f}")
            name = f"{turn.customers:,}{', tariffs' if _TARIFFS in turn.contender else ''}"
            table.add_row(name, *cells, str(turn.requests["Sheets"]), f"{turn.worker_mb:.0f}")
        console.print(table)
    for name in dict.fromkeys(turn.contender for turn in (*turns, *growth)):
        last = [turn for turn in (*turns, *growth) if turn.contender == name][-1]
        stripe = f"{last.requests['Stripe'] / last.billed:.1f} requests to Stripe"
        history = [f"{value:,.0f} {unit}" for unit, value in last.history.items()]
        console.print(f"{name}, one month: {', '.join([*history, stripe])}", soft_wrap=True)
    console.print(machine())


def as_json(turns: Sequence[Turn], growth: Sequence[Turn]) -> dict[str, Any]:
    names = list(dict.fromkeys(turn.contender for turn in turns))
    ratios = [
        {
            "of": mine,
            "over": other,
            "months_a_second": round(_ratio(turns, mine, other), 3),
            "months_a_core_second": round(1 / _ratio(turns, mine, other, of="engine_ms"), 3),
        }
        for mine, other in _pairs(names)
    ]
    figures = {"turns": [asdict(turn) for turn in turns], "growth": [asdict(turn) for turn in growth]}
    return {"machine": machine(), "ratios": ratios, **figures}


def machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    load = os.getloadavg()[1]
    return (
        f"{psutil.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}; load {load:.1f}"
    )


def _pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """The product on SQLite beside the bare workflow, and on PostgreSQL beside its peer there; bills beside cards."""
    contenders, bills = ([name for name in names if (_BILLS in name) is wanted] for wanted in (False, True))
    pairs = [contenders[1::-1]] if len(contenders) > 1 else []
    pairs += [contenders[2:4]] if len(contenders) > 3 else []
    return [(str(mine), str(other)) for mine, other in [*pairs, *((name, contenders[1]) for name in bills)]]


def _ratio(turns: Sequence[Turn], mine: str, other: str, of: str = "a_second") -> float:
    """Of turns of the same round, which met the same machine: the median."""
    figures = ([getattr(turn, of) for turn in turns if turn.contender == name] for name in (mine, other))
    return _median(a / b for a, b in zip(*figures, strict=True))


def _median(values: Any) -> float:
    return float(statistics.median(values))
