"""The embedded sigstore instance: authority, transparency logs, timestamp authority and token mint in one folder.

Nothing here is a new signature format. The instance speaks Fulcio v2, Rekor v1 and v2, and RFC 3161 on a loopback port
while a signature is being made, and unmodified sigstore clients sign and verify with it.
"""
