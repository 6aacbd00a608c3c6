"""Bank statements in the ledger."""
