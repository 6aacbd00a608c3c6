"""Files of an export: in a folder once they are complete, or on standard output."""

import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Annotated

import typer
from pydantic_core import to_json

from billing.accounting.export_rows import Row
from billing.cells import Writer
from billing.errors import InvalidInput

STDOUT = Path("-")
Output = Annotated[
    Path, typer.Option(metavar="FOLDER|-", help="A folder for the files, made if need be; - for standard output.")
]


class Format(StrEnum):
    CSV = "csv"
    JSON = "json"


async def write_tables(
    tables: Mapping[str, tuple[str, ...]], rows: AsyncIterator[tuple[str, Row]], output: Path
) -> None:
    """A file for each table; on standard output one after the other, each below a row with its name."""
    with ExitStack() as stack:
        files = {name: stack.enter_context(_table(output, name)) for name in tables}
        writers = {name: Writer(file) for name, file in files.items()}
        for name, columns in tables.items():
            writers[name].row(columns)
        async for name, row in rows:
            writers[name].row(row.values())
        if output == STDOUT:
            for name, file in files.items():
                file.seek(0)
                sys.stdout.write(f"[{name}]\n")
                sys.stdout.writelines(file)
                sys.stdout.write("\n")


@contextmanager
def _table(output: Path, name: str) -> Iterator[IO[str]]:
    if output == STDOUT:
        with TemporaryFile("w+", encoding="utf-8", newline="") as file:
            yield file
    else:
        with output_file(
            output, f"{name}.csv", "utf-8-sig"
        ) as file:  # with the mark by which spreadsheets recognise UTF-8
            yield file


@contextmanager
def output_file(output: Path, name: str, encoding: str = "utf-8", errors: str = "strict") -> Iterator[IO[str]]:
    """The file in the folder, there once it is complete; or standard output. Raises ``InvalidInput``."""
    if output == STDOUT:
        yield sys.stdout
        return
    part = output / f".{name}.part"
    try:
        output.mkdir(parents=True, exist_ok=True)
        file = part.open("w", encoding=encoding, errors=errors, newline="")
    except OSError as error:
        raise InvalidInput(f"{output} cannot be written to ({error.strerror}); name a folder with --output") from None
    try:
        with file:
            yield file
        part.replace(output / name)
    finally:
        part.unlink(missing_ok=True)


def json_text(value: object) -> str:
    return to_json(value).decode()
