/* What was read lately: the same few files are opened again and again, and the policy never changes.
 *
 * What is kept is the text of an absolute path in normal form that, opened for nothing but reading, passed without a
 * word or was granted and recorded: as long as the policy stands, it is judged no other way. Refusals are not kept, nor
 * anything that depends on more than its text. A path is found by all of its bytes, not by a hash of them. Places are
 * few and fixed, and a path takes its own from another. When grants are to be recorded anew, all are forgotten.
 *
 * There is no lock: the main interpreter's lock keeps two threads from being here at once, for no Python runs in
 * between. Other interpreters may have locks of their own, so they do not come here. */
#include "hook.h"

enum { PLACES = 256, SHORTEST = sizeof(uint64_t), LONGEST = 120 };

static struct place {
    unsigned int era, size;
    char bytes[LONGEST];
} places[PLACES] __attribute__((aligned(128)));
_Static_assert(sizeof(struct place) == 128, "a place is two lines of the processor's cache");

static bool is_main_interpreter(void) {
#if PY_VERSION_HEX >= 0x030C0000
    return PyInterpreterState_Get() == PyInterpreterState_Main();
#else
    return true; /* or another that shares its lock */
#endif
}

/* By the length, the end and the middle: what tells paths apart is seldom at their beginning. */
static struct place *familiar_place(struct text path) {
    uint64_t end, middle;
    memcpy(&end, path.bytes + path.size - sizeof end, sizeof end);
    memcpy(&middle, path.bytes + (path.size - sizeof middle) / 2, sizeof middle);
    uint64_t mixed = (end ^ middle * 0xFF51AFD7ED558CCDu ^ path.size) * 0x9E3779B97F4A7C15u;
    return &places[mixed >> 32 & (PLACES - 1)];
}

static bool has_room(struct text path) {
    return path.size >= SHORTEST && path.size <= LONGEST;
}

static bool is_open(const char *event) { /* it is shorter than a call to compare it */
    return event[0] == 'o' && event[1] == 'p' && event[2] == 'e' && event[3] == 'n' && event[4] == '\0';
}

bool familiar_has(const char *event, PyObject *arguments, unsigned long writing) {
    if (!is_open(event) || !PyTuple_CheckExact(arguments) || PyTuple_GET_SIZE(arguments) != 3) {
        return false;
    }
    PyObject *name = PyTuple_GET_ITEM(arguments, 0), *flags = PyTuple_GET_ITEM(arguments, 2);
    if (!PyUnicode_CheckExact(name) || !PyUnicode_IS_COMPACT_ASCII(name) || !PyLong_CheckExact(flags)
        || PyLong_AsUnsignedLongMask(flags) & writing || !is_main_interpreter()) {
        return false;
    }
    struct text path = {(const char *)PyUnicode_1BYTE_DATA(name), (size_t)PyUnicode_GET_LENGTH(name)};
    if (!has_room(path)) {
        return false;
    }
    const struct place *place = familiar_place(path);
    return place->era == store_era() && text_equal((struct text){place->bytes, place->size}, path);
}

void familiar_keep(struct text path) {
    if (has_room(path) && is_main_interpreter()) {
        struct place *place = familiar_place(path);
        place->era = store_era();
        place->size = (unsigned int)path.size;
        memcpy(place->bytes, path.bytes, path.size);
    }
}
