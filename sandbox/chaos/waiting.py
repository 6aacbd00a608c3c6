"""What time has to pass for."""

from datetime import datetime
from typing import NamedTuple


class WaitingWorkflow(NamedTuple):
    """A workflow and the instant that it waits for; None: it has something to do now."""

    workflow_id: str
    next_at: datetime | None

    def is_due(self, instant: datetime) -> bool:
        return self.next_at is None or self.next_at <= instant
