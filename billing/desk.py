"""What reviewers' pages show of a month, as the ledger last knew it: totals, rows of the list, the audit trail."""
