"""What many customers cost: those who wait, a year of them that is rehearsed, commands that look at everybody."""
