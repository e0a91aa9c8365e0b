"""Sessions: scheduled sittings of a course version, each with a roster. Owns `training_session` and `roster_entry`."""
