"""Deliveries: one event told to one receiver over one channel. Owns `delivery` and `webhook`."""
