"""How our processes run and end: threads of workflows, memory, logs, a forced end."""
