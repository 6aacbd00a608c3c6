"""What one month leaves in Temporal: events, billable actions, bytes."""

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

_BILLABLE = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
        EventType.EVENT_TYPE_TIMER_STARTED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
        EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
        EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
    }
)
"""What Temporal Cloud counts as an action, of what months do; attempts after the first come on top."""

_SKIPPED_TIME = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED
"""An event that only skipped time makes."""


async def month_in_history(client: Client, workflow: str, workflow_id: str) -> dict[str, float]:
    """Of the newest run of ``workflow_id`` that has continued as new: one whole month."""
    query = f"WorkflowType = '{workflow}' AND ExecutionStatus = 'ContinuedAsNew' AND WorkflowId = '{workflow_id}'"
    runs = [run async for run in client.list_workflows(query)]
    newest = max(runs, key=lambda run: run.start_time)
    handle = client.get_workflow_handle(workflow_id, run_id=newest.run_id)
    events = [event async for event in handle.fetch_history_events()]
    events = [event for event in events if event.event_type != _SKIPPED_TIME]
    return {
        "events": len(events),
        "billable actions": sum(event.event_type in _BILLABLE for event in events),
        "bytes of history": sum(event.ByteSize() for event in events),
    }
