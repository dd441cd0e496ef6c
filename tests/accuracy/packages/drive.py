"""Drive the package ``observed``; the folder of this run is empty."""

from contextlib import suppress

import observed
from observed import work

for action in (work.fetch, work.connect, work.start, work.own_data, work.import_by_name, lambda: work.compute("1 + 1")):
    with suppress(OSError):
        action()
work.keep("kept.txt")
work.borrow("kept.txt")
work.pool(".")
with suppress(ImportError):
    work.choose("a_module_that_is_not_there")
assert work.Reader().home
assert observed.Settings().name == ""
raise SystemExit(3)  # what was seen before a failure counts
