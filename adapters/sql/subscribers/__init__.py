"""Service accounts and tasks in SQL."""
