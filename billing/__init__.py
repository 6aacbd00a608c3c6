"""The domain of monthly billing: pure and fast; the standard library, pydantic and idna (tables of Unicode) only."""
