"""How money, dates, reasons and commands are written, in mails, on pages and in terminals alike; knows billing only."""
