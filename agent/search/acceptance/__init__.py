"""What is accepted: novelty, racing, the gate."""
