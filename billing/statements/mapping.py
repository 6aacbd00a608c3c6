"""Which columns of a bank's CSV file are what. Kept by rail once given: the next file needs none.

::

    mapping_of(["date=Дата", "amount=Сумма", "text=Назначение", "decimal=,"])
"""

import datetime as time
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from billing.errors import InvalidInput
from billing.model import Line, Model

_FORMATS = {
    "yyyy-mm-dd": "%Y-%m-%d",
    "dd.mm.yyyy": "%d.%m.%Y",
    "dd.mm.yy": "%d.%m.%y",
    "dd/mm/yyyy": "%d/%m/%Y",
    "mm/dd/yyyy": "%m/%d/%Y",
    "yyyymmdd": "%Y%m%d",
}
Column = Annotated[str, Field(min_length=1, max_length=200)]
EXAMPLE = "--map date=Date --map amount=Amount --map text=Purpose"


class CsvMapping(Model, extra="forbid"):
    """Names of columns; ``amount`` with a sign of its own or by ``sign``, or ``incoming`` and ``outgoing`` apart.

    ``out_words`` in the column ``sign`` mean that money went out, as ``D DBIT``; ``in_words`` that it has arrived.
    """

    date: Column
    amount: Column | None = None
    incoming: Column | None = None
    outgoing: Column | None = None
    sign: Column | None = None
    out_words: Line = "d debit dbit db dr - s soll расход дебет списание"
    in_words: Line = "c credit crdt cr + h haben приход кредит поступление зачисление"
    reference: Column | None = None
    number: Column | None = None
    payer: Column | None = None
    payer_account: Column | None = None
    text: Column | None = None
    account: Column | None = None
    currency: Column | None = None
    balance: Column | None = None  # after the row: with it, the file has to add up
    date_format: Literal["yyyy-mm-dd", "dd.mm.yyyy", "dd.mm.yy", "dd/mm/yyyy", "mm/dd/yyyy", "yyyymmdd"] | None = None
    decimal: Literal[".", ","] = "."

    @property
    def columns(self) -> list[str]:
        names = ("date", "amount", "incoming", "outgoing", "sign", "reference", "number", "payer", "payer_account")
        named = (getattr(self, name) for name in (*names, "text", "account", "currency", "balance"))
        return [name.strip().casefold() for name in named if name]

    def day(self, cell: str) -> time.date:
        """The day in a cell, which may go on with a time. Raises ``InvalidInput``."""
        first = cell.split()[0].split("T")[0] if cell.split() else ""
        for name in [self.date_format] if self.date_format else ("yyyy-mm-dd", "dd.mm.yyyy"):
            try:
                return time.datetime.strptime(first, _FORMATS[name]).date()  # noqa: DTZ007 - a day of the bank's
            except ValueError:
                continue
        raise InvalidInput(f"{cell[:40]!r} is no day; name the format: --map date_format={'|'.join(_FORMATS)}")

    def is_out(self, cell: str) -> bool:
        """Raises ``InvalidInput`` for a word that is in neither list."""
        word = cell.strip().casefold()
        is_out, is_in = (word in words.casefold().split() for words in (self.out_words, self.in_words))
        if is_out == is_in:
            raise InvalidInput(
                f"{cell[:40]!r} does not say whether money came or went; name the words: --map in_words= and out_words="
            )
        return is_out


def mapping_of(pairs: Iterable[str]) -> CsvMapping:
    """Raises ``InvalidInput`` unless it names the day, and the amount in one of the ways."""
    given = {}
    for pair in pairs:
        name, is_pair, value = pair.partition("=")
        if not is_pair or not value.strip():
            raise InvalidInput(f"{pair[:60]!r} maps nothing; write it like {EXAMPLE}")
        given[name.strip().replace("-", "_")] = value.strip()
    try:
        mapping = CsvMapping.model_validate(given)
    except ValidationError as error:
        names = ", ".join(str(fault["loc"][0]) for fault in error.errors())
        known = ", ".join(CsvMapping.model_fields)
        raise InvalidInput(f"the mapping is wrong or lacks something: {names}; it may name {known}") from None
    if bool(mapping.amount) == bool(mapping.incoming or mapping.outgoing):
        raise InvalidInput(f"map one column of amounts, or one of what came in and one of what went out: {EXAMPLE}")
    return mapping
