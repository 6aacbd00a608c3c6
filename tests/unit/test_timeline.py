"""Skipped time without a server: what is asked again, and when a wait ends."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

from sandbox.timeline import Timeline, has_ended, until

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)


class Workflow:
    """A workflow on a clock of its own, which is also its skipper; ``skips`` are the results of skips."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *skips: object) -> None:
        self.skips = list(skips)
        self.now = BEGAN
        monkeypatch.setattr("sandbox.timeline.TimeSkipper", lambda *_, **__: self)

    async def describe(self) -> SimpleNamespace:
        clock = SimpleNamespace(ToDatetime=lambda _: self.now)
        extended = SimpleNamespace(HasField=lambda _: True, time_skipping_info=SimpleNamespace(current_time=clock))
        return SimpleNamespace(close_time=None, raw_description=SimpleNamespace(workflow_extended_info=extended))

    async def fast_forward(self, _: object, duration: timedelta) -> bool:
        match self.skips.pop(0):
            case "skipped":
                self.now += duration
            case "ended":
                return False
            case "hangs":
                await asyncio.Future()
            case Exception() as error:
                raise error
        return True


def outage(status: RPCStatusCode = RPCStatusCode.UNAVAILABLE, message: str = "") -> RPCError:
    return RPCError(message, status, b"")


async def reached(workflow: Any, patience_seconds: float | None = None) -> datetime | None:
    client: Any = None
    return await Timeline(client, patience_seconds).reach(workflow, BEGAN + DAY)


async def test_a_skip_that_ends_without_having_skipped_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await reached(Workflow(monkeypatch, "nothing", "nothing", "skipped")) == BEGAN + DAY


@pytest.mark.parametrize("end", ["ended", outage(RPCStatusCode.NOT_FOUND, "workflow execution already completed")])
async def test_a_chain_that_ends_meanwhile_has_no_clock(monkeypatch: pytest.MonkeyPatch, end: object) -> None:
    assert await reached(Workflow(monkeypatch, end)) is None


async def test_an_outage_is_raised_or_with_patience_outlasted(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RPCError):
        await reached(Workflow(monkeypatch, outage()))
    outages = (outage(), "hangs", RuntimeError("overridden by a later fast-forward"), "skipped")
    assert await reached(Workflow(monkeypatch, *outages), patience_seconds=0.05) == BEGAN + DAY


def test_a_server_that_lost_its_namespace_has_not_ended_a_workflow() -> None:
    assert not has_ended(outage(RPCStatusCode.NOT_FOUND, "Namespace sandbox is not found"))


async def test_a_wait_answers_the_first_true_look() -> None:
    looks = iter(("", "", "there"))

    async def look() -> str:
        return next(looks)

    assert await until(look, 10) == "there"


async def test_a_wait_ends_in_time_even_if_a_look_swallows_its_cancellation() -> None:
    async def look() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        await until(look, 0.05)
