"""A stand-in for whoever sells: the register of orders that were placed with us, and of what people have asked for.

seller = Seller(folder / "seller.jsonl")
seller.places(request)                         before it is handed over
seller.asks("1042", Cancel(change_id="c1", ...))
placed(folder / "seller.jsonl")                all of it, as the seller knows it
"""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from billing.model import Model
from orders.changes import Amend, Cancel, Change, Halt, Resume, SendAgain
from orders.order import OrderRequest
from sandbox.stand_ins.journal_file import JournalFile, read_entries

_CHANGES: dict[str, type[Change]] = {kind.__name__: kind for kind in (Amend, Cancel, Halt, Resume, SendAgain)}


@dataclass(frozen=True)
class Placed:
    """By the number of the order: what was ordered, and the changes that were asked for, taken or refused."""

    requests: dict[str, OrderRequest] = field(default_factory=dict)
    changes: defaultdict[str, list[Change]] = field(default_factory=lambda: defaultdict(list))


class Seller:
    """Append-only. Whatever is asked for is here before anybody else knows of it."""

    def __init__(self, path: Path) -> None:
        self._file = JournalFile(path)

    def places(self, request: OrderRequest) -> OrderRequest:
        self._append(request.number, "OrderRequest", request)
        return request

    def asks(self, number: str, change: Change) -> Change:
        self._append(number, type(change).__name__, change)
        return change

    def _append(self, number: str, kind: str, asked: Model) -> None:
        entry: dict[str, Any] = {"at": datetime.now(UTC).isoformat(), "number": number, "kind": kind}
        self._file.append(json.dumps(entry | {"asked": asked.model_dump(mode="json")}) + "\n")


def placed(path: Path) -> Placed:
    """The register at ``path``; an empty one if nothing was ordered."""
    found = Placed()
    for entry in read_entries(path) if path.exists() else ():
        number, kind, asked = entry["number"], entry["kind"], entry["asked"]
        if kind == "OrderRequest":
            found.requests[number] = OrderRequest.model_validate(asked)
        else:
            found.changes[number].append(_CHANGES[kind].model_validate(asked))
    return found
