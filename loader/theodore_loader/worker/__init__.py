"""What runs inside a worker process: copied into the runtime folder, importing SDK, channel, sandbox and msgspec."""
