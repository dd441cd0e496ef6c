"""The typed channel between a host and one worker: frames, their codec, and the two ends."""
