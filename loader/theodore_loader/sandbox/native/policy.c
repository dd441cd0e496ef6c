/* The policy: plain Python data (sandbox/native/policy.py), read once, kept in pages of its own. */
#include "hook.h"

#if PY_VERSION_HEX < 0x030C0000
#include <structmember.h>
#endif
#include <sys/mman.h>
#include <unistd.h>

/* ---- memory that can be made read-only ---- */

static size_t whole_pages(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (size + page - 1) / page * page;
}

static void *arena_take(struct arena *arena, size_t size) {
    size = (size + 15) & ~(size_t)15;
    if (arena->count == 0
        || arena->chunks[arena->count - 1].size - arena->chunks[arena->count - 1].used < size) {
        size_t room = whole_pages(size > 64 * 1024 ? size : 64 * 1024);
        char *bytes = MAP_FAILED;
        if (arena->count < sizeof arena->chunks / sizeof *arena->chunks) {
            bytes = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        }
        if (bytes == MAP_FAILED) {
            PyErr_NoMemory();
            return NULL;
        }
        arena->chunks[arena->count].bytes = bytes;
        arena->chunks[arena->count].used = 0;
        arena->chunks[arena->count].size = room;
        arena->count++;
    }
    char *taken = arena->chunks[arena->count - 1].bytes + arena->chunks[arena->count - 1].used;
    arena->chunks[arena->count - 1].used += size;
    return taken; /* fresh pages are zero */
}

static void arena_free(struct arena arena) { /* a copy, for it may lie in its own first chunk */
    for (size_t at = 0; at < arena.count; at++) {
        munmap(arena.chunks[at].bytes, arena.chunks[at].size);
    }
}

bool policy_seal(struct policy *policy) {
    struct arena arena = policy->arena;
    for (size_t at = 0; at < arena.count; at++) {
        if (mprotect(arena.chunks[at].bytes, arena.chunks[at].size, PROT_READ) < 0) {
            return false;
        }
    }
    return true;
}

/* ---- reading Python data; all of these return false, with an exception set, when it has another shape ---- */

static PyObject *field(PyObject *data, const char *name) { /* borrowed */
    PyObject *value = PyDict_GetItemString(data, name);
    if (value == NULL && !PyErr_Occurred()) {
        PyErr_Format(PyExc_KeyError, "the policy has no %s", name);
    }
    return value;
}

static bool read_text(struct policy *policy, PyObject *value, struct text *text) {
    if (!PyUnicode_CheckExact(value)) {
        PyErr_SetString(PyExc_TypeError, "the policy has something else than text where text belongs");
        return false;
    }
    struct scratch scratch;
    struct text found;
    scratch_open(&scratch);
    char *kept = NULL;
    if (text_of_str(value, &scratch, &found)) {
        kept = arena_take(&policy->arena, found.size + 1);
    } else {
        PyErr_NoMemory();
    }
    if (kept != NULL) {
        memcpy(kept, found.bytes, found.size);
        *text = (struct text){kept, found.size};
    }
    scratch_close(&scratch);
    return kept != NULL;
}

/* The last bytes of a text's first `size`, at most eight. */
static uint64_t tail_of(struct text text, size_t size) {
    uint64_t tail = 0;
    if (size >= sizeof tail) {
        memcpy(&tail, text.bytes + size - sizeof tail, sizeof tail);
    }
    return tail;
}

static bool read_texts(struct policy *policy, PyObject *data, const char *name, struct texts *texts) {
    PyObject *items = field(data, name);
    if (items == NULL || !PyTuple_CheckExact(items)) {
        return PyErr_Occurred() ? false : (PyErr_Format(PyExc_TypeError, "%s is no tuple", name), false);
    }
    texts->count = (size_t)PyTuple_GET_SIZE(items);
    texts->items = arena_take(&policy->arena, (texts->count + 1) * sizeof *texts->items);
    texts->tails = arena_take(&policy->arena, (texts->count + 1) * sizeof *texts->tails);
    for (size_t at = 0; texts->items != NULL && texts->tails != NULL && at < texts->count; at++) {
        if (!read_text(policy, PyTuple_GET_ITEM(items, (Py_ssize_t)at), &texts->items[at])) {
            return false;
        }
        texts->tails[at] = tail_of(texts->items[at], texts->items[at].size);
    }
    return texts->items != NULL && texts->tails != NULL;
}

static bool read_flag(PyObject *data, const char *name, bool *flag) {
    PyObject *value = field(data, name);
    if (value == NULL || !PyBool_Check(value)) {
        return PyErr_Occurred() ? false : (PyErr_Format(PyExc_TypeError, "%s is no bool", name), false);
    }
    *flag = value == Py_True;
    return true;
}

static bool read_number(PyObject *data, const char *name, unsigned long long *number) {
    PyObject *value = field(data, name);
    if (value == NULL) {
        return false;
    }
    *number = PyLong_AsUnsignedLongLong(value);
    return !PyErr_Occurred();
}

/* ---- sets ---- */

static struct set_slot *set_place(const struct set *set, struct text key, uint64_t hash) {
    size_t at = (size_t)hash & set->mask;
    while (set->slots[at].key.bytes != NULL && !text_equal(set->slots[at].key, key)) {
        at = (at + 1) & set->mask;
    }
    return &set->slots[at];
}

const struct set_slot *set_find(const struct set *set, struct text key, uint64_t hash) {
    const struct set_slot *slot = set_place(set, key, hash);
    return slot->key.bytes == NULL ? NULL : slot;
}

bool set_has(const struct policy *policy, const struct set *set, struct text key) {
    return set_find(set, key, text_hash(key, policy->seed)) != NULL;
}

static bool set_make(struct policy *policy, struct set *set, size_t count) {
    size_t room = 16;
    while (room < count * 4) {
        room *= 2;
    }
    set->mask = room - 1;
    set->slots = arena_take(&policy->arena, room * sizeof *set->slots);
    return set->slots != NULL;
}

static bool read_set(struct policy *policy, PyObject *data, const char *name, struct set *set) {
    struct texts texts;
    if (!read_texts(policy, data, name, &texts) || !set_make(policy, set, texts.count)) {
        return false;
    }
    for (size_t at = 0; at < texts.count; at++) {
        set_place(set, texts.items[at], text_hash(texts.items[at], policy->seed))->key = texts.items[at];
    }
    return true;
}

/* {event: name of its decision}; a name this module does not know is an error, never an event without a judge. */
static bool read_events(struct policy *policy, PyObject *data) {
    PyObject *events = field(data, "events"), *key, *value;
    Py_ssize_t at = 0;
    if (events == NULL || !PyDict_CheckExact(events)) {
        return PyErr_Occurred() ? false : (PyErr_SetString(PyExc_TypeError, "events is no dict"), false);
    }
    if (!set_make(policy, &policy->events, (size_t)PyDict_GET_SIZE(events))) {
        return false;
    }
    while (PyDict_Next(events, &at, &key, &value)) {
        struct text event;
        const char *name = PyUnicode_AsUTF8(value);
        decision decide = name == NULL ? NULL : decision_named(name);
        if (decide == NULL) {
            PyErr_Format(PyExc_ValueError, "no decision is called %R", value);
            return false;
        }
        if (!read_text(policy, key, &event)) {
            return false;
        }
        *set_place(&policy->events, event, text_hash(event, policy->seed)) = (struct set_slot){event, decide};
    }
    return true;
}

/* ---- prefixes and globs ---- */

bool texts_start(const struct texts *prefixes, struct text text, struct text *which) {
    for (size_t at = 0; at < prefixes->count; at++) {
        size_t size = prefixes->items[at].size;
        if (size <= text.size && tail_of(text, size) == prefixes->tails[at] && text_starts(text, prefixes->items[at])) {
            *which = prefixes->items[at];
            return true;
        }
    }
    return false;
}

static bool read_token(struct policy *policy, PyObject *part, bool last, struct token *token) {
    token->wild = LITERAL;
    if (PyUnicode_CheckExact(part)) {
        return read_text(policy, part, &token->literal);
    }
    long wild = PyLong_AsLong(part);
    if (PyErr_Occurred()) {
        return false;
    }
    if (wild < 0 || wild >= LITERAL || (wild >= WILD_SOMETHING && !last)) {
        PyErr_SetString(PyExc_ValueError, "a pattern has a wild part where none can be");
        return false;
    }
    token->wild = (enum wild)wild;
    return true;
}

static bool read_glob(struct policy *policy, PyObject *parts, struct glob *glob) {
    if (!PyTuple_CheckExact(parts)) {
        PyErr_SetString(PyExc_TypeError, "a pattern is no tuple");
        return false;
    }
    glob->count = (size_t)PyTuple_GET_SIZE(parts);
    glob->tokens = arena_take(&policy->arena, (glob->count + 1) * sizeof *glob->tokens);
    for (size_t at = 0; glob->tokens != NULL && at < glob->count; at++) {
        if (!read_token(policy, PyTuple_GET_ITEM(parts, (Py_ssize_t)at), at + 1 == glob->count, &glob->tokens[at])) {
            return false;
        }
    }
    return glob->tokens != NULL;
}

static bool read_globs(struct policy *policy, PyObject *data, const char *name, struct globs *globs) {
    PyObject *items = field(data, name);
    if (items == NULL || !PyTuple_CheckExact(items)) {
        return PyErr_Occurred() ? false : (PyErr_Format(PyExc_TypeError, "%s is no tuple", name), false);
    }
    globs->count = (size_t)PyTuple_GET_SIZE(items);
    globs->items = arena_take(&policy->arena, (globs->count + 1) * sizeof *globs->items);
    for (size_t at = 0; globs->items != NULL && at < globs->count; at++) {
        if (!read_glob(policy, PyTuple_GET_ITEM(items, (Py_ssize_t)at), &globs->items[at])) {
            return false;
        }
    }
    return globs->items != NULL;
}

static size_t after_character(struct text text, size_t at) {
    do {
        at++;
    } while (at < text.size && ((unsigned char)text.bytes[at] & 0xC0) == 0x80);
    return at;
}

/* Take the tokens from the left. A star first takes as little as it may; where the rest then fails, the *last* star
 * takes one character more. That is enough: no star reaches across '/', so a longer earlier star could only leave the
 * later ones less of the same component. */
static bool glob_match(const struct glob *glob, struct text text) {
    size_t token = 0, at = 0, star = SIZE_MAX, star_end = 0;
    for (;;) {
        if (token == glob->count) {
            if (at == text.size) {
                return true;
            }
        } else {
            const struct token *next = &glob->tokens[token];
            struct text rest = {text.bytes + at, text.size - at};
            switch (next->wild) {
            case LITERAL:
                if (text_starts(rest, next->literal)) {
                    at += next->literal.size;
                    token++;
                    continue;
                }
                break;
            case WILD_WITHIN:
                star = ++token;
                star_end = at;
                continue;
            case WILD_COMPONENT:
                if (rest.size > 0 && rest.bytes[0] != '/') {
                    star = ++token;
                    star_end = at = after_character(text, at);
                    continue;
                }
                break;
            case WILD_SOMETHING:
                return rest.size > 0;
            case WILD_ANYTHING:
                return true;
            case WILD_BELOW:
                if (rest.size == 0 || rest.bytes[0] == '/') {
                    return true;
                }
                break;
            }
        }
        if (star == SIZE_MAX || star_end == text.size || text.bytes[star_end] == '/') {
            return false;
        }
        at = star_end = after_character(text, star_end);
        token = star;
    }
}

bool globs_match(const struct globs *globs, struct text text) {
    for (size_t at = 0; at < globs->count; at++) {
        if (glob_match(&globs->items[at], text)) {
            return true;
        }
    }
    return false;
}

/* ---- pathlib ---- */

static Py_ssize_t slot_offset(PyObject *descriptor) {
    if (!Py_IS_TYPE(descriptor, &PyMemberDescr_Type)) {
        return -1;
    }
    return ((PyMemberDescrObject *)descriptor)->d_member->offset;
}

static bool read_guards(struct policy *policy, PyObject *guards) {
    policy->paths.guard_count = (size_t)PyTuple_GET_SIZE(guards);
    policy->paths.guards = arena_take(&policy->arena, (policy->paths.guard_count + 1) * sizeof *policy->paths.guards);
    for (size_t at = 0; policy->paths.guards != NULL && at < policy->paths.guard_count; at++) {
        PyObject *attributes, *name, *expected;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(guards, (Py_ssize_t)at), "O!UO", &PyDictProxy_Type, &attributes, &name,
                              &expected)) {
            return false;
        }
        policy->paths.guards[at] = (struct path_guard){
            Py_NewRef(attributes), Py_NewRef(name), expected == Py_None ? NULL : Py_NewRef(expected)};
    }
    return policy->paths.guards != NULL;
}

/* None, or (type, guards, anchored, slots of string, drive, root, parts and, or None, raw). */
static bool read_paths(struct policy *policy, PyObject *data) {
    PyObject *facts = field(data, "paths"), *kind, *guards, *string, *drive, *root, *parts, *raw;
    int anchored;
    if (facts == NULL || facts == Py_None) {
        return facts != NULL;
    }
    if (!PyTuple_CheckExact(facts)
        || !PyArg_ParseTuple(facts, "O!O!pOOOOO", &PyType_Type, &kind, &PyTuple_Type, &guards, &anchored, &string, &drive,
                             &root, &parts, &raw)
        || !read_guards(policy, guards)) {
        return PyErr_Occurred() ? false : (PyErr_SetString(PyExc_TypeError, "paths is no tuple"), false);
    }
    struct path_layout *paths = &policy->paths;
    paths->string = slot_offset(string);
    paths->drive = slot_offset(drive);
    paths->root = slot_offset(root);
    paths->parts = slot_offset(parts);
    paths->raw = slot_offset(raw);
    paths->anchored = anchored;
    if (paths->string > 0 && paths->drive > 0 && paths->root > 0 && paths->parts > 0) {
        paths->kind = (PyTypeObject *)Py_NewRef(kind); /* else it stays NULL: no path is understood */
    }
    return true;
}

/* ---- the whole ---- */

static bool read_class(PyObject *data, const char *name, PyTypeObject **type) {
    PyObject *value = field(data, name);
    if (value == NULL) {
        return false;
    }
    if (!PyExceptionClass_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s is no exception", name);
        return false;
    }
    *type = (PyTypeObject *)Py_NewRef(value);
    return true;
}

static bool read_rules(struct policy *policy, PyObject *data) {
    return read_texts(policy, data, "own", &policy->own)
           && read_texts(policy, data, "dependencies", &policy->dependencies)
           && read_texts(policy, data, "silent", &policy->silent)
           && read_set(policy, data, "silent_files", &policy->silent_files)
           && read_set(policy, data, "code_makers", &policy->code_makers)
           && read_set(policy, data, "importers", &policy->importers)
           && read_globs(policy, data, "reads", &policy->reads) && read_globs(policy, data, "writes", &policy->writes)
           && read_globs(policy, data, "programs", &policy->programs)
           && read_globs(policy, data, "environment", &policy->environment)
           && read_globs(policy, data, "native", &policy->native)
           && read_flag(data, "any_native", &policy->any_native)
           && read_flag(data, "dynamic_code", &policy->dynamic_code)
           && read_flag(data, "leads_group", &policy->leads_group);
}

static bool read_facts(struct policy *policy, PyObject *data) {
    unsigned long long pid, writing;
    if (!read_number(data, "pid", &pid) || !read_number(data, "writing", &writing)) {
        return false;
    }
    policy->pid = (long)pid;
    policy->writing = (unsigned long)writing;
    return read_events(policy, data) && read_set(policy, data, "native_events", &policy->native_events)
           && read_set(policy, data, "native_modules", &policy->native_modules)
           && read_set(policy, data, "namespaces", &policy->namespaces) && read_paths(policy, data)
           && read_class(data, "denied", &policy->denied) && read_class(data, "native_denied", &policy->native_denied);
}

struct policy *policy_build(PyObject *data) {
    struct arena arena = {0};
    struct policy *policy = arena_take(&arena, sizeof *policy);
    unsigned long long seed;
    if (policy == NULL) {
        return NULL;
    }
    policy->arena = arena;
    if (read_number(data, "seed", &seed)) {
        policy->seed = seed;
        if (read_rules(policy, data) && read_facts(policy, data)) {
            return policy;
        }
    }
    policy_free(policy);
    return NULL;
}

void policy_free(struct policy *policy) {
    struct path_layout *paths = &policy->paths;
    for (size_t at = 0; paths->guards != NULL && at < paths->guard_count; at++) {
        Py_XDECREF(paths->guards[at].attributes);
        Py_XDECREF(paths->guards[at].name);
        Py_XDECREF(paths->guards[at].expected);
    }
    Py_XDECREF(paths->kind);
    Py_XDECREF(policy->denied);
    Py_XDECREF(policy->native_denied);
    arena_free(policy->arena);
}
