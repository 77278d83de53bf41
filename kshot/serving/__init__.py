"""Servers of models in processes of their own, which never outlive kshot: `kshot serve`, and the local teacher."""
