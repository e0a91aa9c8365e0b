"""Licences: the record that a party has been trained. Owns `licence` and `sweep`."""
