"""Pages of service accounts and tasks."""
