"""Commands for the books."""
