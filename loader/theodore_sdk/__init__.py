"""What plugin authors import. Standard library only."""
