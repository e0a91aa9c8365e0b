"""What both doors stand on: the parts of the process, the caller, a transaction, problems, limits, health."""
