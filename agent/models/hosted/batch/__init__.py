"""Questions sent in batches."""
