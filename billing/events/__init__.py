"""What other systems should know: events, kept in an outbox until their receiver has taken them."""
