"""What of a month people have to do, grouped by reason: what stands still, coverage's findings, what waits for them."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

from billing.completeness.chains import ChainStatus, Standstill, restart
from billing.completeness.report import TOLD_ALREADY, CompletenessReport, Finding, FindingKind
from billing.invoices.stages import Stage
from billing.money import sums_of
from billing.remedies import Remedy
from billing.reviewers.overview import ActionNeeded, Work
from console.reviewers.wording import tone

_SEEN_ANYWAY = frozenset({FindingKind.NO_WORKFLOW, FindingKind.STANDSTILL, FindingKind.UNREADABLE})
_MEMBERS = 20
_WORDS = {
    Stage.AWAITING_APPROVAL: "Waits for an approval",
    Stage.HALTED: "Rows that cannot be read, or more than can be charged at once",
    Stage.UNRESOLVED: "The outcome of the charge is not known yet",
}
_DECISIONS = {Stage.AWAITING_APPROVAL: "approve", Stage.HALTED: "resume"}


class WorkRow(NamedTuple):
    """Months that need a person for one reason. ``decision``: what the list offers for all of them ("": nothing).

    ``query`` is the list that shows them; sums are in minor units by currency.
    """

    stage: str
    tone: str
    text: str
    number: int
    sums: Mapping[str, int]
    next_at: datetime | None
    members: Sequence[ActionNeeded]
    query: str
    decision: str = ""
    stop: str = ""
    remedies: Mapping[str, Remedy] = {}  # by customer


class FindingRow(NamedTuple):
    """The findings of one kind: how many, and the first of them."""

    kind: FindingKind
    number: int
    worst: Finding


def work_rows(works: Sequence[Work]) -> Iterator[WorkRow]:
    for work in works:
        decision = "" if work.collecting else _DECISIONS.get(Stage(work.stage), "")
        yield WorkRow(
            stage=work.stage,
            tone="bad" if work.collecting else tone(work.stage),
            text=_text(work),
            number=work.count,
            sums=work.sums,
            next_at=work.next_at,
            members=work.members,
            query=_query(work),
            decision=decision if decision == "approve" or work.reason else "",
            stop=work.stop,
        )


def standstill_rows(standstill: Standstill, months: Sequence[ActionNeeded]) -> Iterator[WorkRow]:
    """``months``: those that stand still, as the ledger has them."""
    by_status: defaultdict[ChainStatus, list[ActionNeeded]] = defaultdict(list)
    for month in months:
        by_status[standstill.customers[month.customer_id]].append(month)
    for status, members in by_status.items():
        yield WorkRow(
            stage="StandsStill",
            tone="bad",
            text=f"Its workflow {status.words}",
            number=len(members),
            sums=sums_of((month.amount_minor, month.currency) for month in members if month.drafted),
            next_at=None,
            members=members[:_MEMBERS],
            query=urlencode({"needs": 1, "sort": "next"}),
            remedies={month.customer_id: restart(month.customer_id, status) for month in members[:_MEMBERS]},
        )


def finding_rows(report: CompletenessReport, shown: Collection[str]) -> list[FindingRow]:
    """The findings that the other rows, with the customers ``shown``, do not show; the worst kind first."""
    rows: dict[FindingKind, FindingRow] = {}
    for finding in report.findings:
        if finding.kind in TOLD_ALREADY or (finding.kind in _SEEN_ANYWAY and finding.customer_id in shown):
            continue
        before = rows.get(finding.kind)
        number = before.number + 1 if before else 1
        rows[finding.kind] = FindingRow(finding.kind, number, before.worst if before else finding)
    return [
        row if row.kind in _SEEN_ANYWAY else row._replace(number=report.kinds.get(row.kind, row.number))
        for row in rows.values()
    ]


def _text(work: Work) -> str:
    if work.reason:
        return work.reason[:1].upper() + work.reason[1:]
    if work.collecting:
        return "The collection needs a person"
    return _WORDS.get(Stage(work.stage), "Needs a person")


def _query(work: Work) -> str:
    values = {"needs": "1"} if work.collecting else {"needs": "1", "stage": work.stage}
    return urlencode({**values, **({"because": work.stop} if work.stop else {}), "sort": "next"})
