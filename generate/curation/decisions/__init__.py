"""What a person decided on examples: the log of decisions, their checks, and how they change tasks and records."""
