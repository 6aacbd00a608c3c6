"""What starts, tells and asks workflows from outside. Holds a Temporal client, and the clock."""
