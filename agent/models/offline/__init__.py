"""The genetic programmer that needs no key."""
