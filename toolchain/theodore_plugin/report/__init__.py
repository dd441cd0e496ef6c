"""What a check says: one model, one renderer per file."""
