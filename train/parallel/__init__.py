"""Training in several processes: the group that they form, how rows are dealt out to them, and how they are started."""
