"""Subscribers: service accounts, whether they work, and why; what other systems are told of it."""
