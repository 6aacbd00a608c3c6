"""The processor that ``test_collection_machine`` holds every collection against: there the money really moves."""

from datetime import datetime

from billing.payments.payment import ChargeResult, ChargeStatus

OPEN = (ChargeStatus.DECLINED, ChargeStatus.AUTHENTICATION_REQUIRED)


class Processor:
    """The payments of a month, one for each series: the last try of each, and what all of them have moved."""

    def __init__(self, first: ChargeResult) -> None:
        self.payments: dict[int, ChargeResult] = {1: first}
        self.succeeded = 0

    def tries(self, series: int, tried: str, outcome: str, now: datetime) -> ChargeResult:
        """As ``Cashier.charge``: the payment is tried, unless it has been since ``tried``."""
        known = self.payments.get(series)
        if known is not None and (known.status not in OPEN or known.attempt_id != tried):
            assert known.status is not ChargeStatus.CANCELED, "Cashier.charge would call a person"
            return known.evolve(at=now)
        if outcome == "needs_card":
            return ChargeResult(status=ChargeStatus.NEEDS_CARD, at=now, attempt_id=tried)
        return self.moves(series, outcome, now)

    def moves(self, series: int, outcome: str, now: datetime) -> ChargeResult:
        known = outcome in list(ChargeStatus)
        number = int((self.payments[series].attempt_id if series in self.payments else "ch_0")[3:]) + 1
        self.payments[series] = ChargeResult(
            status=ChargeStatus(outcome) if known else ChargeStatus.DECLINED,
            at=now,
            payment_id=f"pi_{series}",
            decline_code="" if known else outcome,
            attempt_id=f"ch_{number}",
        )
        self.succeeded += outcome == "succeeded"
        return self.payments[series]

    def releases(self, series: int, now: datetime) -> ChargeResult:
        known = self.payments.get(series)
        if known is not None and known.status not in OPEN:
            return known.evolve(at=now)
        released = ChargeResult(status=ChargeStatus.CANCELED, at=now, payment_id=f"pi_{series}")
        if known is not None:
            self.payments[series] = released
        return released
