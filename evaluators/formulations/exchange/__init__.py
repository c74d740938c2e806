"""What the guest sends and the host reads: parts of solver models as text."""
