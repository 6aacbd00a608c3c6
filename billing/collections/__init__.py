"""What was not paid in its month, until it is paid or given up."""
