"""Parts that several templates share."""
