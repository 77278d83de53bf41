"""What training leaves: the adapter, the merged student, the model card."""
