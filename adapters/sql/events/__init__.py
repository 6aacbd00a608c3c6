"""The outbox of events in the ledger."""
