"""Style sheet, script and icon, served as they are."""
