"""The journal and incoming payments in the ledger."""
