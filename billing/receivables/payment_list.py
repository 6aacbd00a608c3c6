"""The list of incoming payments: filters, rows and pages."""

import re

from billing.model import Code, Count, Id, Line, Many, Model
from billing.receivables.incoming import PaymentRow

PAGE_ROWS = 100
COUNTED_MOST = 10_000
"""How many matched payments are counted: nobody needs the exact number of more, and counting them takes long."""
_AMOUNT = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,3}))?")


class PaymentFilter(Model):
    """``search`` is part of a reference, of a payer's name or of a customer's id, in any case; or an amount: 12.50."""

    search: Line = ""
    rail: Code = ""
    customer_id: Id = ""  # whose it is, or a part of it
    unmatched: bool = False

    @property
    def amounts_minor(self) -> dict[int, int]:
        """The amount that is searched for, in minor units, by the decimals of its currency; {}: it is no amount."""
        match = _AMOUNT.fullmatch(self.search.strip())
        if match is None:
            return {}
        whole, fraction = match[1], (match[2] or "")
        return {
            digits: int(whole + fraction[:digits].ljust(digits, "0"))
            for digits in (0, 2, 3)
            if len(fraction.rstrip("0")) <= digits
        }


class PaymentPage(Model):
    """Rows of the list: unmatched ones first, then the newest. ``count`` is how many match, ``unmatched`` of them.

    ``has_more``: there are more than ``count``, which stops at ``COUNTED_MOST`` matched ones, or at the page's end.
    """

    rows: Many[PaymentRow]
    count: Count
    unmatched: Count
    has_more: bool = False
