"""Bytes of wheels: read strictly, store by digest, unpack locked dependencies."""
