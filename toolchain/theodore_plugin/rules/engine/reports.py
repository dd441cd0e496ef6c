"""The rules the engine itself reports under: what was not looked at, and what was silenced.

Like every rule they carry their own documentation; ``explain`` and the docs pages read it from here.
"""

from __future__ import annotations

from theodore_plugin.finding import Confidence, Example, Rule, Severity, Silencer

ANALYZER_FAILED = Rule(
    name="analyzer-failed",
    severity=Severity.INCOMPLETE,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="An analyser crashed, ran out of time, is missing, or is of a version this release was not made for.",
    why="What was not looked at must not look clean: the check ends incomplete (exit code 4), whatever else it found.",
    remedy="Run the printed command by hand to see the tool's own message; install the tools with "
    '`pip install "theodore-plugin[toolchain]"`. A policy can say that a scanner is not required.',
)

VULNERABILITY_DATA_UNAVAILABLE = Rule(
    name="vulnerability-data-unavailable",
    severity=Severity.INCOMPLETE,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="Dependencies could not be audited: no lock, no answer from the advisory service, or packages it skipped.",
    why="An auditor that looked nothing up reports no vulnerabilities. Skipped is not audited.",
    remedy="Lock the dependencies (`theodore-plugin package` does), and give a source that answers: "
    "`--advisories online`, an OSV endpoint's URL, a snapshot file, or, without a network, `--advisories local` after "
    "`theodore-plugin advisories update` or `import FILE`.",
)

KNOWN_VULNERABILITY = Rule(
    name="known-vulnerability",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="The lock pins a version of a package that an advisory lists as vulnerable.",
    why="The plugin would bring a publicly known hole into every host that loads it.",
    remedy="Raise the dependency to a fixed version and lock again.",
)

UNUSED_SUPPRESSION = Rule(
    name="unused-suppression",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    silencer=Silencer.INLINE,
    summary="A suppression comment silences nothing, or names a rule that does not exist.",
    why="Left in place it would silence the next, different defect on that line.",
    remedy="Remove the comment, or correct the rule's name.",
)

SUPPRESSION_WITHOUT_REASON = Rule(
    name="suppression-without-reason",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary='A suppression comment has no `reason="…"`.',
    why="Every suppression is written into the signed verdict; whoever reads it there must be able to judge it.",
    remedy='Write one sentence: `# theodore: ignore[rule] reason="argv is a constant"`.',
    bad=(Example("subprocess.run(command)  # theodore: ignore[shell-injection]"),),
    good=(Example('subprocess.run(command)  # theodore: ignore[shell-injection] reason="argv is a constant"'),),
)

SUPPRESSION_EXPIRED = Rule(
    name="suppression-expired",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="The date in a suppression's `until=` is past, or is not a date.",
    why="A suppression with a date is a promise to come back; after that date it counts for nothing.",
    remedy="Fix what it silences, or set a later `until=YYYY-MM-DD` with a reason that still holds.",
)

BLANKET_SUPPRESSION = Rule(
    name="blanket-suppression",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="A comment would silence everything on its line: `ignore` without a rule, `# nosec`, `# type: ignore`.",
    why="It hides defects nobody has looked at yet. The tools' own comments are not obeyed here.",
    remedy='Name the rule and the reason: `# theodore: ignore[bandit/B310] reason="…"`.',
    bad=(Example("urlopen(address)  # nosec"),),
    good=(Example('urlopen(address)  # theodore: ignore[bandit/B310] reason="address is a constant"'),),
)

SUPPRESSION_NOT_PERMITTED = Rule(
    name="suppression-not-permitted",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="The source tries to silence a rule that its author may not silence.",
    why="Some findings are for the policy's owner to accept, others for nobody: the author judges neither.",
    remedy="Fix what the rule reports; a policy's owner can permit a rule under `suppressions`.",
)

UNUSED_BASELINE_ENTRY = Rule(
    name="unused-baseline-entry",
    severity=Severity.NOTICE,
    confidence=Confidence.HIGH,
    silencer=Silencer.INLINE,
    summary="The baseline accepts findings that are no longer there.",
    why="Such an entry would accept the same defect when it comes back.",
    remedy="Write the baseline anew: `theodore-plugin check --write-baseline FILE` keeps the reasons in it.",
)

TARGET_TOOL_CONFIG_IGNORED = Rule(
    name="target-tool-config-ignored",
    severity=Severity.NOTICE,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="The project holds configuration or hooks of other tools; they were seen, and not used or run.",
    why="A target that configures its own inspection passes it. This check gives the same answer everywhere.",
    remedy="Nothing needs to change; the file keeps its meaning for your own use of the tool.",
)

POLICY_EXCEPTION_UNUSED = Rule(
    name="policy-exception-unused",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="The policy has an exception for this plugin, and nothing reports what it accepts.",
    why="An exception that is no longer needed would accept the next, different defect under the same name.",
    remedy="Ask the exception's owner to remove it; `theodore-plugin policy explain` shows the line.",
)

POLICY_EXCEPTION_EXPIRED = Rule(
    name="policy-exception-expired",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="The policy has an exception for this plugin that has ended; what it accepted is reported again.",
    why="An exception is a promise to come back by a day; after that day it counts for nothing.",
    remedy="Fix what is reported, or ask the exception's owner for a later day with a reason that still holds.",
)

PROFILE_MISMATCH = Rule(
    name="profile-mismatch",
    severity=Severity.INCOMPLETE,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="This machine differs from the profile the check follows: another tool, rule set, policy or advisory data.",
    why="The registry's verdict is reproduced only on its own terms; a difference could hide or add a finding.",
    remedy="Install the versions the profile names and use its advisory data; each difference names its remedy.",
)

SETTING_OVERRULED = Rule(
    name="setting-overruled",
    severity=Severity.NOTICE,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="Something that was asked for does not count: the organisation or a registry's profile decides it.",
    why="Whoever asked would otherwise believe that the report is what was asked for.",
    remedy="`check --show-settings` shows every setting, where it comes from and what it overrules.",
)

ENGINE_RULES: tuple[Rule, ...] = (
    ANALYZER_FAILED,
    VULNERABILITY_DATA_UNAVAILABLE,
    KNOWN_VULNERABILITY,
    UNUSED_SUPPRESSION,
    SUPPRESSION_WITHOUT_REASON,
    SUPPRESSION_EXPIRED,
    BLANKET_SUPPRESSION,
    SUPPRESSION_NOT_PERMITTED,
    UNUSED_BASELINE_ENTRY,
    TARGET_TOOL_CONFIG_IGNORED,
    POLICY_EXCEPTION_UNUSED,
    POLICY_EXCEPTION_EXPIRED,
    PROFILE_MISMATCH,
    SETTING_OVERRULED,
)
