"""What keeps an archive safe: locks waited for, leases, replies that could not be written."""
