"""The table of texts, for ``texts list`` and for a month."""

from collections.abc import Sequence

from billing.texts.text import TextRow, masked_phone, price_words
from cli.terminal.output import SHOWN, print_table, utc, whole


def print_texts(rows: Sequence[TextRow], title: str = "", empty: str = "") -> None:
    columns = (whole("Sent"), "Customer", "Text", "To", "State", "Segments", "Price")
    print_table(columns, rows, _listed, title=title, empty=empty, shown=SHOWN)


def _listed(row: TextRow) -> tuple[str, ...]:
    price = price_words(row.cost_micros, row.currency)
    state = f"{row.status} {row.code}".strip()
    return utc(row.began_at), row.customer_id, row.kind, masked_phone(row.recipient), state, str(row.segments), price
