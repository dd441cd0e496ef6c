"""Rules of the group ``interface/``."""
