"""The exception for a sandbox that cannot do its work."""


class SandboxError(Exception):
    """The sandbox cannot be opened.

    One line with the finding and the remedy.
    """
