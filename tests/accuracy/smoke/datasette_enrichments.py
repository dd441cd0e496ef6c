"""Define an enrichment and run it over a table of an in-process Datasette."""

import asyncio
from contextlib import suppress

from datasette.app import Datasette
from datasette_enrichments import Enrichment, get_enrichments, utils


class Shout(Enrichment):
    """Upper case, nothing else."""

    name = "Shout"
    slug = "shout"
    description = "upper"
    runs_in_process = True

    async def enrich_batch(self, datasette, db, table, rows, pks, config, job_id):
        """Answer how many rows were enriched."""
        await self.log_error(db, job_id, [1], "error")
        await self.increment_cost(db, job_id, 1)
        return len(rows)


async def main():
    """Run one job to its end, and the views around it."""
    datasette = Datasette(memory=True)
    await datasette.invoke_startup()
    base = datasette.add_memory_database("data")
    await base.execute_write("create table if not exists t (id integer primary key, name text)")
    await base.execute_write("insert into t (name) values ('a')")
    with suppress(Exception):
        await get_enrichments(datasette)
    with suppress(Exception):
        job = await Shout().enqueue(datasette, base, "t", "", {}, "root")
        await utils.wait_for_job(datasette, job, "data", timeout=3)
    for path in ("/data/t", "/-/enrich/data/t", "/-/enrichment-jobs", "/-/enrich/data/-/jobs/1"):
        with suppress(Exception):
            await datasette.client.get(path)


asyncio.run(asyncio.wait_for(main(), 20))
