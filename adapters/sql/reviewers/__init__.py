"""What reviewers see and decide, in the ledger."""
