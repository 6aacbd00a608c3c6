"""Commands about tariffs, and what accounts pay by the month."""
