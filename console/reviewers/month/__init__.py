"""The page of a month, and its plots."""
