"""Vulnerability data from a local snapshot, served on loopback to unmodified auditors."""
