"""What every mode shares: the context, the prompts, the verification."""
