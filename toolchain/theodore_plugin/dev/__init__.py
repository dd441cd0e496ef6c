"""Running a plugin from its source tree while it is written: in a worker, marked as unsigned, never in a host."""
