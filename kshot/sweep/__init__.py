"""`kshot ablate`: the grid of trials, and the runner that makes what is missing."""
