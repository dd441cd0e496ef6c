"""Why a host refuses a wheel: signatures, verdicts, revocation."""
