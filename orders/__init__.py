"""The domain of orders: what is made or done once it is paid. Pure; it may import ``billing``, never the reverse."""
