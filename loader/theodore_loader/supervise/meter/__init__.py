"""What workers use, and the limits that are held from outside."""

from theodore_loader.supervise.meter.choice import group_for
from theodore_loader.supervise.meter.disk import refuse_full
from theodore_loader.supervise.meter.meter import Meter
from theodore_loader.supervise.meter.usage import DiskLimit, Usage

__all__ = ["DiskLimit", "Meter", "Usage", "group_for", "refuse_full"]
