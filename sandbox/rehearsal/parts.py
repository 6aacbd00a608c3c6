"""A large book in parts, each rehearsed by a process of its own: customers do not depend on each other.

    result = await rehearse_in_parts(book, script, folder, advance, parts_for(book))

python -m sandbox.rehearsal.parts      in a part's folder: rehearses it; each line it writes is one more month
"""

import asyncio
import gc
import os
import pickle
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path
from zlib import crc32

from billing.apart import why
from billing.errors import BillingError
from sandbox.privacy import private_folder
from sandbox.rehearsal.book import Book
from sandbox.rehearsal.run import RehearsalResult, rehearse
from sandbox.rehearsal.script import Script
from sandbox.stack.stack import ROOT

_WORTH_A_PROCESS = 120  # months of customers: below that, its start takes longer than it saves
_TASK, _RESULT, _LOG = "task.pickle", "result.pickle", "part.log"


def parts_for(book: Book) -> int:
    """How many processes are worth their start here."""
    months = sum(len(book.months_of(entry)) for entry in book.entries)
    return max(1, min(os.cpu_count() or 1, months // _WORTH_A_PROCESS, len(book.entries)))


async def rehearse_in_parts(
    book: Book, script: Script, folder: Path, advance: Callable[[int], None], count: int
) -> RehearsalResult:
    """As ``rehearse``, which it is for one part. Raises ``BillingError`` if a part fails; then all others end."""
    if count == 1:
        return await rehearse(book, script, folder, advance)
    folders = [folder / f"part-{number}" for number in range(1, count + 1)]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_rehearse_part(part, script, part_folder, advance))
                for part, part_folder in zip(split(book, count), folders, strict=True)
            ]
    except ExceptionGroup as failure:
        raise (failure.subgroup(BillingError) or failure).exceptions[0] from None
    return _together([task.result() for task in tasks], folder)


def split(book: Book, count: int) -> list[Book]:
    """Customers with one email stay together, as the production code has to deal with that."""
    parts: list[list[int]] = [[] for _ in range(count)]
    for number, entry in enumerate(book.entries):
        parts[crc32((entry.month.customer.email_key or entry.month.customer_id).encode()) % count].append(number)
    return [replace(book, entries=[book.entries[number] for number in part]) for part in parts]


async def _rehearse_part(book: Book, script: Script, folder: Path, advance: Callable[[int], None]) -> RehearsalResult:
    private_folder(folder)
    (folder / _TASK).write_bytes(pickle.dumps((book, script)))
    with (folder / _LOG).open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "sandbox.rehearsal.parts",
            cwd=folder,
            env=_environment(),
            stdin=asyncio.subprocess.PIPE,  # closed by our end, whatever that is
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    try:
        assert process.stdout is not None
        async for line in process.stdout:
            advance(int(line))
        code = await process.wait()
    finally:
        with suppress(ProcessLookupError):  # it has ended by itself
            process.terminate()  # its own children end with it, however it ends
    if code != 0:
        lines = (folder / _LOG).read_text(errors="replace").splitlines()
        reason = lines[-1] if lines else f"exit code {code}"
        raise BillingError(f"a part of the rehearsal failed: {reason}; see {folder}")
    result: RehearsalResult = pickle.loads((folder / _RESULT).read_bytes())
    return result


def _environment() -> dict[str, str]:
    """Limits each part's Temporal server to one core; its idle threads would search for work on all of them."""
    paths = (str(ROOT), os.environ.get("PYTHONPATH", ""))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "GOMAXPROCS": "1"}


def _together(results: list[RehearsalResult], folder: Path) -> RehearsalResult:
    """One result; all mails in one folder."""
    private_folder(folder / "mail")
    for result in results:
        for mail in (result.folder / "mail").glob("*.eml"):
            mail.rename(folder / "mail" / mail.name)
        for file in (_TASK, _RESULT):
            (result.folder / file).unlink()
    return RehearsalResult(
        closed=dict(chain.from_iterable(result.closed.items() for result in results)),
        waiting=dict(chain.from_iterable(result.waiting.items() for result in results)),
        needs=[*chain.from_iterable(result.needs for result in results)],
        commands=[*chain.from_iterable(result.commands for result in results)],
        collections=dict(chain.from_iterable(result.collections.items() for result in results)),
        mails=sum(result.mails for result in results),
        folder=folder,
        failed=tuple(chain.from_iterable(result.failed for result in results)),
        services=tuple(sorted(chain.from_iterable(r.services for r in results), key=lambda change: change.at)),
        texts=sum((result.texts for result in results), Counter()),
    )


def end_with_parent() -> None:
    """Ends this process once its standard input is closed, and with it what it has started."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _main() -> None:
    end_with_parent()
    folder = Path.cwd()
    book, script = pickle.loads((folder / _TASK).read_bytes())
    gc.freeze()  # exempts the book from garbage collection

    def advance(count: int) -> None:
        print(count, flush=True)

    try:
        result = asyncio.run(rehearse(book, script, folder, advance))
    except Exception as error:  # of any kind: its last line is what people read
        if not isinstance(error, BillingError):
            traceback.print_exc()
        sys.stderr.write(f"{why(error)}\n")
        sys.stderr.flush()
        os._exit(1)
    (folder / _RESULT).write_bytes(pickle.dumps(result))
    sys.stdout.flush()
    os._exit(0)  # the SDK's threads can crash an interpreter that ends in order (temporalio/sdk-python issue 300)


if __name__ == "__main__":
    _main()
