"""Which column of a bank's CSV file is what. It is kept for each rail, so that it is told once."""

from typing import Literal

from billing.errors import InvalidInput
from billing.model import Few, Line, Model

_SIGNS = {"point": ".", "comma": ","}


class RegisterMapping(Model, extra="forbid"):
    """Names of columns, as the first row has them; "": there is no such column.

    ``time`` is a column beside the day, ``original`` names the payment that a line takes back, and ``kind`` says
    whether it does, by one of ``reversal_words`` or ``payment_words``. ``date_format`` is as strptime's; "": the usual
    ones.
    """

    reference: Line = "txn_id"
    account: Line = "account"
    amount: Line = "sum"
    paid_at: Line = "txn_date"
    time: Line = ""
    original: Line = ""
    kind: Line = ""
    currency: Line = ""
    reversal_words: Few[Line] = ()
    payment_words: Few[Line] = ("payment", "pay", "paid", "оплата", "платеж", "платёж", "төлем")
    date_format: Line = ""
    decimal: Literal[".", ","] = "."

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the file has to have, in lower case."""
        names = (self.reference, self.account, self.amount, self.paid_at, self.time, self.original, self.kind)
        return tuple(name.strip().casefold() for name in (*names, self.currency) if name)

    def is_reversal(self, word: str) -> bool | None:
        """Whether a line with this word in the column ``kind`` takes a payment back; None: nobody has said so."""
        folded = word.strip().casefold()
        is_back, is_paid = (folded in map(str.casefold, words) for words in (self.reversal_words, self.payment_words))
        if not folded:
            return False
        return None if is_back == is_paid else is_back


DEFAULT_MAPPING = RegisterMapping()


def mapping_of(words: list[str], before: RegisterMapping) -> RegisterMapping:
    """The mapping with what was typed: ``amount=Сумма``, ``decimal=comma``, ``reversal_words=refund;storno``.

    Raises ``InvalidInput``.
    """
    changes: dict[str, object] = {}
    for word in words:
        name, is_given, value = (part.strip() for part in word.partition("="))
        if name not in RegisterMapping.model_fields or not is_given:
            names = ", ".join(RegisterMapping.model_fields)
            raise InvalidInput(f"{word[:60]!r} maps nothing; write it as amount=Sum; there are: {names}")
        changes[name] = _SIGNS.get(value, value) if name == "decimal" else value
        if name in ("reversal_words", "payment_words"):
            changes[name] = tuple(part.strip() for part in value.split(";") if part.strip())
    return before.evolve(**changes)
