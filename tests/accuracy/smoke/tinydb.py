"""Store, read, cache, and the read-only and failing cases."""

import tempfile
from contextlib import suppress
from pathlib import Path

from tinydb import Query, TinyDB, where
from tinydb.middlewares import CachingMiddleware
from tinydb.storages import JSONStorage, MemoryStorage, touch

folder = Path(tempfile.mkdtemp())
base = TinyDB(folder / "a.json", indent=2)
base.insert({"name": "a", "age": 1})
base.update({"age": 2}, where("name") == "a")
base.search(Query().age > 1)
base.drop_tables()
base.close()
with TinyDB(folder / "b.json", storage=CachingMiddleware(JSONStorage)) as cached:
    cached.insert({"x": 1})
with suppress(Exception):
    TinyDB(folder / "new" / "c.json", create_dirs=True).insert({"x": 1})
with suppress(Exception):
    TinyDB(folder / "a.json", access_mode="r").all()
TinyDB(storage=MemoryStorage).insert({"x": 1})
touch(str(folder / "deep" / "d.json"), create_dirs=True)
