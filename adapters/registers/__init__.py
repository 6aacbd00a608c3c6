"""Files of banks' registers: OSMP's text, and CSV by a mapping."""
