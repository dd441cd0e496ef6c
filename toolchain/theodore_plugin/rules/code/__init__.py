"""Rules of the group ``code/``."""
