"""From a checked source tree to a reproducible wheel: lock, build, normalise."""
