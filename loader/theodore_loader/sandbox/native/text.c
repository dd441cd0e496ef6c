/* Texts and paths. Nothing here calls Python code: exact types are read through their C structures. */
#include "hook.h"

#include <errno.h>
#include <unistd.h>

void scratch_open(struct scratch *scratch) {
    scratch->bytes = scratch->fixed;
    scratch->used = 0;
    scratch->room = sizeof scratch->fixed;
    scratch->failed = false;
}

void scratch_close(struct scratch *scratch) {
    if (scratch->bytes != scratch->fixed) {
        PyMem_RawFree(scratch->bytes);
    }
}

static bool scratch_grow(struct scratch *scratch, size_t more) {
    if (more > PY_SSIZE_T_MAX / 4 - scratch->used) {
        scratch->failed = true;
        return false;
    }
    size_t room = (scratch->used + more) * 2;
    char *bytes = PyMem_RawMalloc(room);
    if (bytes == NULL) {
        scratch->failed = true;
        return false;
    }
    memcpy(bytes, scratch->bytes, scratch->used);
    scratch_close(scratch);
    scratch->bytes = bytes;
    scratch->room = room;
    return true;
}

void scratch_add(struct scratch *scratch, struct text text) {
    if (scratch->failed || (text.size > scratch->room - scratch->used && !scratch_grow(scratch, text.size))) {
        return;
    }
    memcpy(scratch->bytes + scratch->used, text.bytes, text.size);
    scratch->used += text.size;
}

/* In decimal; what Python itself refuses to print, for its length, is told by a word. */
void scratch_add_number(struct scratch *scratch, PyObject *exact_int) {
    PyObject *digits = PyLong_Type.tp_repr(exact_int);
    if (digits == NULL) {
        PyErr_Clear();
        scratch_add(scratch, TEXT("(huge)"));
        return;
    }
    scratch_add(scratch, (struct text){(const char *)PyUnicode_1BYTE_DATA(digits), (size_t)PyUnicode_GET_LENGTH(digits)});
    Py_DECREF(digits);
}

struct text scratch_text(const struct scratch *scratch) {
    return (struct text){scratch->bytes, scratch->used};
}

bool text_contains(struct text text, struct text part) {
    return memmem(text.bytes, text.size, part.bytes, part.size) != NULL;
}

/* What comes before the first `stop`, or all of it. */
struct text text_until(struct text text, char stop) {
    const char *found = memchr(text.bytes, stop, text.size);
    return found == NULL ? text : (struct text){text.bytes, (size_t)(found - text.bytes)};
}

/* Keyed by a seed that Python never sees. It tells equal acts apart and decides nothing. */
uint64_t text_hash(struct text text, uint64_t seed) {
    const char *bytes = text.bytes;
    size_t left = text.size;
    uint64_t word, hash = seed ^ (left * 0x9E3779B97F4A7C15u);
    for (; left >= sizeof word; bytes += sizeof word, left -= sizeof word) {
        memcpy(&word, bytes, sizeof word);
        hash = (hash ^ word) * 0xFF51AFD7ED558CCDu;
        hash ^= hash >> 32;
    }
    for (word = 0; left > 0; left--) {
        word = word << 8 | (unsigned char)bytes[left - 1];
    }
    hash = (hash ^ word) * 0xC4CEB9FE1A85EC53u;
    return hash ^ hash >> 32;
}

static void add_code_point(struct scratch *scratch, Py_UCS4 point) {
    char out[4];
    size_t size;
    if (point < 0x80) {
        out[0] = (char)point;
        size = 1;
    } else if (point < 0x800) {
        out[0] = (char)(0xC0 | (point >> 6));
        out[1] = (char)(0x80 | (point & 0x3F));
        size = 2;
    } else if (point < 0x10000) {
        out[0] = (char)(0xE0 | (point >> 12));
        out[1] = (char)(0x80 | ((point >> 6) & 0x3F));
        out[2] = (char)(0x80 | (point & 0x3F));
        size = 3;
    } else {
        out[0] = (char)(0xF0 | (point >> 18));
        out[1] = (char)(0x80 | ((point >> 12) & 0x3F));
        out[2] = (char)(0x80 | ((point >> 6) & 0x3F));
        out[3] = (char)(0x80 | (point & 0x3F));
        size = 4;
    }
    scratch_add(scratch, (struct text){out, size});
}

bool text_of_str(PyObject *exact_str, struct scratch *scratch, struct text *text) {
#if PY_VERSION_HEX < 0x030C0000
    if (PyUnicode_READY(exact_str) < 0) {
        PyErr_Clear();
        scratch->failed = true;
        return false;
    }
#endif
    Py_ssize_t length = PyUnicode_GET_LENGTH(exact_str);
    if (PyUnicode_IS_COMPACT_ASCII(exact_str)) {
        *text = (struct text){(const char *)PyUnicode_1BYTE_DATA(exact_str), (size_t)length};
        return true;
    }
    size_t start = scratch->used;
    int kind = PyUnicode_KIND(exact_str);
    const void *data = PyUnicode_DATA(exact_str);
    for (Py_ssize_t at = 0; at < length; at++) {
        add_code_point(scratch, PyUnicode_READ(kind, data, at));
    }
    *text = (struct text){scratch->bytes + start, scratch->used - start};
    return !scratch->failed;
}

/* Our own form only, so it is known to be well-formed. */
static Py_UCS4 next_code_point(const unsigned char **at) {
    const unsigned char *byte = *at;
    if (byte[0] < 0x80) {
        *at += 1;
        return byte[0];
    }
    if (byte[0] < 0xE0) {
        *at += 2;
        return (Py_UCS4)(byte[0] & 0x1F) << 6 | (byte[1] & 0x3F);
    }
    if (byte[0] < 0xF0) {
        *at += 3;
        return (Py_UCS4)(byte[0] & 0x0F) << 12 | (Py_UCS4)(byte[1] & 0x3F) << 6 | (byte[2] & 0x3F);
    }
    *at += 4;
    return (Py_UCS4)(byte[0] & 0x07) << 18 | (Py_UCS4)(byte[1] & 0x3F) << 12 | (Py_UCS4)(byte[2] & 0x3F) << 6
           | (byte[3] & 0x3F);
}

PyObject *text_to_str(struct text text) {
    Py_UCS4 *points = PyMem_RawMalloc((text.size + 1) * sizeof *points);
    if (points == NULL) {
        return PyErr_NoMemory();
    }
    const unsigned char *at = (const unsigned char *)text.bytes;
    const unsigned char *end = at + text.size;
    Py_ssize_t count = 0;
    while (at < end) {
        points[count++] = next_code_point(&at);
    }
    PyObject *made = PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, points, count);
    PyMem_RawFree(points);
    return made;
}

static bool is_ascii(const char *bytes, size_t size) {
    unsigned char seen = 0;
    for (size_t at = 0; at < size; at++) {
        seen |= (unsigned char)bytes[at];
    }
    return seen < 0x80;
}

/* As the interpreter decodes file names; its "surrogateescape" is C code that no registered handler replaces. */
static enum form text_of_bytes(const char *bytes, size_t size, struct scratch *scratch, struct text *text) {
    if (is_ascii(bytes, size)) {
        *text = (struct text){bytes, size};
        return FORM_TEXT;
    }
    PyObject *decoded = PyUnicode_DecodeUTF8(bytes, (Py_ssize_t)size, "surrogateescape");
    if (decoded == NULL) {
        PyErr_Clear();
        scratch->failed = true;
        *text = NOT_TEXT;
        return FORM_ODD;
    }
    text_of_str(decoded, scratch, text); /* not ASCII, so it is copied */
    Py_DECREF(decoded);
    return FORM_TEXT;
}

/* ---- pathlib.PosixPath ---- */

static bool path_is_original(const struct path_layout *paths) {
    for (size_t at = 0; at < paths->guard_count; at++) {
        const struct path_guard *guard = &paths->guards[at];
        PyObject *found = PyObject_GetItem(guard->attributes, guard->name);
        if (found == NULL) {
            PyErr_Clear();
        }
        Py_XDECREF(found);
        if (found != guard->expected) {
            return false;
        }
    }
    return true;
}

static PyObject *slot(PyObject *path, Py_ssize_t offset) {
    return offset < 0 ? NULL : *(PyObject **)((char *)path + offset);
}

static bool add_str(struct scratch *scratch, PyObject *value) {
    struct text text;
    if (value == NULL || !PyUnicode_CheckExact(value) || !text_of_str(value, scratch, &text)) {
        return false;
    }
    if (PyUnicode_IS_COMPACT_ASCII(value)) { /* any other was appended by text_of_str */
        scratch_add(scratch, text);
    }
    return true;
}

/* Append the items, with slashes between. */
static bool add_joined(struct scratch *scratch, PyObject *items, Py_ssize_t from) {
    if (items == NULL || !PyList_CheckExact(items)) {
        return false;
    }
    size_t start = scratch->used;
    for (Py_ssize_t at = from; at < PyList_GET_SIZE(items); at++) {
        if (scratch->used > start) {
            scratch_add(scratch, TEXT("/"));
        }
        if (!add_str(scratch, PyList_GET_ITEM(items, at))) {
            return false;
        }
    }
    return true;
}

/* What was given to the constructor and not parsed yet: as posixpath.join would, the last absolute part begins it. */
static bool raw_text(struct scratch *scratch, PyObject *raw) {
    if (raw == NULL || !PyList_CheckExact(raw)) {
        return false;
    }
    Py_ssize_t from = 0;
    for (Py_ssize_t at = 0; at < PyList_GET_SIZE(raw); at++) {
        PyObject *part = PyList_GET_ITEM(raw, at);
        if (!PyUnicode_CheckExact(part)) {
            return false;
        }
        if (PyUnicode_GET_LENGTH(part) > 0 && PyUnicode_READ_CHAR(part, 0) == '/') {
            from = at;
        }
    }
    return add_joined(scratch, raw, from);
}

/* What str() of the path will be, read from its slots as its own methods would. */
static bool path_text(PyObject *path, const struct path_layout *paths, struct scratch *scratch, struct text *text) {
    PyObject *string = slot(path, paths->string);
    size_t start = scratch->used;
    if (string != NULL) {
        return PyUnicode_CheckExact(string) && text_of_str(string, scratch, text);
    }
    PyObject *drive = slot(path, paths->drive);
    bool known;
    if (drive == NULL) {
        known = raw_text(scratch, slot(path, paths->raw));
    } else {
        known = add_str(scratch, drive) && add_str(scratch, slot(path, paths->root));
        bool anchor = paths->anchored && scratch->used > start;
        known = known && add_joined(scratch, slot(path, paths->parts), anchor ? 1 : 0);
    }
    if (known && scratch->used == start) {
        scratch_add(scratch, TEXT("."));
    }
    *text = (struct text){scratch->bytes + start, scratch->used - start};
    return known && !scratch->failed;
}

enum form text_of_object(PyObject *value, const struct path_layout *paths, struct scratch *scratch, struct text *text) {
    *text = NOT_TEXT;
    if (PyUnicode_CheckExact(value)) {
        return text_of_str(value, scratch, text) ? FORM_TEXT : FORM_ODD;
    }
    if (PyLong_CheckExact(value)) {
        return FORM_NUMBER;
    }
    if (PyBytes_CheckExact(value)) {
        return text_of_bytes(PyBytes_AS_STRING(value), (size_t)PyBytes_GET_SIZE(value), scratch, text);
    }
    if (paths->kind != NULL && Py_IS_TYPE(value, paths->kind) && path_is_original(paths)
        && path_text(value, paths, scratch, text)) {
        return FORM_TEXT;
    }
    *text = NOT_TEXT;
    return FORM_ODD;
}

/* ---- normal form ---- */

/* False: it was removed, or is deeper than any path that could be granted. */
static bool add_working_folder(struct scratch *scratch) {
    char folder[4096];
    struct text text;
    if (getcwd(folder, sizeof folder) == NULL || folder[0] != '/') {
        return false;
    }
    size_t before = scratch->used;
    text_of_bytes(folder, strlen(folder), scratch, &text);
    if (scratch->used == before) { /* ASCII: it was not copied */
        scratch_add(scratch, text);
    }
    return true;
}

/* 0x80 in every byte of the word that is this character. */
static uint64_t where(uint64_t word, unsigned char character) {
    const uint64_t low = 0x7F7F7F7F7F7F7F7Fu;
    word ^= 0x0101010101010101u * character;
    return ~(((word & low) + low) | word | low);
}

/* Whether a slash is followed by a slash or a dot, eight characters at a time: it runs at every open. */
static bool has_odd_slash(struct text path) {
    const char *bytes = path.bytes;
    size_t at = 0;
    uint64_t here, next, odd = 0;
    for (; at + sizeof here < path.size; at += sizeof here) {
        memcpy(&here, bytes + at, sizeof here);
        memcpy(&next, bytes + at + 1, sizeof next);
        odd |= where(here, '/') & (where(next, '/') | where(next, '.'));
    }
    for (; at + 1 < path.size; at++) {
        odd |= bytes[at] == '/' && (bytes[at + 1] == '/' || bytes[at + 1] == '.');
    }
    return odd != 0;
}

static bool is_dots(struct text part) {
    return text_equal(part, TEXT(".")) || text_equal(part, TEXT(".."));
}

/* An absolute path with no part that is empty or dots, and no slash at its end. */
static bool is_normal(struct text path) {
    if (path.size < 2 || path.bytes[0] != '/' || path.bytes[path.size - 1] == '/') {
        return false;
    }
    if (!has_odd_slash(path)) {
        return true;
    }
    for (size_t at = 1; at < path.size;) { /* what begins with a dot may be no more than hidden */
        struct text part = text_until((struct text){path.bytes + at, path.size - at}, '/');
        if (part.size == 0 || is_dots(part)) {
            return false;
        }
        at += part.size + 1;
    }
    return true;
}

/* Drop empty parts and dots, let ".." climb in the text; in place, for what is written is never longer. */
static struct text normalised(struct text path, char *out) {
    size_t used = 0;
    for (size_t at = 0; at < path.size;) {
        struct text part = text_until((struct text){path.bytes + at, path.size - at}, '/');
        at += part.size + 1;
        if (part.size == 0 || text_equal(part, TEXT("."))) {
            continue;
        }
        if (text_equal(part, TEXT(".."))) {
            while (used > 0 && out[--used] != '/') {
            }
            continue;
        }
        out[used++] = '/';
        memmove(out + used, part.bytes, part.size);
        used += part.size;
    }
    if (used == 0) {
        out[used++] = '/';
    }
    return (struct text){out, used};
}

struct text path_of_text(struct text text, struct scratch *scratch) {
    if (is_normal(text)) {
        return text;
    }
    struct scratch whole;
    scratch_open(&whole);
    if ((text.size == 0 || text.bytes[0] != '/') && !add_working_folder(&whole)) {
        scratch_close(&whole);
        return NOT_TEXT;
    }
    scratch_add(&whole, TEXT("/"));
    scratch_add(&whole, text);
    size_t start = scratch->used;
    scratch_add(scratch, scratch_text(&whole)); /* room for the answer, which is not longer */
    scratch->failed |= whole.failed;
    struct text path = NOT_TEXT;
    if (!scratch->failed) {
        path = normalised(scratch_text(&whole), scratch->bytes + start);
    }
    scratch_close(&whole);
    return path;
}

bool path_of_object(PyObject *value, const struct path_layout *paths, struct scratch *scratch, struct text *path) {
    struct text text = TEXT(""); /* None is the working folder */
    if (value != Py_None) {
        enum form form = text_of_object(value, paths, scratch, &text);
        if (form == FORM_NUMBER) {
            return false;
        }
        if (form == FORM_ODD || (!PyUnicode_CheckExact(value) && text_equal(text, NOT_TEXT))) {
            *path = NOT_TEXT;
            return true;
        }
    }
    *path = path_of_text(text, scratch);
    return true;
}
