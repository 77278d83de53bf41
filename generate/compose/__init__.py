"""Records from tasks: draws, label balance, instruction wrappers, and what a record must pass."""
