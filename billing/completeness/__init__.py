"""Whether everybody is billed, with every row, once."""
