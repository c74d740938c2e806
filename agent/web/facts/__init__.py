"""Questions to the archive that cost little however large it is."""
