"""What a model wrote, read: its thought apart from its reply, and the final answer in it."""
