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
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from zlib import crc32

from billing.errors import BillingError
from sandbox.rehearsal.book import Book
from sandbox.rehearsal.privacy import private_folder
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
    running = []
    try:
        async with asyncio.TaskGroup() as group:
            for part, place in zip(split(book, count), folders, strict=True):
                running.append(group.create_task(_rehearse_part(part, script, place, advance)))
    except ExceptionGroup as failed:
        raise (failed.subgroup(BillingError) or failed).exceptions[0] from None
    return _together([each.result() for each in running], folder)


def split(book: Book, count: int) -> list[Book]:
    """Customers with one email stay together: what the production code makes of that is to be seen."""
    parts: list[list[int]] = [[] for _ in range(count)]
    for number, entry in enumerate(book.entries):
        parts[crc32(entry.month.customer.email_key.encode()) % count].append(number)
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
        said = (folder / _LOG).read_text(errors="replace").splitlines()
        raise BillingError(f"a part of the rehearsal failed: {said[-1] if said else f'exit code {code}'}; see {folder}")
    result: RehearsalResult = pickle.loads((folder / _RESULT).read_bytes())
    return result


def _environment() -> dict[str, str]:
    """Ours; with one core for each part's Temporal server, whose threads else look for work on all of them."""
    paths = (str(ROOT), os.environ.get("PYTHONPATH", ""))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "GOMAXPROCS": "1"}


def _together(results: list[RehearsalResult], folder: Path) -> RehearsalResult:
    """One result; all mails in one folder."""
    private_folder(folder / "mail")
    for each in results:
        for mail in (each.folder / "mail").glob("*.eml"):
            mail.rename(folder / "mail" / mail.name)
        for file in (_TASK, _RESULT):
            (each.folder / file).unlink()
    return RehearsalResult(
        closed={key: month for each in results for key, month in each.closed.items()},
        left={key: month for each in results for key, month in each.left.items()},
        needs=[need for each in results for need in each.needs],
        heard=[heard for each in results for heard in each.heard],
        owed={key: row for each in results for key, row in each.owed.items()},
        mails=sum(each.mails for each in results),
        folder=folder,
        failed=tuple(failed for each in results for failed in each.failed),
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
    gc.freeze()  # what is there stays; months that come and go need not be told from it

    def advance(count: int) -> None:
        print(count, flush=True)

    try:
        result = asyncio.run(rehearse(book, script, folder, advance))
    except BillingError as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
        os._exit(1)
    (folder / _RESULT).write_bytes(pickle.dumps(result))
    sys.stdout.flush()
    os._exit(0)  # the SDK's threads can crash an interpreter that ends in order (temporalio/sdk-python issue 300)


if __name__ == "__main__":
    _main()
