"""The Hugging Face hub: what goes into a repository, checked before anything is sent."""
