"""The ``theodore-plugin`` toolchain: reads untrusted plugin source and never imports it."""

__version__ = "0.1.0"
