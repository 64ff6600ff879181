"""Reading other people's notes."""
