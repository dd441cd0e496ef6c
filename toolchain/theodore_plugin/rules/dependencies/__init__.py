"""Rules of the group ``dependencies/``."""
