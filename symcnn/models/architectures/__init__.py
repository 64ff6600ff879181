"""The named networks, a file for each family."""
