"""Whom this host believes, and the numbered steps from a wheel's bytes to what it is granted."""
