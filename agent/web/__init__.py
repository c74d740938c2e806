"""A read-only view of an archive in the browser.

It needs the extra `web`; nothing outside this package imports what that installs.
"""
