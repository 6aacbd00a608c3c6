"""The outbox of events: who delivers them, and what is done once one is delivered."""
