"""Sessions and their rosters."""
