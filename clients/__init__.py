"""Starts, commands and queries of workflows from outside, by a Temporal client."""
