"""The embedded sigstore instance: a certificate authority, a transparency log and a token mint in one folder.

Nothing here is a new signature format. The instance speaks Fulcio v2 and Rekor v1 on a loopback port while a
signature is being made, and unmodified sigstore clients sign and verify with it.
"""
