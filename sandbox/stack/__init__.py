"""The embedded stack: servers, processes and sample data."""
