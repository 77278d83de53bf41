"""Training tasks: families, YAML tasks, the registry of both, and the catalog that shows them."""
