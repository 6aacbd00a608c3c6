"""Events to the company's own systems, by HTTP."""
