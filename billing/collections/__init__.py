"""Collections: amounts that were not paid in their month, until they are recovered or written off."""
