"""Keeps data clean: decontamination, duplicates, filters, similarity to held-out tasks."""
