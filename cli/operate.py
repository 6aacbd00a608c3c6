"""``setup`` prepares a configured server and ledger; ``doctor`` checks every connection."""

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import typer
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from billing.apart import why
from billing.completeness.chains import release
from billing.completeness.snapshots import Snapshots
from billing.errors import BillingError, LedgerUnavailable
from billing.events.ports import EventProbe
from billing.model import Line, Model, Words
from billing.payments.mode import MoneyMode
from bootstrap import Adapters, connect_adapters, connect_ledger, connect_temporal
from bootstrap_billers import contracts
from bootstrap_procedures import connect_procedures
from cli.completeness.worksheet import newest_worksheet
from cli.receivables.billers import reached
from cli.terminal.options import AsJson
from cli.terminal.output import counted, explain, print_json, print_table, say, whole
from clients.running_workflows import RunningWorkflows
from clients.schedules import COMPLETENESS, RECONCILIATION, ensure_daily
from clients.search_attributes import SearchAttributeError, ensure_search_attributes
from settings import Settings, load_settings, unknown_variables
from wording.remedies import command_line
from wording.texts import LONGEST
from workflows.options import CHARGES_QUEUE, TASK_QUEUE
from workflows.visibility import SEARCH_ATTRIBUTES

CHECK_TIMEOUT_SECONDS = 20
_NAMED = 5
POLLED_WITHIN = timedelta(seconds=90)  # a worker asks for work at least once a minute


async def setup() -> None:
    """Prepare the configured ledger (tables) and Temporal server (search attributes); safe to repeat.

    [bold]Example[/bold]
    $ TEMPORAL_ADDRESS=temporal.example.com:7233 python starter.py setup
    """
    settings = load_settings()
    if not settings.ledger_url.get_secret_value():
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    async with connect_ledger(settings) as ledger:
        try:
            current = await ledger.schema_is_current()
        except LedgerUnavailable:  # no file yet; migrate reports any other reason
            current = False
        await ledger.migrate()
    say(f"ledger: tables {'are up to date already' if current else 'created or brought up to date'}")
    client = await connect_temporal(settings)
    await ensure_daily(client, RECONCILIATION)
    await ensure_daily(client, COMPLETENESS, at_once=True)
    say(f"Temporal: {COMPLETENESS.schedule_id} checks every customer and row every day")
    say(f"Temporal: {RECONCILIATION.schedule_id} compares Stripe with the ledger every day")
    if await _usable(client):
        say(f"Temporal: search attributes exist already ({_where(client)})")
        return
    try:
        await ensure_search_attributes(client, SEARCH_ATTRIBUTES)
    except SearchAttributeError as error:
        raise BillingError(str(error)) from error
    except RPCError as error:
        if error.status not in (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED):
            raise
        needed = ", ".join(f"{key.name} ({key.value_type.__name__})" for key in SEARCH_ATTRIBUTES)
        raise BillingError(
            f"{_where(client)} does not let us add search attributes; add them yourself (in Temporal Cloud in the "
            f"namespace's settings), Keyword for str and Int for int: {needed}"
        ) from error
    say(f"Temporal: added {', '.join(key.name for key in SEARCH_ATTRIBUTES)} ({_where(client)})")


class DoctorLine(Model):
    """One line of the doctor's report: the finding, or the fault and its remedy."""

    name: Line
    ok: bool
    detail: Words


_UNKNOWN_PROXY = (
    "a reverse proxy stands before BILLING_CONSOLE_URL, but no proxy is trusted, so all clients count as one: set "
    "BILLING_CONSOLE_TRUSTED_PROXIES to its address as the console sees it"
)


async def doctor(as_json: AsJson = False) -> None:
    """Check settings and every configured connection, and say what is wrong. Exit code 1 if anything is.

    [bold]Examples[/bold]
    $ python starter.py doctor
    $ python starter.py doctor --json
    """
    mode = ""
    async with AsyncExitStack() as stack:
        try:
            settings = load_settings()
            mode = _mode(settings)
            adapters = await stack.enter_async_context(connect_adapters(settings))
        except BillingError as error:
            checks = [DoctorLine(name="settings", ok=False, detail=str(error))]
        else:
            unknown = f"; without effect, misspelled?: {', '.join(names)}" if (names := unknown_variables()) else ""
            checks = [DoctorLine(name="settings", ok=True, detail=f"readable and complete{unknown}")]
            if settings.behind_unknown_proxy:
                checks.append(DoctorLine(name="console", ok=False, detail=_UNKNOWN_PROXY))
            checks.append(await _check("procedures", _procedures(settings)))
            checks += await _temporal_checks(settings)
            checks += await asyncio.gather(*_service_checks(settings, adapters))
    if as_json:
        print_json({"ok": all(check.ok for check in checks), "mode": mode, "checks": checks})
    else:
        say(mode, style="bold")
        columns = (whole("Check"), whole("Result"), "Detail")
        print_table(columns, checks, lambda check: (check.name, "ok" if check.ok else "FAILED", check.detail))
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def _mode(settings: Settings) -> str:
    match settings.mode:
        case MoneyMode.SANDBOX:
            return "SANDBOX: stand-ins on 127.0.0.1, no money moves"
        case MoneyMode.TEST:
            return "STRIPE TEST MODE: real services, no money moves"
        case MoneyMode.LIVE:
            return "REAL MONEY: cards are charged"


async def _temporal_checks(settings: Settings) -> list[DoctorLine]:
    try:
        client = await connect_temporal(settings)
    except BillingError as error:
        return [DoctorLine(name="Temporal", ok=False, detail=str(error))]
    return [
        DoctorLine(name="Temporal", ok=True, detail=_where(client)),
        await _check("search attributes", _indexed(client)),
        await _check("worker", _polled(client)),
        await _check("workflows", _going_on(client)),
    ]


def _service_checks(settings: Settings, adapters: Adapters) -> list[Awaitable[DoctorLine]]:
    events = [_check("events", _events(adapters.receiver, adapters.ledger))] if adapters.receiver else []
    texts = [_check("texts", _texts(settings, adapters.texts.ping()))] if adapters.texts else []
    told = {"production": adapters.production, "provisioning": adapters.provisioning}
    return [
        _check("ledger", _ledger(adapters)),
        _check("payments", adapters.payments.ping()),
        *([] if settings.sales else [_check("sales", newest_worksheet(adapters, settings.decimal_separator))]),
        _check("mail", adapters.mail.ping()),
        *(_check(rail, shop.ping()) for rail, shop in adapters.shops.items()),
        *(
            _check(rail, reached(contract, settings.links.base_url.rstrip("/"), settings.personal_key))
            for rail, contract in contracts(settings).items()
        ),
        *texts,
        *events,
        *(_check(name, each.ping()) for name, each in told.items() if each),
    ]


async def _check(name: str, finding: Awaitable[str | None]) -> DoctorLine:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            return DoctorLine(name=name, ok=True, detail=await finding or "answers")
    except TimeoutError:
        detail = f"no answer within {CHECK_TIMEOUT_SECONDS} s; check address and network"
        return DoctorLine(name=name, ok=False, detail=detail)
    except (BillingError, RPCError) as error:
        return DoctorLine(name=name, ok=False, detail=explain(error))
    except Exception as error:  # of any kind: the other checks are shown all the same
        return DoctorLine(name=name, ok=False, detail=why(error))


async def _procedures(settings: Settings) -> str:
    return ", ".join(connect_procedures(settings))


async def _indexed(client: Client) -> str:
    if not await _usable(client):
        raise BillingError("missing, or of another type; run: python starter.py setup")
    return ", ".join(key.name for key in SEARCH_ATTRIBUTES)


async def _usable(client: Client) -> bool:
    """Whether the server can search by every attribute: none is missing or of another type."""
    conditions = (f"{key.name} = " + ("0" if key.value_type is int else "'none'") for key in SEARCH_ATTRIBUTES)
    try:
        await client.count_workflows(" AND ".join(conditions))
    except RPCError as error:
        if error.status is not RPCStatusCode.INVALID_ARGUMENT:
            raise
        return False
    return True


async def _polled(client: Client) -> str:
    alive = await _pollers(client, TASK_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)
    charging = await _pollers(client, CHARGES_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
    for queue, workers in ((TASK_QUEUE, alive), (CHARGES_QUEUE, charging)):
        if not workers:
            raise BillingError(f"no worker polls the task queue {queue}; start one with: python worker.py")
    return f"{len(alive)} on task queue {TASK_QUEUE}: {', '.join(sorted(alive))}"


async def _going_on(client: Client) -> str:
    chains = RunningWorkflows(client)
    stopped = await chains.standing_still()
    if stopped:
        lines = [
            f"{chain.kind} {chain.workflow_id} {chain.status.words}: "
            f"{command_line(release(chain.workflow_id, chain.status))}"
            for chain in stopped
        ]
        more = f"\nand {len(lines) - _NAMED} more; coverage names them" if len(lines) > _NAMED else ""
        raise BillingError("\n".join(lines[:_NAMED]) + more)
    count = await chains.count_open()
    return f"{count:,} open, none stands still"


async def _pollers(client: Client, queue: str, kind: "TaskQueueType.ValueType") -> set[str]:
    """The identities of the workers that asked for work in the last ``POLLED_WITHIN``."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
    )
    answer = await client.workflow_service.describe_task_queue(request)
    recent = datetime.now(UTC) - POLLED_WITHIN
    return {poller.identity for poller in answer.pollers if poller.last_access_time.ToDatetime(UTC) > recent}


async def _ledger(adapters: Adapters) -> str:
    if not await adapters.ledger.schema_is_current():
        raise BillingError("its tables are not those of this release; run: python starter.py setup")
    return counted(await adapters.ledger.count_customers(), "customer")


async def _texts(settings: Settings, ping: Awaitable[str]) -> str:
    page = settings.links.to_own_page(LONGEST.account, LONGEST.account)
    answered, fault = await ping, settings.texts.fault_of(page)
    return f"{answered}; {fault}" if fault else answered


async def _events(receiver: EventProbe, ledger: Snapshots) -> str:
    taken, figures = await receiver.ping(), await ledger.vitals(datetime.now(UTC))
    return f"{taken}; {figures.waiting_events:,} wait for their next try" if figures.waiting_events else taken


def _where(client: Client) -> str:
    return f"{client.service_client.config.target_host}, namespace {client.namespace}"
