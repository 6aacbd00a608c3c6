"""A stand-in for vendors of texts, in SMSC's dialect and in Twilio's."""
