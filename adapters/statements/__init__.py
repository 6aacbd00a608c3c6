"""Files of bank statements: MT940, camt.053 and .054, 1CClientBankExchange, CSV."""
