"""The stand-ins for Google Sheets and for a mail server, and what all stand-ins share."""
