"""Vulnerability data from a local database, served on loopback to unmodified auditors.

::

    file, zip, folder ──> reading ──> record ──> build ──> database (SQLite) <── source ──> endpoint <── pip-audit
    official bulk file ──> fetch ──┘                          ^ store: where it is, and how it is replaced
"""
