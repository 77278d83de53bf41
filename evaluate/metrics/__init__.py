"""What scores are set beside: trivial baselines, label bias, forgetting, the ranking of trials."""
