"""The data set as files: JSONL and Parquet, statistics, the dataset card, the hub, a suite of training tasks."""
