"""Pages: functions from archive and request to facts for a template."""
