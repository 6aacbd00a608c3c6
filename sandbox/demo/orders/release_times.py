"""How long it took from money to production, by production's own journal."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from orders.order import OrderStanding
from sandbox.stand_ins.production import calls

_MOMENT = timedelta(seconds=20)
"""Whoever has clicked longer ago has not released it: an operator has."""


class ReleaseTime(NamedTuple):
    """``row_ms``: from the instant of the transaction that released it to the call in production's journal.

    ``click_ms``: from the payer's click to that call; None if an operator's command released it.
    """

    number: str
    customer_id: str
    kind: str
    job: str
    row_ms: float
    click_ms: float | None


def release_times(
    folder: Path, orders: Iterable[OrderStanding], clicked_at: Mapping[str, Sequence[datetime]]
) -> list[ReleaseTime]:
    """Of every release that production knows of, in the order of its journal."""
    written = {
        (standing.order.number, str(release.kind)): release.at
        for standing in orders
        for release in standing.order.releases
    }
    found = []
    for call in calls(folder / "production.jsonl"):
        data, arrived = call["event"]["data"], datetime.fromisoformat(call["at"])
        number, kind = data["number"], data["kind"]
        if (number, kind) in written and not call["is_copy"]:
            at = written[number, kind]
            clicks = [click for click in clicked_at.get(number, ()) if timedelta() <= at - click < _MOMENT]
            click_ms = _ms(arrived - max(clicks)) if clicks else None
            found.append(ReleaseTime(number, data["customer_id"], kind, call["job"], _ms(arrived - at), click_ms))
    return found


def _ms(time: timedelta) -> float:
    return time / timedelta(milliseconds=1)
