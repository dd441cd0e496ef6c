"""Bringing this host's lists of revocations up to date, and asking them."""
