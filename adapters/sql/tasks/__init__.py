"""Tasks of departments in SQL."""
