"""Everything that both doors need: the parts of the process, the caller, a transaction, problems, limits, health."""
