"""One run of chaos, from the first process to the judge."""

import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput, WorkflowHandle

from billing.period import Period
from bootstrap import (
    connect_adapters,
    connect_alerts,
    connect_digest_trigger,
    connect_payment_desk,
    connect_temporal,
)
from inbound import READY as INBOUND_READY
from process.shutdown import BY_FORCE, GRACE
from sandbox.chaos.bank.app_payers import AppPayers
from sandbox.chaos.bank.bank_end import BankEnd
from sandbox.chaos.bookkeeper import Bookkeeper
from sandbox.chaos.company import Company
from sandbox.chaos.departments.departments import Departments
from sandbox.chaos.fault_injection import FaultInjector
from sandbox.chaos.months import Months
from sandbox.chaos.orders.buyers import Buyers
from sandbox.chaos.orders.end import OrdersEnd
from sandbox.chaos.plan import Plan
from sandbox.chaos.subscribers.operators import Operators
from sandbox.judge.evidence import Evidence
from sandbox.judge.gather import gather
from sandbox.judge.judge import PromiseResult, judge
from sandbox.stack.ports import HOST
from sandbox.stack.processes import Child, logged
from sandbox.stack.sample import earliest_period
from sandbox.stack.stack import Stack, embedded_stack, free_temporal_port, sandbox_settings
from sandbox.stack.stand_ins import serve
from sandbox.stand_ins.bank import Bank
from sandbox.stand_ins.event_receiver import SECRET, receiver_app
from sandbox.stand_ins.faults import Faults
from sandbox.timeline import SharedClock, Timeline
from settings import Settings
from worker import READY

_REVIEWERS = "reviewers@example.com"
_PATIENCE_SECONDS = 3.0
_TASK_TIMEOUT = timedelta(seconds=2)


async def run(plan: Plan, folder: Path, report: Callable[[str], None]) -> tuple[dict[str, Any], list[PromiseResult]]:
    """Figures for one line of JSON, and the verdict on each promise."""
    began, port = time.monotonic(), free_temporal_port()
    periods = _periods(plan.months)
    async with AsyncExitStack() as exits:
        receiver = await exits.enter_async_context(serve(Faults(receiver_app(folder / "events.jsonl"))))
        settings = sandbox_settings(_settings(folder, receiver))
        stack = await exits.enter_async_context(embedded_stack(settings, port, cwd=folder))
        await stack.worker.stop()  # two others take its place
        workers = [await exits.enter_async_context(_worker(stack, number)) for number in (1, 2)]
        inbound = await exits.enter_async_context(_inbound(stack))
        adapters = await exits.enter_async_context(connect_adapters(settings))
        connected = await connect_temporal(settings, stack.address)
        client = Client(**connected.config() | {"interceptors": [_ShortTasks()]})
        company = Company(plan, folder, settings.sandbox_stripe_port)
        clock = SharedClock(Timeline(client, _PATIENCE_SECONDS), settings.sandbox_stripe_port)
        fault_injector = FaultInjector(stack, workers, inbound, receiver)
        desk = connect_payment_desk(
            settings, adapters, connect_alerts(settings, adapters, connect_digest_trigger(settings, client))
        )
        bank = Bank(folder / "bank.jsonl")
        app_payers = AppPayers(plan, settings, adapters)
        bookkeeper = Bookkeeper(plan, bank, desk, adapters.ledger, lambda: clock.now, app_payers)
        departments = Departments(plan, settings, adapters, clock.timeline, bank, app_payers)
        buyers = Buyers(plan, settings, adapters, bank, app_payers)
        end = OrdersEnd(settings, adapters, client, buyers)
        people = (bookkeeper, buyers, end, bank_end := BankEnd(settings, adapters))
        months = Months(plan, periods, company, adapters, client, clock, fault_injector, *people, folder, report)
        await buyers.payers.calls_back()
        await app_payers.agree()
        async with fault_injector.throughout(plan.seed):
            await months.start()
            await Operators(plan, adapters, app_payers).register(periods[0])
            await departments.spend_days(fault_injector, report)
            await months.pass_by()
        kept = [worker.name for worker in workers if await worker.stop() != 0]
        await months.events_arrive()
        evidence = await gather(folder, adapters.ledger, *periods)
        unrecorded = (*await months.reviewers.unrecorded(), *await bookkeeper.unconfirmed())
    wrong = [*months.wrong, *departments.wrong, *buyers.wrong, *end.wrong, *bank_end.wrong]
    checks = [*judge(evidence), *_own_checks(wrong, unrecorded, [*fault_injector.replaced, *kept])]
    figures = _figures(months, fault_injector, evidence) | {
        "departments": dict(sorted(departments.done.items())),
        "at_the_bank": dict(sorted((app_payers.done + bank_end.done).items())),
        "seconds": round(time.monotonic() - began),
        "violations": sum(len(check.wrong) for check in checks),
    }
    return {"seed": plan.seed, "customers": plan.customers, "months": plan.months} | figures, checks


def _periods(count: int) -> list[Period]:
    periods = [earliest_period(datetime.now(UTC))]
    while len(periods) < count:
        periods.append(periods[-1].next())
    return periods


def _own_checks(wrong: list[str], unrecorded: tuple[str, ...], kept: list[str]) -> list[PromiseResult]:
    """What only a run can tell, and not its evidence."""
    return [
        PromiseResult(name="everything comes to an end, and the journal is right all the while", wrong=tuple(wrong)),
        PromiseResult(name="every answer that a person got is on record", wrong=unrecorded),
        PromiseResult(name="every worker let go of every run, and ended when it was told to", wrong=tuple(kept)),
    ]


def _settings(folder: Path, receiver_port: int) -> Settings:
    return Settings(
        _env_file=None,
        data_dir=folder,
        reviewers_email=_REVIEWERS,
        events_url=f"http://{HOST}:{receiver_port}/events",
        events_secret=SecretStr(SECRET),
    )


def _figures(months: Months, fault_injector: FaultInjector, evidence: Evidence) -> dict[str, Any]:
    outcomes = [*chain.from_iterable(months.reviewers.outcomes.values())]
    letters = evidence.letters()
    return {
        "steps": months.steps,
        "late_sales": months.late_sales,
        **fault_injector.kills,
        "faults": dict(sorted(fault_injector.faults.items())),
        "commands_accepted": sum(outcome.accepted is True for outcome in outcomes),
        "commands_refused": sum(outcome.accepted is False for outcome in outcomes),
        "signals": sum(outcome.accepted is None for outcome in outcomes),
        "outcomes": evidence.stages(),
        "recovered": sum(case.recovered for case in evidence.cases),
        "charges": sum(intent.charged for case in evidence.cases for intent in case.intents),
        "mails": letters.total(),
        "digests": letters["digest"],
        "alerts": len(evidence.alerts),
        "events": len(evidence.deliveries or ()),
        "money": dict(sorted(months.bookkeeper.done.items())),
        "orders": dict(sorted((months.buyers.done + months.buyers.payers.done).items())),
        "texts": len(evidence.subscribers.texts),
        "services": _services(evidence),
        "releases": sum(len(order.releases) for order in evidence.orders.orders),
        "virtual_days": (months.clock.now - months.clock.began).days,
    }


def _services(evidence: Evidence) -> dict[str, int]:
    """Changes of service accounts, by what has become of them."""
    subscribers = evidence.subscribers.subscribers.values()
    changes = [change for each in subscribers for history in each.histories.values() for change in history]
    return dict(Counter(f"{change.state} {change.cause}" for change in changes))


class _ShortTasks(Interceptor):
    """Of workflows that are started: a task that died with its worker is soon given to another."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        class Starting(OutboundInterceptor):
            async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
                input.task_timeout = _TASK_TIMEOUT
                return await super().start_workflow(input)

        return Starting(next)


def _worker(stack: Stack, number: int) -> Child:
    child = _child(stack, f"worker-{number}", "sandbox.chaos.worker", READY)
    child.grace_seconds = (GRACE + BY_FORCE).total_seconds() + 5
    return child


def _inbound(stack: Stack) -> Child:
    return _child(stack, "inbound", "inbound", INBOUND_READY)


def _child(stack: Stack, name: str, module: str, ready: str) -> Child:
    folder, log = stack.settings.data_dir, stack.settings.data_dir / "logs" / f"{name}.log"
    command = [sys.executable, "-m", module]
    return Child(name, command, log=log, ready=logged(ready), env=stack.environment, cwd=folder)
