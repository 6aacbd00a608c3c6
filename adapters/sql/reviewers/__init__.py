"""Reviewers in the ledger: users, queries, audit trail, alerts, brake."""
