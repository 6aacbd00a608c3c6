"""What people do with an order. Each is carried out in the ledger, under the lock of the customer."""

from billing.model import Code, Count
from billing.tasks.forms import TypedAnswer
from orders.order import Agreement, OrderChange


class Amend(OrderChange):
    """Another agreement, until the first release; ``version`` is the one that the person has seen.

    What is due changes with it, and open payment links end. If more was paid than the new price, the excess is the
    customer's credit.
    """

    version: Count
    agreed: Agreement


class Cancel(OrderChange):
    """Ends the order, until production is told of it, or after it has refused to make it.

    What was paid is the customer's credit; with ``refund`` it goes back.
    """

    refund: bool = False


class Halt(OrderChange):
    """Nothing is released until somebody resumes, whatever is paid."""


class Resume(OrderChange):
    """Lets the order go on; what is paid enough by then is released at once."""


class SendAgain(OrderChange):
    """Has production asked again, after it has rejected a release."""


class Reopen(OrderChange):
    """Has a service order done anew that has ended, as far as its procedure allows it."""


class Correct(OrderChange):
    """Puts right what a halted service order knows, such as ``look.first_day``; ``typed`` as in the form it came by.

    Steps that are done stay as they are; the others go by the new value.
    """

    name: Code
    typed: TypedAnswer


Change = Amend | Cancel | Halt | Resume | SendAgain | Reopen | Correct
