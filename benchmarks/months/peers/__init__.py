"""The same monthly job on what a team would pick instead of Temporal."""
