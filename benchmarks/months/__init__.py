"""How fast months are billed: the product beside a bare workflow and beside DBOS Transact."""
