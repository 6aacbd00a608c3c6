"""Twenty subscribers: what they do in six months, and everything that has to be seen of it, written down by hand.

A line is a month, from its bill to the next one: ``1-3: sms bill, bill 45``. What is not there must not happen.
"""

from collections.abc import Iterable

from tests.scenarios.town.deeds import (
    another_tariff,
    by_app,
    card_fails,
    card_works,
    comes_back,
    ends_the_tariff,
    goes_on_holiday,
    half_price,
    halts,
    has_texts_looked_up,
    is_disconnected,
    is_erased,
    is_written_off,
    leaves,
    pays,
    promises,
    promises_alone,
)
from tests.scenarios.town.town import Act, Subscriber

Acts = dict[tuple[int, str], tuple[Act, ...]]
DEAF = "deaf"


def every(moment: str, *acts: Act, months: Iterable[int] = range(1, 7)) -> Acts:
    return {(month, moment): acts for month in months}


TOWN = (
    Subscriber(
        "prompt",
        """
        1-6: sms bill, bill 45, paid 45
        """,
        every("billed", pays("45")),
    ),
    Subscriber(
        "app",
        """
        1-6: sms bill, bill 45, paid 45
        """,
        every("before", by_app("45")),
    ),
    Subscriber(
        "letter",
        """
        1-6: mail notice, bill 45, paid 45, mail receipt
        """,
        every("due", pays("45")),
        mail=True,
        sms=False,
    ),
    Subscriber(
        "slow",
        """
        1: sms bill, bill 45, paid 45
        2-4: sms bill, bill 45, sms reminder, paid 45
        5-6: sms bill, bill 45, paid 45
        """,
        every("billed", pays("45"), months=(1, 5, 6)) | every("reminded", pays("45"), months=(2, 3, 4)),
    ),
    Subscriber(
        "warned",
        """
        1-2: sms bill, mail notice, bill 45, paid 45, mail receipt
        3: sms bill, mail notice, bill 45, sms reminder, mail reminder, sms warning, mail warning, paid 45, mail receipt
        4-6: sms bill, mail notice, bill 45, paid 45, mail receipt
        """,
        every("billed", pays("45"), months=(1, 2, 4, 5, 6)) | {(3, "warned"): (pays("45"),)},
        mail=True,
    ),
    Subscriber(
        "limited",
        """
        1-3: sms bill, bill 45, paid 45
        4: sms bill, bill 45, sms reminder, sms warning, limited, paid 45, active, sms restored
        5-6: sms bill, bill 45, paid 45
        """,
        every("billed", pays("45"), months=(1, 2, 3, 5, 6)) | {(4, "limited"): (pays("45"),)},
    ),
    Subscriber(
        "suspended",
        """
        1: sms bill, bill 45, sms reminder, sms warning, limited, suspended, sms suspended, paid 45, \
active, sms restored
        2-4: sms bill, bill 45, paid 45
        5: sms bill, bill 45, sms reminder, sms warning, limited, suspended, sms suspended, task disconnect, paid 45, \
active, disconnect needless, sms restored
        6: sms bill, bill 45, paid 45
        """,
        every("billed", pays("45"), months=(2, 3, 4, 6))
        | {(1, "suspended"): (by_app("45"),), (5, "asked"): (by_app("45"),)},
    ),
    Subscriber(
        "parts",
        """
        1: sms bill, bill 45, sms reminder, sms warning, paid 15, limited, suspended, sms suspended, paid 15, paid 15, \
active, sms restored
        2-6: sms bill, bill 45, paid 15, paid 30
        """,
        every("warned", pays("15"), months=[1])
        | every("suspended", by_app("15"), months=[1])
        | every("later", pays("15"), months=[1])
        | every("billed", by_app("15"), months=range(2, 7))
        | every("before", pays("30"), months=range(2, 7)),
    ),
    Subscriber(
        "kept",
        """
        1: sms bill, bill 45, paid 45
        2: sms bill, bill 45, sms reminder, sms warning, paid 45
        3-6: sms bill, bill 45, paid 45
        """,
        every("billed", pays("45"), months=(1, 3, 4, 5, 6))
        | {(2, "warned"): (promises_alone(4),), (2, "limited"): (pays("45"),)},
    ),
    Subscriber(
        "broken",
        """
        1-2: sms bill, bill 45, paid 45
        3: sms bill, bill 45, sms reminder, sms warning, limited, suspended, sms suspended, paid 45, \
active, sms restored
        4-6: sms bill, bill 45, paid 45
        """,
        every("billed", pays("45"), months=(1, 2, 4, 5, 6))
        | {(3, "warned"): (promises(5),), (3, "later"): (pays("45"),)},
    ),
    Subscriber(
        "never",
        """
        1: sms bill, bill 45, sms reminder, sms warning, limited, suspended, sms suspended, task disconnect, \
disconnected, disconnect done
        2: written off 45
        """,
        {(1, "later"): (ends_the_tariff,), (1, "asked"): (is_disconnected,), (2, "billed"): (is_written_off,)},
    ),
    Subscriber(
        "ahead",
        """
        1: sms bill, bill 45, paid 100 (credit 55)
        2: bill 45
        3: sms bill, bill 45, paid 35
        4-6: sms bill, bill 45, paid 45
        """,
        {(1, "billed"): (pays("100"),), (3, "billed"): (pays("35"),)} | every("billed", pays("45"), months=(4, 5, 6)),
    ),
    Subscriber(
        "welcome",
        """
        1-3: sms bill, bill 22.5, paid 22.5
        4-6: sms bill, bill 45, paid 45
        """,
        every("billed", pays("22.50"), months=(1, 2, 3)) | every("billed", pays("45"), months=(4, 5, 6)),
        agreed=(half_price(3),),
    ),
    Subscriber(
        "faster",
        """
        1-3: sms bill, bill 45, paid 45
        4-6: sms bill, bill 60, paid 60
        """,
        every("billed", pays("45"), months=(1, 2, 3)) | every("billed", by_app("60"), months=(4, 5, 6)),
        agreed=(another_tariff("fast", 4),),
    ),
    Subscriber(
        "holiday",
        """
        1: sms bill, bill 45, paid 45, suspended
        2: sms bill, bill 45, paid 45, active
        4-6: sms bill, bill 45, paid 45
        """,
        every("billed", pays("45"), months=(1, 2, 4, 5, 6))
        | {(1, "eve"): (goes_on_holiday,), (2, "morning"): (comes_back,)},
        accounts=("home",),
    ),
    Subscriber(
        "family",
        """
        1: sms bill, bill 105, sms reminder, sms warning, limited 1, limited 2, suspended 1, suspended 2, \
sms suspended, paid 105, active 1, active 2, sms restored
        2-6: sms bill, bill 105, paid 105
        """,
        {(1, "suspended"): (by_app("105"),)} | every("billed", pays("105"), months=range(2, 7)),
        accounts=("net", "fast"),
    ),
    Subscriber(
        "card",
        """
        1-2: mail notice, bill 45, paid 45, mail receipt
        3: mail notice, bill 45, mail decline, mail reminder, mail warning, limited, suspended, mail suspended, \
paid 45, active, mail restored, mail receipt
        4-6: mail notice, bill 45, paid 45, mail receipt
        """,
        {(3, "before"): (card_fails,), (3, "suspended"): (pays("45"),), (3, "later"): (card_works,)},
        by_card=True,
        mail=True,
        sms=False,
    ),
    Subscriber(
        DEAF,
        """
        1-6: sms bill, bill 45, task no_working_number, paid 45
        """,
        every("billed", has_texts_looked_up) | every("before", pays("45")),
    ),
    Subscriber(
        "halted",
        """
        1: sms bill, bill 45, sms reminder
        2: sms bill, bill 45, paid 45, paid 45
        3-6: sms bill, bill 45, paid 45
        """,
        {(1, "reminded"): (halts,), (2, "billed"): (pays("45"), pays("45"))}
        | every("billed", pays("45"), months=(3, 4, 5, 6)),
    ),
    Subscriber(
        "erased",
        """
        1: sms bill, bill 45, paid 45
        2: sms bill, bill 45, paid 45, disconnected
        """,
        every("billed", pays("45"), months=(1, 2))
        | {(2, "before"): (ends_the_tariff, leaves), (3, "due"): (is_erased,)},
    ),
)
