"""A project of the user's own: from a table to a config, a task and a suite."""
