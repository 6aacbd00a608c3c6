"""The folder of registers: ``{folder}/{rail}/`` is looked through every minute, and each content is taken in once.

A file is left where it is. Its day stands in its name (2026-11-27, 20261127 or 27.11.2026), before anything else that
looks like one; it may be the day after. What cannot be taken in is told once, and looked at again when it changes. A
register that has not come by the hour of its contract is told, once for each day.
"""

import asyncio
import hashlib
import logging
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Protocol

from billing.errors import BillingError, InvalidInput
from billing.registers.ports import RegisterDays, Registers, Taken
from services.background import running
from services.registers.desk import FILE_MAX_BYTES, RegisterDesk

POLL = timedelta(minutes=1)
LOOKS_BACK = timedelta(days=7)
"""For how many days a register that has not come is looked for: a worker may have been down."""
_QUIET_SECONDS = 10.0
"""How long a file must not have changed: it may still be written."""
_FILES_MAX = 10_000
_DAYS = (
    (re.compile(r"(?<!\d)(20\d\d)-(\d\d)-(\d\d)(?!\d)"), (1, 2, 3)),
    (re.compile(r"(?<!\d)(\d\d)\.(\d\d)\.(20\d\d)(?!\d)"), (3, 2, 1)),
    (re.compile(r"(?<!\d)(20\d\d)(\d\d)(\d\d)"), (1, 2, 3)),  # OSMP's has a serial number after it
)

_log = logging.getLogger(__name__)


class _Ledger(Registers, RegisterDays, Protocol):
    """The stores it uses."""


class _Seen(NamedTuple):
    """A file as it was looked at."""

    size: int
    changed_ns: int


class RegisterFolder:
    """``folder`` None: nothing is looked through, but registers that have not come are told. ``now`` is the clock."""

    def __init__(
        self,
        folder: Path | None,
        desk: RegisterDesk,
        ledger: _Ledger,
        now: Callable[[], datetime],
        poll: timedelta = POLL,
    ) -> None:
        self._folder = folder
        self._desk = desk
        self._ledger = ledger
        self._now = now
        self._poll_seconds = poll.total_seconds()
        self._seen: dict[Path, _Seen] = {}
        self._told: set[tuple[str, date]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Looks until the block ends."""
        async with running(self._work()):
            yield

    async def look(self) -> None:
        """Takes in what is new, then tells what is missing. Raises ``LedgerUnavailable``: the next look repeats it."""
        for rail in self._desk.rails:
            try:
                for path in await asyncio.to_thread(self._files, rail):
                    await self._take(rail, path)
            except OSError as error:
                await self._refuse(rail, "all of it", "all of it", error)
            await self._tell_missing(rail)

    async def _work(self) -> None:
        while True:
            try:
                await self.look()
            except Exception as error:  # of any kind: the next look comes
                _log.warning("registers: %s", error or type(error).__name__)
            await asyncio.sleep(self._poll_seconds)

    def _files(self, rail: str) -> list[Path]:
        """The files that are new or have changed, the oldest first; none that may still be written."""
        place = self._folder / rail if self._folder else None
        if place is None or not place.is_dir():
            return []
        found = []
        for path in sorted(place.iterdir())[:_FILES_MAX]:
            is_hidden = path.name.startswith(".") or path.suffix in (".part", ".tmp")
            if is_hidden or not path.is_file():
                continue
            state = path.stat()
            is_quiet = abs(time.time() - state.st_mtime) >= _QUIET_SECONDS
            if is_quiet and self._seen.get(path) != _Seen(state.st_size, state.st_mtime_ns):
                found.append((state.st_mtime_ns, path))
        return [path for _, path in sorted(found)]

    async def _take(self, rail: str, path: Path) -> None:
        name = digest = "".join(char if char.isprintable() else "\ufffd" for char in path.name)
        try:
            state, content = await asyncio.to_thread(_content, path)
            digest = hashlib.sha256(content).hexdigest()
            taken = await self._taken(rail, name, content)
            if taken.is_new:
                _log.info("register of %s, %s: %s", rail, taken.day.day, taken.day.in_words)
        except FileNotFoundError:
            return  # it was put elsewhere
        except Exception as error:  # of any kind: the other files are taken in
            if isinstance(error, BillingError) and error.retryable:
                raise
            await self._refuse(rail, name, digest, error)
            if isinstance(error, OSError):
                return
            state = await asyncio.to_thread(_state, path)
        self._seen[path] = state

    async def _refuse(self, rail: str, name: str, digest: str, error: Exception) -> None:
        """Tells it, once a day. No text of an unexpected error, which may have a line in it."""
        why = str(error) if isinstance(error, BillingError) else f"it cannot be read ({type(error).__name__})"
        _log.warning("register %s of %s cannot be taken in: %s", name, rail, why)
        await self._ledger.tell_refused_register(rail, name, digest, why, self._now())

    async def _taken(self, rail: str, name: str, content: bytes) -> Taken:
        """Raises ``InvalidInput``."""
        day = await self._desk.day_of(rail, day_in(name), name, content)
        return await self._desk.take(rail, day, name, content, None, self._now())

    async def _tell_missing(self, rail: str) -> None:
        terms, now = self._desk.terms(rail), self._now()
        today = terms.day_of(now)
        for day in await self._ledger.days_without_register(terms, today - LOOKS_BACK, today):
            if terms.is_overdue(day, now) and (rail, day) not in self._told:
                await self._ledger.tell_missing_register(terms, day, now)
                self._told.add((rail, day))


def day_in(name: str) -> date:
    """The day in the name of a file. Raises ``InvalidInput``."""
    for pattern, places in _DAYS:
        if match := pattern.search(name):
            with suppress(ValueError):
                return date(*(int(match[place]) for place in places))
    raise InvalidInput("its name has no day, such as 2026-11-27: name it so, or take it in with payments register")


def _content(path: Path) -> tuple[_Seen, bytes]:
    """One byte more than a register may have, of a file that is larger."""
    state = _state(path)
    with path.open("rb") as file:
        return state, file.read(FILE_MAX_BYTES + 1)


def _state(path: Path) -> _Seen:
    state = path.stat()
    return _Seen(state.st_size, state.st_mtime_ns)
