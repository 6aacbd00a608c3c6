"""How money, dates and reasons are written, in mails and on pages alike; knows billing only."""
