"""Orders, in SQL: opened, changed, released and listed, under the lock of their customer."""
