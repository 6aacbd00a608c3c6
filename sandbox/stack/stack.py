"""The embedded stack: Temporal server, stand-ins, ledger, worker and console on 127.0.0.1, kept in one data folder.

    async with embedded_stack(settings, DEFAULT_TEMPORAL_PORT) as stack:
        await stack.supervise(print)  # until cancelled: a child that dies is reported and restarted

    folder/temporal.db     every workflow; a later stack on the folder resumes from it
    folder/ledger.db       the ledger, unless another one is configured
    folder/logs/*.log      the output of each child
    folder/...             files of the stand-ins: see sandbox/stack/stand_ins.py

No child outlives this process, however it ends.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from billing.errors import BillingError
from billing.payments.rails import gateways
from bootstrap import SANDBOX_NAMESPACE, connect_ledger
from bootstrap_adapters import SANDBOX_WEBHOOK_SECRET
from clients.search_attributes import SearchAttributeError
from console import READY as CONSOLE_READY
from sandbox.bank.contracts import agree_with_the_bank
from sandbox.stack.ports import HOST, Ports, free_port, is_taken, reserve
from sandbox.stack.processes import Child, ChildFailedError, logged
from sandbox.stack.stand_ins import READY as STAND_INS_READY
from sandbox.stack.temporal_server import temporal_server
from sandbox.stand_ins.control import control
from settings import Settings
from worker import READY as WORKER_READY
from workflows.visibility import SEARCH_ATTRIBUTES

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_TEMPORAL_PORT = 7233
UI_PORT_DISTANCE = 1000  # Temporal's own habit: the web page of 7233 is on 8233
_PAUSE_SECONDS = 2.0


@dataclass(frozen=True)
class Stack:
    """A running stack. ``environment`` is what a process needs to find it."""

    settings: Settings
    environment: dict[str, str]
    address: str
    ui_url: str
    server: Child
    stand_ins: Child
    worker: Child
    console: Child

    @property
    def console_url(self) -> str:
        return self.settings.links.base_url

    @property
    def mail_url(self) -> str:
        return f"http://{HOST}:{self.settings.sandbox_mail_port}/mail"

    @property
    def wayforpay_url(self) -> str:
        return f"http://{HOST}:{self.settings.sandbox_wayforpay_port}"

    @property
    def bank_url(self) -> str:
        return f"http://{HOST}:{self.settings.sandbox_bank_port}"

    @property
    def texts_url(self) -> str:
        return f"http://{HOST}:{self.settings.sandbox_sms_port}/_control/texts"

    @property
    def production_url(self) -> str:
        return f"http://{HOST}:{self.settings.sandbox_production_port}"

    @property
    def provisioning_url(self) -> str:
        return f"http://{HOST}:{self.settings.sandbox_provisioning_port}"

    @property
    def stripe_url(self) -> str:
        return f"http://{HOST}:{self.settings.sandbox_stripe_port}"

    async def supervise(self, report: Callable[[str], None]) -> None:
        """Runs until it is cancelled: reports a child that ended, and starts it again."""
        async with asyncio.TaskGroup() as group:
            for child in (self.server, self.stand_ins, self.worker, self.console):
                group.create_task(keep_alive(child, report))


@asynccontextmanager
async def embedded_stack(settings: Settings, temporal_port: int, cwd: Path | None = None) -> AsyncIterator[Stack]:
    """Runs the stack until the block ends; children work in ``cwd``, where they look for a ``.env``.

    Raises ``BillingError`` if a port is taken or a child does not get ready; then nothing is left running.
    """
    folder, ui_port = settings.data_dir.absolute(), temporal_port + UI_PORT_DISTANCE
    _require_free_ports(settings, temporal_port, ui_port)
    address = f"{HOST}:{temporal_port}"
    environment = _environment(settings, folder, address, ui_port)
    server = temporal_server(
        namespace=SANDBOX_NAMESPACE,
        log=folder / "logs" / "temporal.log",
        port=temporal_port,
        ui_port=ui_port,
        db_file=folder / "temporal.db",
        search_attributes=SEARCH_ATTRIBUTES,
    )

    def child(name: str, ready: str, *command: str) -> Child:
        log = folder / "logs" / f"{name}.log"
        return Child(name, [sys.executable, *command], log=log, ready=logged(ready), env=environment, cwd=cwd)

    stand_ins_command = ("-m", "sandbox.stack.stand_ins", "--folder", str(folder), *Ports.of(settings).arguments)
    stand_ins = child("stand-ins", STAND_INS_READY, *stand_ins_command)
    worker = child("worker", WORKER_READY, str(ROOT / "worker.py"))
    console = child("console", CONSOLE_READY, "-m", "console")
    folder.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.TaskGroup() as group:
                serving = group.create_task(stack.enter_async_context(server))
                group.create_task(stack.enter_async_context(stand_ins))
                group.create_task(_migrate(settings))
            async with asyncio.TaskGroup() as group:
                group.create_task(stack.enter_async_context(worker))
                group.create_task(stack.enter_async_context(console))
            await _deliver_webhooks(settings)
        except ExceptionGroup as failed:
            raise _in_one_line(failed.exceptions[0]) from None
        except ChildFailedError as failed:
            raise _in_one_line(failed) from None
        running = serving.result()
        yield Stack(settings, environment, address, running.ui_url, running.child, stand_ins, worker, console)


def _in_one_line(error: Exception) -> Exception:
    """A child's failure with only the last line of its log; other errors stay as they are."""
    if not isinstance(error, ChildFailedError | SearchAttributeError | OSError):
        return error
    first, *log = str(error).splitlines()
    return BillingError(f"{first.removesuffix(' ends with:')}{f': {log[-1]}' if log else ''}")


def sandbox_settings(settings: Settings) -> Settings:
    """``settings`` for a stack of its own: the stand-ins and the console on ports that nobody else has."""
    own = {name: free_port() for name in (*Ports.settings(), "console_port", "inbound_port")}
    return settings.model_copy(update=own)


def free_temporal_port() -> int:
    """A port that is free, and so is the one of its web page; both are kept for a minute."""
    while not reserve((port := free_port()) + UI_PORT_DISTANCE):
        pass
    return port


def _require_free_ports(settings: Settings, temporal_port: int, ui_port: int) -> None:
    ports = {
        "Temporal, TEMPORAL_ADDRESS": temporal_port,
        "Temporal's web page, TEMPORAL_ADDRESS": ui_port,
        "BILLING_CONSOLE_PORT": settings.console_port,
        **Ports.of(settings).by_setting,
    }
    for name, port in ports.items():
        if is_taken(port):
            raise BillingError(
                f"port {port} ({name}) is in use, perhaps by another starter.py up; stop that, or set another port"
            )


def _environment(settings: Settings, folder: Path, address: str, ui_port: int) -> dict[str, str]:
    return {
        "PYTHONPATH": str(ROOT),
        "TEMPORAL_ADDRESS": address,
        "TEMPORAL_NAMESPACE": SANDBOX_NAMESPACE,  # for Temporal's own tool
        "BILLING_DATA_DIR": str(folder),
        "BILLING_CONSOLE_PORT": str(settings.console_port),
        "BILLING_INBOUND_PORT": str(settings.inbound_port),
        **Ports.of(settings).environment,
        "BILLING_REVIEWERS_EMAIL": settings.reviewers_email,
        "BILLING_EVENTS_URL": settings.events_url,
        "BILLING_EVENTS_SECRET": settings.events_secret.get_secret_value(),
        "BILLING_PRODUCTION_URL": settings.production_url.get_secret_value(),
        "BILLING_PRODUCTION_SECRET": settings.production_secret.get_secret_value(),
        "BILLING_PROVISIONING_URL": settings.provisioning_url,
        "BILLING_PROVISIONING_SECRET": settings.provisioning_secret.get_secret_value(),
        "BILLING_ORDERS_SECRET": settings.orders_secret.get_secret_value(),
        "BILLING_TEMPORAL_UI_URL": f"http://{HOST}:{ui_port}",
    }


async def _migrate(settings: Settings) -> None:
    async with connect_ledger(settings) as ledger:
        await ledger.migrate()


async def _deliver_webhooks(settings: Settings) -> None:
    """The stand-ins for Stripe, WayForPay and the bank call the console; they remember that."""
    destination = {"url": f"{settings.links.base_url}/webhooks/stripe", "secret": SANDBOX_WEBHOOK_SECRET}
    await control(settings.sandbox_stripe_port, "webhooks", destination)
    for rail in gateways(settings.rails)[:1]:  # whose merchant is the test shop itself
        url = f"{settings.links.base_url}/webhooks/wayforpay/{rail}"
        await control(settings.sandbox_wayforpay_port, "service-url", {"url": url})
    await agree_with_the_bank(settings, settings.links.base_url)
    await control(settings.sandbox_sms_port, "report-url", {"url": f"{settings.links.base_url}/webhooks/texts"})


async def keep_alive(child: Child, report: Callable[[str], None]) -> None:
    """As ``supervise``, for one child."""
    while True:
        code = await child.exited()
        report(f"{child.name} ended by itself ({_ending(code)}); its log is {child.log}; starting it again")
        while not await _is_back(child, report):
            await asyncio.sleep(_PAUSE_SECONDS)


async def _is_back(child: Child, report: Callable[[str], None]) -> bool:
    try:
        await child.start()
    except ChildFailedError as error:
        report(f"{_in_one_line(error)}; trying again")
        return False
    report(f"{child.name} is back (process {child.pid})")
    return True


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def shown(path: Path) -> str:
    """``path`` as short as it can be typed here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
