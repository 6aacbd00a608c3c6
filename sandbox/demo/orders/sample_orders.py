"""The dozen orders of the demo: who orders what, how each is paid, and where it has to stand at the end.

``FROM_SHOP`` come from the shop by HTTP, the others from a CSV file.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

from billing.money import parse_amount, plain_amount
from orders.order import Agreement, Buyer, OrderLine, OrderRequest, OrderStage
from sandbox.stand_ins.whole_file import write_csv

CURRENCY = "eur"
_HEADER = ("number", "customer", "name", "currency", "quantity", "description", "amount", "file", "deposit")


class SampleOrder(NamedTuple):
    """``money`` says how it is paid; ``ends`` where it has to stand at the end."""

    number: str
    customer_id: str
    name: str
    quantity: int
    product: str
    price: str
    money: str
    ends: OrderStage = OrderStage.FULFILLED
    deposit_percent: int | None = None

    @property
    def request(self) -> OrderRequest:
        return OrderRequest(
            number=self.number,
            buyer=Buyer(customer_id=self.customer_id, name=self.name),
            currency=CURRENCY,
            agreed=self.agreed(self.quantity, self.price),
        )

    def agreed(self, quantity: int, price: str) -> Agreement:
        line = OrderLine(description=self.product, quantity=quantity, amount_minor=parse_amount(price, CURRENCY))
        digest = hashlib.sha256(self.number.encode()).hexdigest()  # of the file that the buyer has sent
        return Agreement(lines=(line,), file_digest=digest, deposit_percent=self.deposit_percent)


NOWAK = SampleOrder("1001", "nowak", "A. Nowak", 2, "Sign", "90.00", "gateway")
OKAFOR = SampleOrder("1002", "okafor", "B. Okafor", 1, "Banner", "90.00", "short by gateway, the rest by app")
LINDQVIST = SampleOrder("1003", "lindqvist", "C. Lindqvist", 50, "Sticker", "90.00", "too much, by gateway")
MOREAU = SampleOrder("1004", "moreau", "D. Moreau", 1, "Neon letter", "240.00", "Stripe's link, while halted")
TANAKA = SampleOrder("1005", "tanaka", "E. Tanaka", 3, "Poster", "45.50", "twice: Stripe's link and transfer")
GARCIA = SampleOrder("1006", "garcia", "F. García", 1, "Door plate", "35.00", "transfer without a name")
SILVA = SampleOrder("1007", "silva", "G. Silva", 10, "Badge", "80.00", "short, by transfer", OrderStage.PART_PAID)
KHAN = SampleOrder("1008", "khan", "H. Khan", 1, "Roller blind", "80.00", "too much, by the statement")
WEBER = SampleOrder("1009", "weber", "I. Weber", 1, "Tent", "310.00", "after its cancellation", OrderStage.CANCELLED)
ROSSI = SampleOrder("1010", "rossi", "J. Rossi", 4, "Frame", "120.00", "gateway; given back, and paid again")
JENSEN = SampleOrder(
    "1011", "jensen", "K. Jensen", 1, "Shop front", "900.00", "30% first, then the rest", deposit_percent=30
)
HADDAD = SampleOrder("1012", "haddad", "L. Haddad", 2, "Flag", "120.00", "gateway, amended before")

SAMPLE_ORDERS = (NOWAK, OKAFOR, LINDQVIST, MOREAU, TANAKA, GARCIA, SILVA, KHAN, WEBER, ROSSI, JENSEN, HADDAD)
FROM_SHOP = SAMPLE_ORDERS[:3]


def write_order_file(folder: Path) -> Path:
    """The CSV file of all orders that are not the shop's."""
    rows = []
    for sample in SAMPLE_ORDERS[len(FROM_SHOP) :]:
        request = sample.request
        whose = (sample.number, sample.customer_id, sample.name, CURRENCY)
        for line in request.agreed.lines:
            what = (str(line.quantity), line.description, plain_amount(line.amount_minor, CURRENCY))
            rows.append((*whose, *what, request.agreed.file_digest or "", str(sample.deposit_percent or "")))
    path = folder / "orders.csv"
    write_csv(path, [_HEADER, *rows])
    return path
