"""Training rows in a file that is mapped into memory: made once, split, put in order and read by every process."""
