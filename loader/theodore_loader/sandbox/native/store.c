/* What was observed, until the worker fetches it: bounded in number and bytes, equal ones counted, the rest told lost.
 *
 * Interpreters with locks of their own share it, so it has a lock; one that is held is waited for briefly and then
 * given up, for a hook must not block: an observation is lost and counted, no decision depends on it. */
#include "hook.h"

#include <stdatomic.h>
#include <time.h>

enum { MOST_WAITING = 4096, MOST_TEXT = 4096, MOST_BYTES = 1 << 20, REMEMBERED = 4096, SPINS = 10000 };

struct observation {
    double time;
    const char *permission;
    bool granted;
    unsigned int count;
    size_t resource, location; /* sizes; the bytes follow */
    char bytes[];
};

static struct {
    size_t count, bytes;
    unsigned int lost;
    struct observation *order[MOST_WAITING];
    unsigned short slots[MOST_WAITING * 2]; /* by hash: place in `order`, plus one; 0 is empty */
} waiting;

/* Without the lock, for every granted act comes here: at worst two threads at once record one act twice, or not. */
static struct {
    atomic_uint_least64_t hash;
    atomic_uint era;
} remembered[REMEMBERED];

static atomic_uint era = 1; /* what was never written belongs to none */
static atomic_uint_least64_t era_began;

static atomic_flag busy = ATOMIC_FLAG_INIT;
static atomic_uint not_waited_for;

static bool take_lock(void) {
    for (int spin = 0; spin < SPINS; spin++) {
        if (!atomic_flag_test_and_set_explicit(&busy, memory_order_acquire)) {
            return true;
        }
    }
    atomic_fetch_add(&not_waited_for, 1);
    return false;
}

static void give_lock(void) {
    atomic_flag_clear_explicit(&busy, memory_order_release);
}

#ifdef CLOCK_MONOTONIC_COARSE
#define QUICK_CLOCK CLOCK_MONOTONIC_COARSE
#else
#define QUICK_CLOCK CLOCK_MONOTONIC
#endif

unsigned int store_era(void) {
    return atomic_load_explicit(&era, memory_order_relaxed);
}

bool store_due(uint64_t hash) {
    size_t at = (size_t)hash % REMEMBERED;
    unsigned int now = store_era();
    if (atomic_load_explicit(&remembered[at].hash, memory_order_relaxed) == hash
        && atomic_load_explicit(&remembered[at].era, memory_order_relaxed) == now) {
        return false;
    }
    atomic_store_explicit(&remembered[at].hash, hash, memory_order_relaxed);
    atomic_store_explicit(&remembered[at].era, now, memory_order_relaxed);
    return true;
}

/* The clock is read where observations are fetched, and not at every act. */
static void begin_era_when_due(void) {
    struct timespec time;
    clock_gettime(QUICK_CLOCK, &time);
    uint64_t now = (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
    uint64_t began = atomic_load_explicit(&era_began, memory_order_relaxed);
    if (now - began < 1000) {
        return;
    }
    atomic_store_explicit(&era_began, now, memory_order_relaxed);
    if (began != 0) { /* the first era began with the hook, which had no need of a clock */
        atomic_fetch_add_explicit(&era, 1, memory_order_relaxed);
    }
}

static double wall_clock(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct text cut(struct text text) {
    if (text.size > MOST_TEXT) {
        text.size = MOST_TEXT;
        while ((text.bytes[text.size] & 0xC0) == 0x80) { /* not inside a character */
            text.size--;
        }
    }
    return text;
}

static bool is_same(const struct observation *seen, const struct observation *fresh) {
    return seen->permission == fresh->permission && seen->granted == fresh->granted
           && seen->resource == fresh->resource && seen->location == fresh->location
           && memcmp(seen->bytes, fresh->bytes, fresh->resource + fresh->location) == 0;
}

static size_t place_of(const struct observation *fresh) {
    size_t room = MOST_WAITING * 2;
    size_t at = text_hash((struct text){fresh->bytes, fresh->resource + fresh->location}, 0) % room;
    while (waiting.slots[at] != 0 && !is_same(waiting.order[waiting.slots[at] - 1], fresh)) {
        at = (at + 1) % room;
    }
    return at;
}

/* Whether it was kept; the lock is held. */
static bool keep(struct observation *fresh) {
    size_t at = place_of(fresh);
    size_t bytes = sizeof *fresh + fresh->resource + fresh->location;
    if (waiting.slots[at] != 0) {
        waiting.order[waiting.slots[at] - 1]->count++;
        return false;
    }
    if (waiting.count == MOST_WAITING || waiting.bytes + bytes > MOST_BYTES) {
        waiting.lost++;
        return false;
    }
    waiting.order[waiting.count] = fresh;
    waiting.slots[at] = (unsigned short)++waiting.count;
    waiting.bytes += bytes;
    return true;
}

void store_add(const char *permission, bool granted, struct text resource, struct text location) {
    resource = cut(resource);
    location = cut(location);
    struct observation *fresh = PyMem_RawMalloc(sizeof *fresh + resource.size + location.size);
    if (fresh == NULL) {
        atomic_fetch_add(&not_waited_for, 1);
        return;
    }
    *fresh = (struct observation){wall_clock(), permission, granted, 1, resource.size, location.size};
    memcpy(fresh->bytes, resource.bytes, resource.size);
    memcpy(fresh->bytes + resource.size, location.bytes, location.size);
    bool kept = false;
    if (take_lock()) {
        kept = keep(fresh);
        give_lock();
    }
    if (!kept) {
        PyMem_RawFree(fresh);
    }
}

static PyObject *as_tuple(const struct observation *seen) {
    PyObject *resource = text_to_str((struct text){seen->bytes, seen->resource});
    PyObject *location = seen->location == 0
                             ? Py_NewRef(Py_None)
                             : text_to_str((struct text){seen->bytes + seen->resource, seen->location});
    PyObject *made = NULL;
    if (resource != NULL && location != NULL) {
        made = Py_BuildValue("(dsOOOI)", seen->time, seen->permission, resource, seen->granted ? Py_True : Py_False,
                             location, seen->count);
    }
    Py_XDECREF(resource);
    Py_XDECREF(location);
    return made;
}

/* Copy what waits and empty the store: no lock is held while Python objects are made. */
static size_t take_all(struct observation **taken, unsigned int *lost) {
    size_t count = 0;
    *lost = 0;
    if (take_lock()) {
        count = waiting.count;
        *lost = waiting.lost;
        memcpy(taken, waiting.order, count * sizeof *taken);
        memset(waiting.slots, 0, sizeof waiting.slots);
        waiting.count = waiting.bytes = waiting.lost = 0;
        give_lock();
    }
    *lost += atomic_exchange(&not_waited_for, 0);
    return count;
}

/* It is asked after every call, and mostly there is nothing. */
static bool is_empty(void) {
    bool empty = atomic_load_explicit(&not_waited_for, memory_order_relaxed) == 0;
    if (empty && take_lock()) {
        empty = waiting.count == 0 && waiting.lost == 0;
        give_lock();
    }
    return empty;
}

PyObject *store_drain(void) {
    begin_era_when_due();
    if (is_empty()) {
        return Py_BuildValue("([]I)", 0);
    }
    struct observation **taken = PyMem_RawMalloc(MOST_WAITING * sizeof *taken);
    PyObject *list = PyList_New(0);
    unsigned int lost = 0;
    if (taken == NULL || list == NULL) {
        PyMem_RawFree(taken);
        Py_XDECREF(list);
        return PyErr_NoMemory();
    }
    size_t count = take_all(taken, &lost);
    for (size_t at = 0; at < count; at++) {
        PyObject *seen = as_tuple(taken[at]);
        if (seen == NULL || PyList_Append(list, seen) < 0) {
            PyErr_Clear();
            lost++;
        }
        Py_XDECREF(seen);
        PyMem_RawFree(taken[at]);
    }
    PyMem_RawFree(taken);
    return Py_BuildValue("(NI)", list, lost);
}
