"""Models: references to weights, conversion, loading, checkpoints and adapters, chat templates."""
