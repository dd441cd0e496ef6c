"""The instance as a team's service: certificates for whom the team's own OIDC issuers name.

A small HTTP server (:mod:`.server`) in front of the endpoints (:mod:`.endpoints`) of an instance on disk. Who may
have a certificate is said by a configuration file (:mod:`.config`) and by tokens (:mod:`.identity_tokens`).
"""
