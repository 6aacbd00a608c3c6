"""The embedded Temporal server and the children of the stack: real processes, real ports."""

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from clients.search_attributes import SearchAttributeError, ensure_search_attributes
from sandbox.stack.processes import Child, ChildFailedError, answers, logged
from sandbox.stack.stack import keep_alive
from sandbox.stack.temporal_server import temporal_server
from sandbox.stand_ins.control import local_http

STAGE = SearchAttributeKey.for_keyword("BillingStage")
AMOUNT = SearchAttributeKey.for_int("BillingAmountMinor")
ROOT = Path(__file__).parents[2]

COUNT = "import time\nfor n in range(10**6): print('tick', n, flush=True); time.sleep(.05)"
STUBBORN = "from signal import *\nsignal(SIGTERM, SIG_IGN)\nprint('up', flush=True)\npause()"
HANGING = "import time\nprint('hello', flush=True)\ntime.sleep(9)"
PARENT = """
import asyncio, pathlib, sys
from sandbox.stack.temporal_server import temporal_server
async def main():
    async with temporal_server(log=pathlib.Path(sys.argv[1])) as server:
        print(server.address, flush=True)
        await asyncio.sleep(99)
asyncio.run(main())
"""


@workflow.defn
class TenDays:
    @workflow.run
    async def run(self) -> int:
        start = workflow.now()
        await workflow.sleep(timedelta(days=10))
        return (workflow.now() - start).days


def python(code: str, log: Path, **options: float) -> Child:
    return Child("python", [sys.executable, "-c", code], log=log, ready=logged("tick 1"), **options)  # type: ignore[arg-type]


def listens(address: str) -> bool:
    host, port = address.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


async def silent(address: str) -> bool:
    return not listens(address)


async def counts(client: Client, query: str) -> bool:
    return (await client.count_workflows(query)).count == 1


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(200):
        if await holds():
            return
        await asyncio.sleep(0.05)
    pytest.fail("still not so after 10 seconds")


async def test_server_serves_ui_and_search_attributes_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with temporal_server(log=tmp_path / "log", search_attributes=(STAGE, AMOUNT)) as server:
        client = await Client.connect(server.address)
        found = TypedSearchAttributes([SearchAttributePair(STAGE, "Monitoring"), SearchAttributePair(AMOUNT, 1250)])
        await client.start_workflow("Any", id="ann", task_queue="none", search_attributes=found)
        await eventually(lambda: counts(client, "BillingStage = 'Monitoring' AND BillingAmountMinor = 1250"))
        async with local_http() as http:
            assert (await http.get(server.ui_url)).is_success

        await ensure_search_attributes(client, (STAGE, AMOUNT))  # a repeat changes nothing
        with pytest.raises(SearchAttributeError, match=r"BillingStage .* is Keyword, but Int is needed"):
            await ensure_search_attributes(client, [SearchAttributeKey.for_int("BillingStage")])
    assert not listens(server.address)


async def test_ten_days_pass_in_a_moment_when_told_to(tmp_path: Path) -> None:
    async with temporal_server(log=tmp_path / "log") as server:
        skipper = TimeSkipper(await Client.connect(server.address), config=TimeSkippingConfig(enabled=False))
        runner = UnsandboxedWorkflowRunner()
        async with Worker(skipper.client, task_queue="q", workflows=[TenDays], workflow_runner=runner):
            handle = await skipper.client.start_workflow(TenDays.run, id="ann", task_queue="q")
            async with asyncio.timeout(60):
                await skipper.fast_forward(handle, timedelta(days=11))
                assert await handle.result() == 10


async def test_a_killed_server_comes_back_from_its_file_with_its_workflows(tmp_path: Path) -> None:
    db_file = tmp_path / "temporal.db"
    async with temporal_server(log=tmp_path / "log", db_file=db_file, search_attributes=[STAGE]) as server:
        client = await Client.connect(server.address)
        await client.start_workflow("Any", id="ann", task_queue="none")
        with sqlite3.connect(db_file) as database:
            assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        server.child.kill()
        assert not listens(server.address)
        await server.child.restart()
        assert (await client.get_workflow_handle("ann").describe()).workflow_type == "Any"
    async with temporal_server(log=tmp_path / "log", db_file=db_file, search_attributes=[STAGE]) as again:
        client = await Client.connect(again.address)
        assert (await client.get_workflow_handle("ann").describe()).workflow_type == "Any"


async def test_server_dies_with_its_parent(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "log")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:  # noqa: ASYNC220
        assert parent.stdout is not None
        address = await asyncio.to_thread(parent.stdout.readline)
        assert listens(address)
        parent.kill()
    await eventually(lambda: silent(address))


async def test_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    why = r"exit code 1 before it was ready(?s:.*)address already in use"
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ChildFailedError, match=why):
        async with temporal_server(log=tmp_path / "log", port=taken.getsockname()[1]):
            pass


async def test_child_is_ready_stopped_killed_and_restarted(tmp_path: Path) -> None:
    async with python(COUNT, tmp_path / "log") as child:
        first = child.pid
        assert os.getsid(first) == first  # its own session: Ctrl-C passes it by
        os.kill(first, signal.SIGKILL)
        assert await child.exited() == -signal.SIGKILL
        assert not child.running
        await child.restart()
        assert child.running
        assert child.pid != first
        child.kill()
        assert not child.running
        await child.restart()
        assert await child.stop() == -signal.SIGTERM
    assert not child.running
    assert (tmp_path / "log").read_text().count("tick 0\n") == 3


async def test_children_stop_in_reverse_order(tmp_path: Path) -> None:
    code = "import signal, sys\ndef end(*_): print('end', sys.argv[1]); sys.exit()\n"
    code += "signal.signal(signal.SIGTERM, end)\nprint('up', sys.argv[1], flush=True)\nsignal.pause()"
    async with AsyncExitStack() as stack:
        for name in "ab":
            command = [sys.executable, "-c", code, name]
            child = Child(name, command, log=tmp_path / "log", ready=logged(f"up {name}"))
            await stack.enter_async_context(child)
    assert (tmp_path / "log").read_text().split("\n") == ["up a", "up b", "end b", "end a", ""]


async def test_stubborn_child_is_killed_after_the_grace_time(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STUBBORN]
    child = Child("stubborn", command, log=tmp_path / "log", ready=logged("up"), grace_seconds=0.2)
    async with child:
        assert await child.stop() is None
    assert not child.running


@pytest.mark.parametrize("ends", ["while it is watched", "before it is watched"])
async def test_a_child_that_ended_by_itself_is_started_again_and_reported(tmp_path: Path, ends: str) -> None:
    told: list[str] = []
    async with python(COUNT, tmp_path / "log") as child:
        if ends == "before it is watched":
            os.kill(child.pid, signal.SIGKILL)
            await child.exited()
        supervising = asyncio.create_task(keep_alive(child, told.append))
        if ends == "while it is watched":
            await asyncio.sleep(0)
            os.kill(child.pid, signal.SIGKILL)
        while len(told) < 2:
            await asyncio.sleep(0.01)
        supervising.cancel()
        assert child.running
    assert "python ended by itself (SIGKILL)" in told[0]
    assert told[1].startswith("python is back")


async def test_child_that_ends_or_hangs_before_it_is_ready_is_reported_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(ChildFailedError, match=r"exit code 3 before it was ready(?s:.*)no database"):
        async with python("print('no database'); raise SystemExit(3)", tmp_path / "log"):
            pass
    with pytest.raises(ChildFailedError, match=r"not ready within 0\.5 seconds(?s:.*)hello"):
        async with python(HANGING, tmp_path / "log", ready_timeout_seconds=0.5):
            pass


async def test_ready_when_a_url_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    url = f"http://127.0.0.1:{port}/"
    async with Child("http", command, log=tmp_path / "log", ready=answers(url)) as child:
        assert child.running
