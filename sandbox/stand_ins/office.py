"""A stand-in for the company's papers: what was ordered by a procedure, what its departments did, what was announced.

    office = Office(folder / OFFICE)
    office.employs("kim", "operator")              whoever does tasks, with their departments
    office.orders(request, procedure)              before it is handed over, as all that follows
    office.does("77", "feasibility", "kim", possible="yes")
    office.asks("77", Cancel(change_id="c1", ...))
    office.announces("works-1", "new switch", ["+77010000001"])
    papers(folder / OFFICE)                        all of it, as the office knows it

Whatever was refused is here, too.
"""

import json
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from orders.changes import Cancel, Change, Correct, Halt, Reopen, Resume
from orders.procedures.procedure import Procedure
from orders.service.service_order import ServiceRequest
from sandbox.stand_ins.journal_file import JournalFile, read_entries

OFFICE: Final = "office.jsonl"
_CHANGES: dict[str, type[Change]] = {kind.__name__: kind for kind in (Cancel, Correct, Halt, Reopen, Resume)}


class Deed(NamedTuple):
    """What somebody did with a task of a step: ``typed`` its form, with ``files`` by digest, or sent it back ``to``."""

    at: datetime
    number: str
    step: str
    by: str
    typed: dict[str, str]
    files: list[str]
    to: str | None


class Works(NamedTuple):
    """An announcement; ``phones`` are all that are concerned. ``changes`` the one with that key, if it is not ""."""

    key: str
    reason: str
    phones: frozenset[str]
    changes: str


@dataclass(frozen=True)
class Papers:
    """``procedures`` by the number of the order, as plain data; ``staff`` has the departments of each person."""

    staff: dict[str, list[str]] = field(default_factory=dict)
    requests: dict[str, ServiceRequest] = field(default_factory=dict)
    procedures: dict[str, dict[str, Any]] = field(default_factory=dict)
    deeds: defaultdict[str, list[Deed]] = field(default_factory=lambda: defaultdict(list))
    changes: defaultdict[str, list[Change]] = field(default_factory=lambda: defaultdict(list))
    works: dict[str, Works] = field(default_factory=dict)


class Office:
    """Append-only."""

    def __init__(self, path: Path) -> None:
        self._file = JournalFile(path)

    def employs(self, name: str, *departments: str) -> None:
        self._append("staff", name=name, departments=departments)

    def orders(self, request: ServiceRequest, procedure: Procedure) -> ServiceRequest:
        self._append("request", request=request.model_dump(mode="json"), procedure=procedure.model_dump(mode="json"))
        return request

    def does(self, number: str, step: str, by: str, files: Collection[str] = (), **typed: str) -> None:
        self._append("deed", number=number, step=step, by=by, typed=typed, files=sorted(files), to=None)

    def returns(self, number: str, step: str, by: str, to: str) -> None:
        self._append("deed", number=number, step=step, by=by, typed={}, files=[], to=to)

    def asks(self, number: str, change: Change) -> Change:
        self._append("change", number=number, name=type(change).__name__, change=change.model_dump(mode="json"))
        return change

    def announces(self, key: str, reason: str, phones: Collection[str], changes: str = "") -> None:
        self._append("works", key=key, reason=reason, phones=sorted(phones), changes=changes)

    def _append(self, kind: str, **paper: Any) -> None:
        entry = {"at": datetime.now(UTC).isoformat(), "kind": kind, **paper}
        self._file.append(json.dumps(entry, ensure_ascii=False) + "\n")


def papers(path: Path) -> Papers:
    """The papers at ``path``; none if nothing was written."""
    found = Papers()
    for entry in read_entries(path) if path.exists() else ():
        at = datetime.fromisoformat(entry.pop("at"))
        match entry.pop("kind"):
            case "staff":
                found.staff[entry["name"]] = entry["departments"]
            case "request":
                request = ServiceRequest.model_validate(entry["request"])
                found.requests[request.number] = request
                found.procedures[request.number] = entry["procedure"]
            case "deed":
                found.deeds[entry["number"]].append(Deed(at, **entry))
            case "change":
                found.changes[entry["number"]].append(_CHANGES[entry["name"]].model_validate(entry["change"]))
            case "works":
                found.works[entry["key"]] = Works(**{**entry, "phones": frozenset(entry["phones"])})
    return found
