"""Which permissions a plugin's own code can exercise, why, and what cannot be known."""

from theodore_plugin.inference.model import (
    Certainty,
    Inference,
    InferredPermission,
    Phase,
    ResolvedCall,
    Unknown,
)

__all__ = ["Certainty", "Inference", "InferredPermission", "Phase", "ResolvedCall", "Unknown"]
