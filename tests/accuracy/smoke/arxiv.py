"""Search, and download what a search would have found."""

from contextlib import suppress

import arxiv

client = arxiv.Client(page_size=2, delay_seconds=0, num_retries=0)
with suppress(Exception):
    list(client.results(arxiv.Search(query="quantum", max_results=2)))
with suppress(Exception):
    next(arxiv.Client(num_retries=1, delay_seconds=0).results(arxiv.Search(id_list=["1605.08386v1"])))
link = arxiv.Result.Link("https://arxiv.org/pdf/1605.08386v1", title="pdf")
result = arxiv.Result(entry_id="https://arxiv.org/abs/1605.08386v1", links=[link])
for method in ("download_pdf", "download_source", "source_url", "get_short_id"):
    with suppress(Exception):
        getattr(result, method)()
