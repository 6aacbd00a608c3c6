"""One run of chaos, from the first process to the judge."""

import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from temporalio.client import Client

from bootstrap import connect_adapters, connect_temporal
from process.shutdown import BY_FORCE, GRACE
from sandbox.chaos.clocks import ShortTasks
from sandbox.chaos.company import Company
from sandbox.chaos.fault_injection import FaultInjector
from sandbox.chaos.months import Months
from sandbox.chaos.plan import Plan
from sandbox.judge.evidence import gather
from sandbox.judge.judge import PromiseResult, judge
from sandbox.stack.processes import Child, logged
from sandbox.stack.sample import earliest_period
from sandbox.stack.stack import Stack, embedded_stack, free_temporal_port, sandbox_settings
from settings import Settings
from worker import READY

_REVIEWERS = "reviewers@example.com"


async def run(plan: Plan, folder: Path, report: Callable[[str], None]) -> tuple[dict[str, Any], list[PromiseResult]]:
    """Figures for one line of JSON, and what the judge says."""
    began, port = time.monotonic(), free_temporal_port()
    settings = sandbox_settings(Settings(_env_file=None, data_dir=folder, reviewers_email=_REVIEWERS))
    periods = [earliest_period(datetime.now(UTC))]
    while len(periods) < plan.months:
        periods.append(periods[-1].next())
    async with AsyncExitStack() as exits:
        stack = await exits.enter_async_context(embedded_stack(settings, port, cwd=folder))
        await stack.worker.stop()  # two others take its place
        workers = [await exits.enter_async_context(_worker(stack, number)) for number in (1, 2)]
        adapters = await exits.enter_async_context(connect_adapters(settings))
        connected = await connect_temporal(settings, stack.address)
        client = Client(**connected.config() | {"interceptors": [ShortTasks()]})
        company, havoc = Company(plan, folder, stack.stripe_url), FaultInjector(stack, workers)
        months = Months(plan, periods, company, adapters, client, havoc, report)
        async with havoc.throughout(plan.seed):
            await months.start()
            await months.pass_by()
        kept = [worker.name for worker in workers if await worker.stop() != 0]
        evidence = await gather(folder, adapters.ledger, *periods)
        unrecorded = (*months.wrong, *await months.reviewers.unrecorded())
    checks = [
        *judge(evidence),
        PromiseResult(name="every answer that a person got is on record", wrong=unrecorded),
        PromiseResult(
            name="every worker let go of every run, and ended when it was told to", wrong=(*havoc.replaced, *kept)
        ),
    ]
    answers = [note.answer.accepted for note in months.reviewers.notes if note.answer]
    letters = evidence.letters()
    figures = {
        "seed": plan.seed,
        "customers": plan.customers,
        "months": plan.months,
        "steps": months.steps,
        "late_sales": months.late_sales,
        **havoc.figures,
        "faults": dict(sorted(havoc.faults.items())),
        "commands_accepted": sum(answers),
        "commands_refused": len(answers) - sum(answers),
        "signals": len(months.reviewers.notes) - len(answers),
        "outcomes": evidence.stages(),
        "recovered": sum(case.recovered for case in evidence.cases),
        "charges": sum(intent.charged for case in evidence.cases for intent in case.intents),
        "mails": letters.total(),
        "digests": letters["digest"],
        "alerts": len(evidence.alerts),
        "virtual_days": (months.clocks.now - months.clocks.began).days,
        "seconds": round(time.monotonic() - began),
        "violations": sum(len(check.wrong) for check in checks),
    }
    return figures, checks


def _worker(stack: Stack, number: int) -> Child:
    folder = stack.settings.data_dir
    return Child(
        f"worker-{number}",
        [sys.executable, "-m", "sandbox.chaos.worker"],
        log=folder / "logs" / f"worker-{number}.log",
        ready=logged(READY),
        env=stack.environment,
        cwd=folder,
        grace_seconds=(GRACE + BY_FORCE).total_seconds() + 5,
    )
