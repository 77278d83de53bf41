"""Text that held-out items share with the training data."""
