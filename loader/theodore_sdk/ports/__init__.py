"""Typed request and result data of each plugin category."""
