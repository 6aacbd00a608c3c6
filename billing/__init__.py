"""The domain of monthly billing: pure and fast; the standard library and pydantic only."""
