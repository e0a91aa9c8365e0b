"""People and the past of three kinds of system, moved in by API and by command."""
