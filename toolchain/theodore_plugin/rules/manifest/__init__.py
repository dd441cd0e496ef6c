"""Rules of the group ``manifest/``."""
