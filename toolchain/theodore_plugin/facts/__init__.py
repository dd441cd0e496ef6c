"""What a source file says, lowered once into small immutable values; every rule reads these, none parses again."""
