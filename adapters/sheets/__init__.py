"""Sources of sales."""
