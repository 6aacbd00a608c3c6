"""Records a closed history of every path of a month, or of those named, for the replay test: ``make histories``.

The first release freezes them. From then on a history that no longer replays means that months in flight would break: a
change inside a month goes behind ``workflow.patched``, and the old histories stay.
"""

import asyncio
import re
import sys
import tempfile
from pathlib import Path

from billing.keys import collection_id, digest_workflow_id, order_workflow_id, workflow_id
from bootstrap import SANDBOX_NAMESPACE
from sandbox.stack.temporal_server import temporal_server
from tests.bed import SOON_MINUTES, Bed, prepared_bed
from tests.replay.collection_paths import COLLECTIONS
from tests.replay.month_paths import MONTHS
from tests.replay.order_paths import ORDERS, SERVICE_ORDERS
from workflows.visibility import SEARCH_ATTRIBUTES

HISTORIES = Path(__file__).parent / "histories"


async def reviewers_told(bed: Bed) -> None:
    await bed.mail_faults({"action": "defer", "times": 1})
    await bed.monitored(sales=("100", "'12,50"))
    await bed.digests()
    await bed.client.get_workflow_handle(digest_workflow_id()).result()


PATHS = (*MONTHS, *COLLECTIONS, *ORDERS, *SERVICE_ORDERS, reviewers_told)


async def main() -> None:
    """Writes one file per path: the first run of its month, collection, order or digest, which is closed by then."""
    with tempfile.TemporaryDirectory() as folder:
        small_histories = {"limit.historyCount.suggestContinueAsNew": "150"}
        async with temporal_server(
            namespace=SANDBOX_NAMESPACE,
            log=Path(folder, "server.log"),
            search_attributes=SEARCH_ATTRIBUTES,
            dynamic_config=small_histories,
        ) as server:
            for path in [path for path in PATHS if path.__name__ in (sys.argv[1:] or path.__name__)]:
                async with prepared_bed(server, Path(folder, path.__name__), digest_minutes=SOON_MINUTES) as bed:
                    await path(bed)
                    name = workflow_id("acme") if path in MONTHS else collection_id("acme")
                    name = digest_workflow_id() if path is reviewers_told else name
                    if path in (*ORDERS, *SERVICE_ORDERS):
                        name = order_workflow_id("77" if path in SERVICE_ORDERS else "1042")
                        await bed.client.get_workflow_handle(name).result()
                    described = await bed.client.get_workflow_handle(name).describe()
                    first_run = described.raw_description.workflow_execution_info.first_run_id
                    handle = bed.client.get_workflow_handle(name, run_id=first_run)
                    history = await handle.fetch_history()
                    (HISTORIES / f"{path.__name__}.json").write_text(_without_traces(history.to_json()) + "\n")
                    print(f"{path.__name__}: {len(history.events)} events")


def _without_traces(history: str) -> str:
    """Stack traces hold paths of the machine; replay does not look at them."""
    return re.sub(r'("stackTrace": )"(?:\\.|[^"\\])*"', r'\1""', history)


if __name__ == "__main__":
    asyncio.run(main())
