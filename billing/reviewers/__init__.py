"""For reviewers: alerts, digests, lists, users and the emergency brake."""
