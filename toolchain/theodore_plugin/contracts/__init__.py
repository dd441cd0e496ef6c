"""Contracts of ports: what a class must offer to stand in for a base class or a port of Theodore."""
