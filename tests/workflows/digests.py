"""Alerts, and the digests that tell reviewers of them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest_asyncio
from temporalio.client import Client

from billing.period import Period
from billing.reviewers.alerts import Alert, of_report
from bootstrap import connect_alerts, connect_digest_trigger
from sandbox.stack.temporal_server import TemporalServer
from sandbox.stand_ins.mailbox import Mail
from services.alerts import Alerts
from tests.bed import SOON_MINUTES, Bed, prepared_bed

PERIOD = Period("2026-10")


@pytest_asyncio.fixture
async def bed(server: TemporalServer, tmp_path: Path) -> AsyncIterator[Bed]:
    """One whose reviewers are told soon."""
    async with prepared_bed(server, tmp_path, digest_minutes=SOON_MINUTES) as prepared:
        yield prepared


def report(number: int) -> Alert:
    return of_report(f"customer-{number:04}", PERIOD, 1, f"matter {number:04}", datetime.now(UTC))


def alerts_of(bed: Bed, client: Client | None = None) -> Alerts:
    return connect_alerts(bed.settings, bed.adapters, connect_digest_trigger(bed.settings, client or bed.client))


async def digest_ids(bed: Bed) -> set[str]:
    return {row.digest_id or "" for row in await bed.ledger.alerts()}


def by_id(mails: list[Mail]) -> dict[str, str]:
    return {mail.message_id: mail.text for mail in mails}
