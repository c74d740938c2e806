"""Calls over the network: deadlines, rate limits, retries, errors."""
