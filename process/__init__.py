"""The processes: threads of workflows, memory, logs, shutdown."""
