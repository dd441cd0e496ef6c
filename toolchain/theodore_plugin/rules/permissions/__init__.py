"""Rules of the group ``permissions/``."""
