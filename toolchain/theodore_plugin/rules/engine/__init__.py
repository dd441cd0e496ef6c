"""What was not looked at, and what was silenced; ``reports`` are the rules the engine itself reports under."""
