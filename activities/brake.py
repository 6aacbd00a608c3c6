"""The emergency brake: the check before every notice and charge, and the wait for its release."""

from datetime import timedelta

from temporalio import activity

from billing.errors import BrakeOn
from billing.invoices.month import Month
from billing.model import Instant, Model
from billing.reviewers.brake import Brake
from billing.reviewers.ports import BrakeStore
from services import clock


async def check_brake(ledger: BrakeStore, min_window: timedelta = timedelta()) -> None:
    """Raises ``BrakeOn`` while the emergency brake is on, and until ``min_window`` after its release."""
    obey(await ledger.brake(), min_window)


def obey(brake: Brake | None, min_window: timedelta = timedelta()) -> None:
    """Raises as ``check_brake``, given the last pull of the brake."""
    if brake is None:
        return
    if brake.released_at is None:
        raise BrakeOn(f"the emergency brake is on ({brake.reason}); this goes on once it is released")
    until = brake.released_at + min_window
    if min_window and clock.now() < until:
        raise BrakeOn(
            f"the emergency brake was on until {brake.released_at:%Y-%m-%d %H:%M} UTC ({brake.reason}); "
            f"there is time to look until {until:%Y-%m-%d %H:%M} UTC"
        )


async def check_brake_for(ledger: BrakeStore, month: Month) -> None:
    """Raises ``BrakeOn`` as ``check_brake``, for a month: each month waits the minimum window after a release.

    A corrected notice does not wait: its window is before the charge.
    """
    await check_brake(ledger, window_of(month))


def window_of(month: Month) -> timedelta:
    """How long the month waits after a release."""
    is_corrected = month.notices > 0 and month.charging is None
    return timedelta() if is_corrected else month.customer.terms.min_window


class Released(Model):
    """The instant of the brake's release."""

    at: Instant


class BrakeActivities:
    def __init__(self, ledger: BrakeStore) -> None:
        self._ledger = ledger

    @activity.defn
    async def await_release(self) -> Released:
        """Raises ``BrakeOn`` until the brake is released; Temporal retries every minute without limit."""
        await check_brake(self._ledger)
        brake = await self._ledger.brake()
        return Released(at=brake.released_at if brake and brake.released_at else clock.now())
