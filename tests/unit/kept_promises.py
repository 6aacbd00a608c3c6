"""What holds of a collection after every step, by the processor and by our own account of what is owed."""

from hypothesis.stateful import invariant

from billing.collections.stages import CollectionStage, Purpose
from billing.collections.summary import summary
from billing.payments.payment import ChargeStatus
from tests.unit.living_collection import LivingCollection


class KeptPromises(LivingCollection):
    @invariant()
    def a_card_pays_once(self) -> None:
        assert all(processor.succeeded <= 1 for processor in self.processors.values())

    @invariant()
    def what_counts_has_arrived(self) -> None:
        for debt in self.collection.debts:
            assert 0 <= debt.paid_otherwise_minor <= debt.amount_minor - self.least_owed[debt.period]
            assert (debt.outcome is CollectionStage.RECOVERED) == (debt.outstanding_minor == 0)
            assert not (debt.paid_by and not self.processors[debt.period].succeeded)

    @invariant()
    def what_was_paid_twice_is_noted(self) -> None:
        for debt in self.collection.debts:
            if debt.paid_by and debt.release and debt.release.purpose is Purpose.COUNT:
                assert self.noted_twice[debt.period]

    @invariant()
    def what_has_arrived_counts(self) -> None:
        """Once the outbox has told of it and what is due has been done."""
        quiet = not (self.webhooks or self.untold or self.work or self.paying)
        if quiet and self.collection.due(self.now).step is None and not self.collection.failure:
            for debt in self.collection.open_debts:
                assert debt.outstanding_minor == self.owed[debt.period]

    @invariant()
    def what_is_settled_cannot_be_paid_by_card_any_more(self) -> None:
        for debt in self.collection.debts:
            if not debt.by_card or debt.outcome is CollectionStage.WRITTEN_OFF:
                processor = self.processors[debt.period]
                assert not processor.succeeded
                for payment in processor.payments.values():
                    assert payment.status is ChargeStatus.CANCELED

    @invariant()
    def money_that_moved_is_found(self) -> None:
        """Once the webhooks have come and what is due has been done, the collection knows that the card has paid."""
        quiet = not (self.webhooks or self.work or self.paying)
        if quiet and self.collection.due(self.now).step is None and not self.collection.failure:
            for debt in self.collection.open_debts:
                assert not self.processors[debt.period].succeeded

    @invariant()
    def the_diary_has_no_gaps(self) -> None:
        numbers = [each.number for each in self.collection.entries]
        first = numbers[0] if numbers else self.collection.entry_count + 1
        assert numbers == list(range(first, self.collection.entry_count + 1))

    @invariant()
    def everything_can_be_shown(self) -> None:
        collection = self.collection
        stage = collection.stage(self.now)
        assert stage in summary(collection, self.now)
        assert (stage in (CollectionStage.RECOVERED, CollectionStage.WRITTEN_OFF)) == (collection.outcome is not None)
        for debt in collection.debts:
            assert (collection.stage_of(debt, self.now) is debt.outcome) == (debt.settled is not None)
            assert not (collection.payable(debt) and (debt.settled or collection.failure))
