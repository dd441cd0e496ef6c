"""A Theodore plugin that reads web pages and returns their main text."""
