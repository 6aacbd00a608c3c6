"""Service orders in SQL: opened, led from step to step, changed and listed, under the lock of their customer."""
