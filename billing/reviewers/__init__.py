"""Who looks after it: alerts, digests, lists, users and the emergency brake."""
