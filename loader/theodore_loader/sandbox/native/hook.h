/* The audit hook in C: what its files share.
 *
 *   text.c       str, bytes and pathlib.Path as plain bytes, without calling back into Python; paths in normal form
 *   policy.c     the policy: built once from plain Python data, in pages of its own that are then made read-only
 *   decisions.c  one function per kind of event, the twins of sandbox/hook_decisions.py
 *   familiar.c   what was read lately, which needs no second judgement
 *   store.c      what was observed, bounded, until the worker fetches it
 *   frames.c     the plugin's own line, and the exception of a refusal
 *   module.c     the hook itself and what Python may ask of this module
 *
 * The rules that all of it keeps: exact types only (a subclass may answer differently each time); no Python code runs
 * between an event and its verdict; what is not understood is refused; no lock is held while Python could run.
 */
#ifndef THEODORE_HOOK_H
#define THEODORE_HOOK_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* ---- text.c ---------------------------------------------------------------------------------------------------- */

/* UTF-8, in which a lone surrogate (an undecodable byte of a file name) is three bytes like any other code point: two
 * texts are equal when their bytes are. Not terminated; may contain NUL. */
struct text {
    const char *bytes;
    size_t size;
};

/* A buffer that starts on the stack and moves to the heap when it must. `failed` once there was no memory. */
struct scratch {
    char *bytes;
    size_t used;
    size_t room;
    bool failed;
    char fixed[768];
};

#define TEXT(literal) ((struct text){"" literal, sizeof(literal) - 1})
#define NOT_TEXT TEXT("(not plain text)")

void scratch_open(struct scratch *scratch);
void scratch_close(struct scratch *scratch);
void scratch_add(struct scratch *scratch, struct text text);
void scratch_add_number(struct scratch *scratch, PyObject *exact_int);
struct text scratch_text(const struct scratch *scratch);

static inline bool text_equal(struct text left, struct text right) {
    return left.size == right.size && memcmp(left.bytes, right.bytes, left.size) == 0;
}

static inline bool text_starts(struct text text, struct text prefix) {
    return text.size >= prefix.size && memcmp(text.bytes, prefix.bytes, prefix.size) == 0;
}

bool text_contains(struct text text, struct text part);
struct text text_until(struct text text, char stop);
uint64_t text_hash(struct text text, uint64_t seed);

/* The bytes of an exact str; they live as long as the str or the scratch. False: no memory. */
bool text_of_str(PyObject *exact_str, struct scratch *scratch, struct text *text);
/* The str of a text. NULL with an exception set when there is no memory. */
PyObject *text_to_str(struct text text);

/* Where pathlib.PosixPath keeps its text, and the attributes that must be the original ones for that to mean anything:
 * a patched class answers the system call with something else than what it keeps. */
struct path_guard {
    PyObject *attributes; /* the mappingproxy of a class */
    PyObject *name;
    PyObject *expected; /* NULL: the class must not have it */
};

struct path_layout {
    PyTypeObject *kind; /* NULL: paths of this Python are not understood, so they are refused */
    Py_ssize_t string, drive, root, parts, raw; /* offsets of slots; raw is -1 before Python 3.12 */
    bool anchored; /* the first of `parts` repeats drive and root */
    size_t guard_count;
    struct path_guard *guards;
};

enum form { FORM_TEXT, FORM_NUMBER, FORM_ODD };

/* hook_decisions.as_text: `text` is NOT_TEXT for FORM_ODD. */
enum form text_of_object(PyObject *value, const struct path_layout *paths, struct scratch *scratch, struct text *text);
/* hook_decisions.as_path: absolute, in normal form. False: an open descriptor. */
bool path_of_object(PyObject *value, const struct path_layout *paths, struct scratch *scratch, struct text *path);
/* The same for text. */
struct text path_of_text(struct text text, struct scratch *scratch);

/* ---- policy.c -------------------------------------------------------------------------------------------------- */

struct act;
typedef void (*decision)(struct act *);

struct texts {
    size_t count;
    struct text *items;
    uint64_t *tails; /* the last eight bytes of each, side by side: most prefixes are told apart without touching them */
};

struct set_slot {
    struct text key; /* key.bytes is NULL in an empty slot */
    decision decide; /* of the events table */
};

struct set {
    size_t mask; /* a power of two, minus one; at least half of the slots are empty */
    struct set_slot *slots;
};

/* hook_rules.Wild, value for value. */
enum wild { WILD_WITHIN, WILD_COMPONENT, WILD_SOMETHING, WILD_ANYTHING, WILD_BELOW, LITERAL };

struct token {
    enum wild wild;
    struct text literal;
};

struct glob {
    size_t count;
    struct token *tokens;
};

struct globs {
    size_t count;
    struct glob *items;
};

struct arena {
    size_t count;
    struct {
        char *bytes;
        size_t used, size;
    } chunks[64];
};

struct policy {
    struct arena arena; /* holds this very struct and everything it points to but Python objects */
    uint64_t seed;
    struct set events;
    struct set native_events, namespaces, native_modules, code_makers, importers, silent_files;
    struct texts own, dependencies, silent;
    struct globs reads, writes, programs, environment, native;
    bool any_native, dynamic_code, leads_group;
    long pid;
    unsigned long writing;
    struct path_layout paths;
    PyTypeObject *denied, *native_denied;
};

/* NULL with an exception set. */
struct policy *policy_build(PyObject *data);
void policy_free(struct policy *policy);
/* Make it read-only for good. False with errno set. */
bool policy_seal(struct policy *policy);

bool set_has(const struct policy *policy, const struct set *set, struct text key);
/* `hash` is text_hash(key, policy->seed). */
const struct set_slot *set_find(const struct set *set, struct text key, uint64_t hash);
bool texts_start(const struct texts *prefixes, struct text text, struct text *which);
bool globs_match(const struct globs *globs, struct text text);

/* ---- decisions.c ----------------------------------------------------------------------------------------------- */

enum outcome {
    PASSES,  /* no permissioned act */
    GRANTED,
    REFUSED,
    ODD,     /* an event as no CPython raises it; refused */
};

/* One event, while it is being judged. */
struct act {
    const struct policy *policy;
    struct text event;
    PyObject *arguments; /* an exact tuple */
    Py_ssize_t count;
    enum outcome outcome;
    const char *permission;
    struct text resource;
    uint64_t hash; /* of the resource, where it is known already; else 0 */
    struct text to_read; /* the path exactly as it was given, if it is in normal form and opened to be read; else empty */
    struct scratch first, second; /* for texts taken from the arguments */
    struct scratch said;          /* for a resource made of several */
};

/* The function for a name such as "on_open"; NULL when there is none. */
decision decision_named(const char *name);
/* Judge; afterwards the outcome, permission and resource are set. False, with an exception: no memory. */
bool act_judge(struct act *act, const struct policy *policy, const char *event, PyObject *arguments);
void act_close(struct act *act);

/* ---- familiar.c ------------------------------------------------------------------------------------------------ */

/* Whether the event opens, to be read and nothing else, what passed lately. */
bool familiar_has(const char *event, PyObject *arguments, unsigned long writing);
/* act->to_read of an act that passed. */
void familiar_keep(struct text path);

/* ---- frames.c -------------------------------------------------------------------------------------------------- */

/* The file of the innermost Python frame, as a new reference; NULL without one, or without an exact str. */
PyObject *frame_caller(void);
/* "file:line" of the innermost frame below one of the policy's own folders; empty where there is none. */
struct text frame_location(const struct policy *policy, struct scratch *scratch);
/* Raise what a refusal raises. Always -1. */
int refusal_raise(const struct policy *policy, const char *permission, struct text resource, struct text location);

/* ---- store.c --------------------------------------------------------------------------------------------------- */

/* A number that changes when grants are to be recorded anew: with what is fetched, once a second at most. */
unsigned int store_era(void);
/* Whether a grant is due to be recorded: equal ones are, once an era. */
bool store_due(uint64_t hash);
void store_add(const char *permission, bool granted, struct text resource, struct text location);
/* ([(time, permission, resource, granted, location, count), ...], number lost); forgets them. */
PyObject *store_drain(void);

#endif
