"""What training leaves: the adapter, the merged student, the model card; and what `kshot export` makes of them."""
