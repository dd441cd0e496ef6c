"""Rules of the group ``packaging/``."""
