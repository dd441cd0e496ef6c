"""What a package really does: audit events and environment reads, attributed to its functions."""
