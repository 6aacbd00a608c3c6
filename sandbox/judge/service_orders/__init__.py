"""The part of the judge about service orders, their tasks, and planned works."""
