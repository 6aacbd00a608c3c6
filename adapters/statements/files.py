"""A file of any format as a statement. The format is found out by the content; the file's name says nothing."""

import re

from adapters.statements.camt import read_camt
from adapters.statements.csv_file import read_csv
from adapters.statements.mt940_file import read_mt940
from adapters.statements.one_c import is_one_c, read_one_c
from billing.errors import InvalidInput
from billing.statements.mapping import EXAMPLE, CsvMapping
from billing.statements.statement import FILE_MAX_BYTES, Statement, check_count, too_large

_MT940 = re.compile(rb"^:20:.*?^:60[FM]:", re.MULTILINE | re.DOTALL)
_HEAD_BYTES = 20_000


class StatementFiles:
    """Reads statements."""

    def read(self, content: bytes, currency: str, mapping: CsvMapping | None) -> Statement:
        """``currency`` is that of the account, for files that name none; ``mapping`` is needed for CSV only.

        Raises ``InvalidInput`` for a file that is empty, too large, cut off, damaged, or no statement.
        """
        statement = self._read(content, currency, mapping)
        check_count(len(statement.lines))
        return statement.evolve(
            lines=tuple(line for line in statement.lines if line.amount_minor)
        )  # others say nothing

    def _read(self, content: bytes, currency: str, mapping: CsvMapping | None) -> Statement:
        if len(content) > FILE_MAX_BYTES:
            raise InvalidInput(too_large(len(content)))
        start = content[:_HEAD_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")
        if not start:
            raise InvalidInput("the file is empty; export the statement again")
        if is_one_c(content):
            return read_one_c(content, currency)
        if start.startswith(b"<"):
            return read_camt(content)
        if _MT940.search(start.replace(b"\r", b"")):
            return read_mt940(content)
        if mapping is None:
            raise InvalidInput(
                "the file is neither MT940 nor camt.053, camt.054 or 1CClientBankExchange. If it is CSV, say once "
                f"which columns are what: {EXAMPLE}"
            )
        return read_csv(content, currency, mapping)
