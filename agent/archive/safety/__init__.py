"""The safety of an archive: locks, leases, unwritten replies."""
