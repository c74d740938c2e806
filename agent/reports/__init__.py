"""Results as JSON, tables and modules; no logic."""
