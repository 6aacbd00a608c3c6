"""Orders: what people do with them, refunds, releases, and what workflows and coverage are told."""
