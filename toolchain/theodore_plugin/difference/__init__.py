"""Two versions of one plugin side by side: what the new one may do more, or is vouched for less, and what else changed.

Whether it matters is decided in one place for everybody, ``theodore_loader.difference``; here is what people are shown.
"""
