"""Acceptance of candidates: novelty, racing, the gate."""
