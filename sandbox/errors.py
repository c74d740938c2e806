"""What the host raises when the sandbox itself cannot do its work."""


class SandboxTrouble(Exception):
    """The sandbox cannot be opened as asked: one line that says what was found and what to do."""
