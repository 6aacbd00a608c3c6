"""Six months of twenty subscribers.

town.py         one clock, and what people do
seen.py         everything that has happened to a subscriber, month by month, in words
subscribers.py  who they are, what they do, and what has to be seen: written down by hand
"""
