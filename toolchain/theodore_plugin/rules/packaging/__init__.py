"""Rules about wheels and what they carry; ``refusals`` are those a host raises."""
