"""Tables of the SQL ledger. A test proves that the migrations in ``adapters/sql/migrations`` agree with them."""
