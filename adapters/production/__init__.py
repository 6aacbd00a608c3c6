"""Production, by HTTP."""
