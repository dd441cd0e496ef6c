"""A plugin that tries to leave its sandbox, for the demonstration."""
