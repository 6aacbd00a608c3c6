"""Activities: one external effect each, as methods of classes that hold ports.

An activity first records its month in the ledger, then acts, then records the result. It may be repeated after any
failure.
"""
