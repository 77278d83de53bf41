"""Generation in shards: parts of the work for processes of this machine, a Slurm queue or a Ray cluster."""
