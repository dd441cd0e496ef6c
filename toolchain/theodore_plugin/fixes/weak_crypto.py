"""Numbers that protect something cannot be predicted."""

from __future__ import annotations

from theodore_plugin.finding import Finding
from theodore_plugin.fixes.callees import with_callee
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.model import Fix, NoFix

RULE = "weak-crypto"
SAFE = False
DOES = (
    "Draw from `secrets` what `random` drew, where it has the same function. A seed has no effect any more. Digests "
    "are left to you: what was stored under the old one would not be found under another."
)
INSTEAD = {
    "random.choice": "secrets.choice",
    "random.getrandbits": "secrets.randbits",
    "random.randbytes": "secrets.token_bytes",
}


def fix(finding: Finding, context: FixContext) -> Fix:
    """Call the function of ``secrets``."""
    call, name = context.call(finding, *INSTEAD)
    if len(call.node.arguments) != 1 or call.node.arguments[0].keyword is not None:
        raise NoFix("the arguments are passed in another way")
    return Fix(RULE, SAFE, with_callee(context, finding.location, INSTEAD[name]), f"call {INSTEAD[name]}")
