"""What was revoked: lists of digests, of signers from a moment on, and of versions a registry offers; never of names.

::

    <folder of the trust file>/revocations.json     the owner's own list, unsigned, protected like the trust file
    <home>/revocations/<revoker>.sigstore.json      the list of a [[revoker]]: one DSSE bundle
    <home>/revocations/<revoker>.sequence.json      the highest sequence ever seen of it, and that list's digest
    <home>/revocations/<revoker>.index              what the signed list says, authenticated, in buckets, sealed

``document`` is the format, ``signed`` and ``owner`` read the two kinds of list, ``intake`` takes a new one in,
``lookup`` answers what verification asks. Nothing here fetches anything.
"""
