"""New examples of a task: what to ask for, what came, and what of it stands."""
