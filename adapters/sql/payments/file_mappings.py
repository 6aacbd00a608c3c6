"""How a bank's files are read: which column is what, kept for each rail and kind of file."""

from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import select

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.statements import upsert
from adapters.sql.schema.registers import file_mappings
from billing.model import Model
from billing.registers.mapping import RegisterMapping
from billing.statements.mapping import CsvMapping

_M: Final = file_mappings.c
_KINDS: Final[dict[type[Model], str]] = {RegisterMapping: "register", CsvMapping: "statement"}
_Mapping = TypeVar("_Mapping", bound=Model)


class SqlFileMappings(SqlDatabase):
    """The part of ``SqlLedger`` that keeps mappings."""

    async def register_mapping(self, rail: str) -> RegisterMapping | None:
        return await self._mapping(RegisterMapping, rail)

    async def csv_mapping(self, rail: str) -> CsvMapping | None:
        return await self._mapping(CsvMapping, rail)

    @in_thread
    def keep_mapping(self, rail: str, mapping: RegisterMapping | CsvMapping, by: str, at: datetime) -> None:
        kept = {"kind": _KINDS[type(mapping)], "mapping": mapping.model_dump(mode="json")}
        with self._writing(f"keep how files of {rail} are read") as connection:
            upsert(connection, file_mappings, {"rail": rail, **kept, "by": by, "at": at})

    @in_thread
    def _mapping(self, kind: type[_Mapping], rail: str) -> _Mapping | None:
        query = select(_M.mapping).where(_M.rail == rail, _M.kind == _KINDS[kind])
        with self._reading(f"read how files of {rail} are read") as connection:
            found = connection.scalar(query)
        return kind.model_validate(found) if found else None
