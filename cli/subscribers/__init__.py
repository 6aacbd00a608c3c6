"""Commands about service accounts and tasks."""
