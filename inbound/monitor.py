"""For monitors: a dead-man's switch that is red when billing stands still, and metrics without personal data."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse

from billing.completeness.chains import Chain, ChainStatus
from billing.completeness.report import TOLERANCE
from billing.completeness.snapshots import HealthFigures, Snapshots
from billing.errors import BillingError, TemporalUnavailable
from billing.events.event import OVERDUE
from billing.period import Period
from clients.standstill import StandstillWatch
from orders.order import OrderStage
from orders.ports import OrderFilter, OrderListing
from orders.unreleased import Unreleased
from services.orders.checks import OrderBooks, OrderChecks

STALE = timedelta(hours=26)
"""Coverage runs once a day; two hours are for a slow or repeated run."""

_AT_ONCE = timedelta(0)
_REPLACED = timedelta(hours=1)
"""How long the switch is red after a worker was replaced; repeated replacements keep it red."""


class OrderHealth(NamedTuple):
    """How many orders stand where, and those that are paid, held by nothing and not released: the longest first."""

    stages: Mapping[OrderStage, int]
    lost: Sequence[Unreleased] = ()


class _Ledger(Snapshots, OrderBooks, OrderListing, Protocol):
    """The stores it uses."""


class Monitor:
    def __init__(self, ledger: _Ledger, watch: StandstillWatch) -> None:
        self._ledger = ledger
        self._checks = OrderChecks(ledger)
        self._watch = watch
        self.router = APIRouter()
        for path, answer in (("/healthz/billing", self.billing), ("/metrics", self.metrics)):
            self.router.add_api_route(path, answer, methods=["GET", "HEAD"], response_model=None)

    async def billing(self) -> JSONResponse:
        """503 with reasons if coverage has not run for ``STALE`` or could not see everything, if anything is overdue,
        if an order is paid and not released, or if a workflow fails."""
        now, words = datetime.now(UTC), []
        try:
            words += troubles(await self._ledger.vitals(now), now)
            words += lost_releases(await self._checks.lost(now))
            words += failures(await self._watch.standing_still())
        except BillingError as error:
            words.append(str(error))
        return JSONResponse({"billing": "; ".join(words) or "ok"}, 503 if words else 200)

    async def metrics(self) -> PlainTextResponse:
        """Prometheus' text format."""
        now = datetime.now(UTC)
        current = Period.at(now, "UTC")
        try:
            figures = await self._ledger.vitals(now)
            stages = {period: await self._ledger.count_stages(period) for period in (current.previous(), current)}
            counted = await self._ledger.orders(OrderFilter(), limit=1)
            orders = OrderHealth(counted.stages, await self._checks.lost(now, _AT_ONCE))
        except BillingError as error:
            return PlainTextResponse(f"# {error}\n", 503)
        try:
            chains = await self._watch.standing_still()
        except TemporalUnavailable:
            chains = None
        return PlainTextResponse(
            _exposed(figures, stages, orders, chains, now), media_type="text/plain; version=0.0.4; charset=utf-8"
        )


def troubles(figures: HealthFigures, now: datetime) -> list[str]:
    """The reasons to wake somebody, without personal data."""
    reasons = []
    if figures.covered_at is None:
        reasons.append("coverage has never run; is there a worker? (python starter.py setup makes its schedule)")
    elif now - figures.covered_at > STALE:
        reasons.append(f"coverage ran last at {figures.covered_at:%Y-%m-%d %H:%M} UTC")
    if figures.unseen:
        reasons.append(f"the last coverage run could not see: {', '.join(figures.unseen)}")
    if figures.replaced_at is not None and now - figures.replaced_at < _REPLACED:
        reasons.append(f"a worker had to replace itself at {figures.replaced_at:%Y-%m-%d %H:%M} UTC; its log says why")
    if figures.overdue_since is not None and now - figures.overdue_since > TOLERANCE:
        reasons.append(f"a step that was due at {figures.overdue_since:%Y-%m-%d %H:%M} UTC is not done")
    if figures.events_waiting_since is not None and now - figures.events_waiting_since > OVERDUE:
        since = f"{figures.events_waiting_since:%Y-%m-%d %H:%M} UTC"
        reasons.append(f"events have not been delivered since {since}; python starter.py doctor says why")
    return reasons


def lost_releases(lost: Sequence[Unreleased]) -> list[str]:
    """Orders that were paid longer ago than a release takes, without a halt or brake; without their numbers."""
    if not lost:
        return []
    orders = f"{len(lost)} order{' is' if len(lost) == 1 else 's are'}"
    since = f"{lost[0].free_since:%Y-%m-%d %H:%M} UTC"
    return [f"{orders} paid and not released since {since}, and nothing holds it back: coverage says which"]


def failures(chains: Sequence[Chain]) -> list[str]:
    """The kinds of workflows that fail, and how many of each. Paused ones wake nobody: a person has paused them."""
    counts = Counter(chain.kind for chain in chains if chain.status is ChainStatus.FAILING)
    failing = (f"{count} {kind} workflow{' fails' if count == 1 else 's fail'}" for kind, count in counts.items())
    return [f"{words} again and again: python starter.py doctor says more" for words in sorted(failing)]


def _exposed(
    figures: HealthFigures,
    stages: dict[Period, dict[str, int]],
    orders: OrderHealth,
    chains: Sequence[Chain] | None,
    now: datetime,
) -> str:
    age = (now - figures.covered_at).total_seconds() if figures.covered_at else math.nan
    statuses = Counter(chain.status for chain in chains or ())
    failing, paused = (
        statuses[status] if chains is not None else math.nan for status in (ChainStatus.FAILING, ChainStatus.PAUSED)
    )
    overdue, waiting = (
        (now - since).total_seconds() if since else 0.0
        for since in (figures.overdue_since, figures.events_waiting_since)
    )
    unreleased = (now - orders.lost[0].free_since).total_seconds() if orders.lost else 0.0
    plain = {
        "coverage_age_seconds": ("Since the last daily coverage run; NaN before the first.", age),
        "overdue_seconds": ("Since the oldest due instant with nothing done.", max(0.0, overdue)),
        "findings": ("Findings of the last coverage run.", figures.findings),
        "unseen_sources": ("Sources that the last coverage run could not see.", len(figures.unseen)),
        "workflows_failing": ("Workflows whose code fails; NaN if Temporal cannot be asked.", failing),
        "workflows_paused": ("Workflows that were paused in Temporal; NaN if it cannot be asked.", paused),
        "collections_open": ("Unpaid months that are being collected.", figures.open_collections),
        "alerts_untold": ("Alerts that reviewers have not been sent yet.", figures.untold_alerts),
        "events_waiting": ("Events that other systems have not taken yet.", figures.waiting_events),
        "events_waiting_seconds": ("Since the oldest of them was made.", max(0.0, waiting)),
        "orders_unreleased": ("Orders that are paid and not released, and nothing holds them.", len(orders.lost)),
        "orders_unreleased_seconds": ("Since the oldest of them was paid.", max(0.0, unreleased)),
    }
    lines = []
    for name, (help, value) in plain.items():
        lines += [f"# HELP billing_{name} {help}", f"# TYPE billing_{name} gauge", f"billing_{name} {_number(value)}"]
    lines += [
        "# HELP billing_months Months of the current and the last period, by stage.",
        "# TYPE billing_months gauge",
    ]
    for period, counted in stages.items():
        for stage, count in sorted(counted.items()):
            lines.append(f'billing_months{{period="{period}",stage="{stage}"}} {count}')
    lines += ["# HELP billing_orders Orders, by stage.", "# TYPE billing_orders gauge"]
    lines += [f'billing_orders{{stage="{stage}"}} {orders.stages.get(stage, 0)}' for stage in OrderStage]
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    """Whole seconds that have passed: never more than there were."""
    return "NaN" if math.isnan(value) else str(math.floor(value))
