"""Working with a policy.

Asking it questions (:mod:`testing`), doubting it (:mod:`linting`), reading it for one plugin (:mod:`explaining`).
"""
