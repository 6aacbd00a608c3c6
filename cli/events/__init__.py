"""The outbox of events on the command line."""
