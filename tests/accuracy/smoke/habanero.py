"""Every resource of the Crossref client, and content negotiation."""

from contextlib import suppress

from habanero import Crossref, WorksContainer, cn, counts

client = Crossref(mailto="somebody@example.org")
for name in ("works", "members", "prefixes", "funders", "journals", "types", "licenses", "registration_agency"):
    method = getattr(client, name)
    for arguments in ({"ids": "10.1371/journal.pone.0033693"}, {"query": "ecology", "limit": 1}, {"ids": ["a", "b"]}):
        with suppress(Exception):
            method(**arguments)
with suppress(Exception):
    client.works(query="ecology", cursor="*", cursor_max=2, limit=1)
with suppress(Exception):
    client.random_dois(1)
with suppress(Exception):
    cn.content_negotiation(ids="10.1126/science.169.3946.635")
with suppress(Exception):
    cn.csl_styles()
with suppress(Exception):
    counts.citation_count(doi="10.1371/journal.pone.0042793")
with suppress(Exception):
    WorksContainer({"message": {"items": []}})
