"""The server of the view: access, changes, listening."""
