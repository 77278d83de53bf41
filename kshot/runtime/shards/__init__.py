"""Work in shards: parts for processes of this machine, a Slurm queue or a Ray cluster, each done once."""
