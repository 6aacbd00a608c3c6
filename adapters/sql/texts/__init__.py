"""The ledger's texts."""
