"""Signing: the sigstore instances a wheel can be signed with, and the statements that are signed."""
