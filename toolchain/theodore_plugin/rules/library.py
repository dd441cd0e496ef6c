"""Which rules ask about a Theodore plugin, and which about any Python package (``check --as-library``).

A package that is no plugin has no metadata class, declares no permissions and keeps no contract of the host's: rules
about these have nothing to judge and do not run, and the report says so. Everything public of a library is taken to
be called by somebody. A rule is on exactly one of the two lists.
"""

from __future__ import annotations

ABOUT_PLUGINS = frozenset(
    {
        # the metadata class and what is written in it
        "manifest-missing",
        "manifest-ambiguous",
        "manifest-invalid",
        "unknown-manifest-field",
        "metadata-not-literal",
        "metadata-drift",
        "invalid-plugin-id",
        "reserved-plugin-id",
        "version-not-pep440",
        "host-range-missing",
        "host-range-too-narrow",
        "template-text-left",
        "licence-missing",
        "description-or-readme-missing",
        # the host's contracts
        "missing-method",
        "signature-mismatch",
        "async-mismatch",
        "unknown-hook",
        "kind-mismatch",
        "interface-not-implemented",
        "inconsistent-mro",
        "unprovable-interface",
        "removed-api-use",
        "internal-api-use",
        "deprecated-api-use",
        "experimental-api-use",
        "interface-version-unsupported",
        "exception-outside-contract",
        "return-type-mismatch",
        "hook-not-annotated",
        "host-internals-import",
        # what is declared, against what is inferred and what the policy allows
        "permission-unknown",
        "undeclared-permission",
        "dependency-capability",
        "undeclared-target",
        "unused-permission",
        "permission-overbroad",
        "permission-combination",
        "permission-unenforceable",
        "permission-reason-missing",
        "policy-denied",
        "native-call",
        # how a host installs and unloads a plugin
        "foreign-entry-point",
        "unpinned-lock",
        "sbom-missing-or-stale",
        "api-lock-stale",
        "top-level-pollution",
        "undeclared-native-binary",
        "no-shutdown",
        "not-unloadable",
    }
)
ABOUT_ANY_PACKAGE = frozenset(
    {
        "dependency-too-new",
        "entry-point-unresolvable",
        "link-broken-or-insecure",
        "permission-at-import",
        "unanalyzable-capability",
        "dynamic-code-execution",
        "dynamic-import",
        "encoded-code-execution",
        "download-and-execute",
        "unsafe-deserialisation",
        "path-traversal",
        "shell-injection",
        "sandbox-tampering",
        "host-monkeypatch",
        "import-side-effect",
        "interpreter-persistence",
        "hardcoded-secret",
        "secret-to-log",
        "tls-verification-disabled",
        "weak-crypto",
        "invisible-or-bidi-characters",
        "obfuscated-source",
        "environment-gated-code",
        "direct-url-dependency",
        "unhashed-lock",
        "sdist-only-dependency",
        "unrequired-locked-package",
        "forbidden-dependency",
        "overstrict-bound",
        "undeclared-import",
        "unused-dependency",
        "startup-hook-in-wheel",
        "unexpected-file",
        "blocking-call-in-async",
        "leaked-resource",
        "network-without-timeout",
        "file-not-analysed",
    }
)
