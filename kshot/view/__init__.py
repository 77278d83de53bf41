"""The page of `kshot view`: a run's records, examples and rejects, and a person's decisions on them."""
