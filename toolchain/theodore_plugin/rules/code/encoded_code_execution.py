"""Code that is hidden behind an encoding until it runs."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.inference.model import ResolvedCall
from theodore_plugin.rules.code.flows import code_arguments, made_by
from theodore_plugin.rules.context import RuleContext, report

DECODERS = (
    *(
        f"base64.{name}"
        for name in (
            "a85decode",
            "b16decode",
            "b32decode",
            "b32hexdecode",
            "b64decode",
            "b85decode",
            "decodebytes",
            "standard_b64decode",
            "urlsafe_b64decode",
        )
    ),
    "binascii.a2b_base64",
    "binascii.a2b_hex",
    "binascii.a2b_uu",
    "binascii.unhexlify",
    "builtins.bytearray.fromhex",
    "builtins.bytes.fromhex",
    "builtins.chr",
    "bz2.BZ2Decompressor",
    "bz2.decompress",
    "codecs.decode",
    "codecs.getdecoder",
    "gzip.decompress",
    "lzma.LZMADecompressor",
    "lzma.decompress",
    "marshal.loads",
    "quopri.decodestring",
    "zlib.decompress",
    "zlib.decompressobj",
)
"""What turns unreadable bytes into readable ones; ``marshal.load`` reads files, as caches of bytecode do."""
CODECS = frozenset({"rot13", "rot_13", "hex", "hex_codec", "base64", "base64_codec", "zip", "zlib", "bz2", "uu"})
"""Encodings that carry no language: text decoded with one was hidden, not written."""

RULE = Rule(
    name="encoded-code-execution",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="What is decoded, decompressed or unmarshalled is run or imported.",
    why="There is no reason to encode code but to keep people and scanners from reading it.",
    remedy="Ship the code as source and import it.",
    bad=(
        Example("import base64\n\n\ndef run(text):\n    exec(base64.b64decode(text))\n", "base64"),
        Example(
            "import marshal\nimport zlib\n\nBLOB = b'...'\n\n\ndef run():\n"
            "    plain = zlib.decompress(BLOB)\n    exec(marshal.loads(plain))\n",
            "compressed bytecode",
        ),
        Example("exec(''.join(chr(code ^ 7) for code in (119, 117)))\n", "numbers made into text"),
    ),
    good=(
        Example("import base64\n\n\ndef picture(text):\n    return base64.b64decode(text)\n", "decoded, not run"),
        Example(
            "import gzip\nimport json\n\n\ndef read(data):\n    return json.loads(gzip.decompress(data))\n", "data"
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Follow the code of every executor back to a decoder."""
    for call, name, origins in code_arguments(context.inference):
        decoder = made_by(origins, DECODERS) or _written_out(call)
        if decoder and name != "marshal.loads":
            shown = name.removeprefix("builtins.")
            message = f"{shown} runs what {decoder.removeprefix('builtins.')} decodes"
            yield report(RULE, call.location, message, subject=call.function)


def _written_out(call: ResolvedCall) -> str | None:
    """Return the decoding that stands in the argument itself, where strings are joined or have a codec."""
    source = call.argument(0, None)
    for node in m.walk(source) if source is not None else ():
        if isinstance(node, m.Name) and node.id == "chr":
            return "chr"
        if isinstance(node, m.Call) and isinstance(node.callee, m.Attribute) and node.callee.attr == "decode":
            codec = _codec(node)
            if codec in CODECS:
                return f"decode({codec!r})"
    return None


def _codec(node: m.Call) -> str | None:
    value = node.arguments[0].value if node.arguments else None
    return value.value.lower() if isinstance(value, m.Constant) and isinstance(value.value, str) else None
