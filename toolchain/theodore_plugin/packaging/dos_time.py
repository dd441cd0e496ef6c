"""Times as zip archives have them: MS-DOS date and time words, two seconds fine (APPNOTE 4.4.6)."""

from __future__ import annotations

import calendar
import time

Moment = tuple[int, int]
"""Date word and time word."""


def dos_moment(epoch: int) -> Moment:
    """Return the words for a time in seconds since 1970, from 1980 on."""
    at = time.gmtime(epoch)
    return (at.tm_year - 1980) << 9 | at.tm_mon << 5 | at.tm_mday, at.tm_hour << 11 | at.tm_min << 5 | at.tm_sec // 2


def epoch_of(moment: Moment) -> int:
    """Return the time the words stand for; a date that is none (month or day 0) becomes the first."""
    year, month, day, hour, minute, second = _parts(moment)
    return calendar.timegm((year, min(max(month, 1), 12), max(day, 1), hour, minute, second))


def shown(moment: Moment) -> str:
    """Write the words for people."""
    year, month, day, hour, minute, second = _parts(moment)
    return f"{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"


def _parts(moment: Moment) -> tuple[int, int, int, int, int, int]:
    day, at = moment
    return 1980 + (day >> 9), day >> 5 & 0xF, day & 0x1F, at >> 11, at >> 5 & 0x3F, (at & 0x1F) * 2
