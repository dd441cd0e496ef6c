/* The hook itself, and what Python may ask of this module: before it is sealed, everything below; afterwards, to hand
 * over what was observed, to whoever holds the key. */
#include "hook.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SOURCE_DIGEST
#error "compile through theodore_loader/sandbox/native/build.py, which says which source this is"
#endif

/* Facts that must not change any more lie in pages of their own, too. The largest page of any supported machine. */
enum { LARGEST_PAGE = 64 * 1024 };
static union {
    struct {
        bool sealed;
        PyObject *key;
    } is;
    char pages[LARGEST_PAGE];
} gate __attribute__((aligned(LARGEST_PAGE)));

static struct policy *prepared; /* for trying decisions, and for install() to take */
static PyObject *awaited;       /* the self-test: what the hook must see */
static bool seen_by_hook;

static const char SENTINEL[] = "theodore_loader.sandbox.sentinel";

/* ---- the hook ---- */

static int conclude(struct act *act) {
    if (act->outcome == GRANTED) {
        uint64_t hash = act->hash != 0 ? act->hash : text_hash(act->resource, act->policy->seed);
        if (!store_due(hash ^ (uint64_t)(uintptr_t)act->permission)) {
            return 0;
        }
    }
    struct scratch scratch;
    scratch_open(&scratch);
    struct text location = frame_location(act->policy, &scratch);
    store_add(act->permission, act->outcome == GRANTED, act->resource, location);
    int answer = 0;
    if (act->outcome != GRANTED) {
        answer = refusal_raise(act->policy, act->permission, act->resource, location);
    } else {
        PyErr_Clear(); /* no memory for a frame on the way to the location; a grant stays one */
    }
    scratch_close(&scratch);
    return answer;
}

static bool is_self_test(const char *event, PyObject *arguments) {
    if (gate.is.sealed || strcmp(event, SENTINEL) != 0) {
        return false;
    }
    seen_by_hook = PyTuple_GET_SIZE(arguments) == 1 && PyTuple_GET_ITEM(arguments, 0) == awaited;
    return true;
}

/* Apart from the hook, for it takes much of the stack. */
static __attribute__((noinline)) int hook_judge(const char *event, PyObject *arguments, const struct policy *policy) {
    struct act act;
    int answer = -1;
    if (act_judge(&act, policy, event, arguments)) {
        answer = act.outcome == PASSES ? 0 : conclude(&act);
    }
    if (answer == 0) {
        familiar_keep(act.to_read);
    }
    act_close(&act);
    return answer;
}

static int hook(const char *event, PyObject *arguments, void *data) {
    const struct policy *policy = data;
    if (familiar_has(event, arguments, policy->writing) || is_self_test(event, arguments)) {
        return 0;
    }
    return hook_judge(event, arguments, policy);
}

/* ---- what Python may ask ---- */

static bool still_open(void) {
    if (gate.is.sealed) {
        PyErr_SetString(PyExc_PermissionError, "the audit hook is installed: its module is sealed");
        return false;
    }
    return true;
}

static PyObject *prepare(PyObject *module, PyObject *data) {
    (void)module;
    if (!still_open()) {
        return NULL;
    }
    if (!PyDict_CheckExact(data)) {
        PyErr_SetString(PyExc_TypeError, "a policy is a dict");
        return NULL;
    }
    struct policy *policy = policy_build(data);
    if (policy == NULL) {
        return NULL;
    }
    if (prepared != NULL) {
        policy_free(prepared);
    }
    prepared = policy;
    Py_RETURN_NONE;
}

static PyObject *decide(PyObject *module, PyObject *arguments) {
    const char *event;
    PyObject *event_arguments;
    (void)module;
    if (!still_open() || !PyArg_ParseTuple(arguments, "sO", &event, &event_arguments)) {
        return NULL;
    }
    if (prepared == NULL) {
        PyErr_SetString(PyExc_ValueError, "no policy was prepared");
        return NULL;
    }
    struct act act;
    PyObject *verdict = NULL;
    if (act_judge(&act, prepared, event, event_arguments)) {
        PyObject *resource = act.outcome == PASSES ? Py_NewRef(Py_None) : text_to_str(act.resource);
        verdict = act.outcome == PASSES
                      ? resource
                      : Py_BuildValue("(sNO)", act.permission, resource, act.outcome == GRANTED ? Py_True : Py_False);
    }
    act_close(&act);
    return verdict;
}

static bool self_test(void) {
    seen_by_hook = false;
    awaited = PyList_New(0);
    if (awaited == NULL) {
        return false;
    }
    if (PySys_Audit(SENTINEL, "O", awaited) < 0) {
        PyErr_Clear(); /* another hook's objection, which tells nothing about ours */
    }
    Py_CLEAR(awaited);
    return seen_by_hook;
}

static PyObject *seal(PyObject *module, PyObject *ignored) {
    (void)module, (void)ignored;
    gate.is.sealed = true;
    if (mprotect(&gate, sizeof gate, PROT_READ) < 0) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    Py_RETURN_NONE;
}

/* Install what was prepared; the key is what drain() will ask for. From here on there is no way back, so a step that
 * fails leaves the hook standing, if it stands, and raises. */
static PyObject *install(PyObject *module, PyObject *key) {
    if (!still_open()) {
        return NULL;
    }
    if (prepared == NULL) {
        PyErr_SetString(PyExc_ValueError, "no policy was prepared");
        return NULL;
    }
    struct policy *policy = prepared;
    prepared = NULL;
    if (!policy_seal(policy)) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    gate.is.key = Py_NewRef(key);
    if (PySys_AddAuditHook(hook, policy) < 0) {
        return NULL;
    }
    bool runs = self_test();
    PyErr_Clear();
    PyObject *sealed = seal(module, NULL);
    Py_XDECREF(sealed);
    return sealed == NULL ? NULL : PyBool_FromLong(runs);
}

static PyObject *drain(PyObject *module, PyObject *key) {
    (void)module;
    if (gate.is.key == NULL || key != gate.is.key) {
        PyErr_SetString(PyExc_PermissionError, "not the key the hook was installed with");
        return NULL;
    }
    return store_drain();
}

/* ---- system calls, for confinement: gone once sealed ---- */

static bool read_word(PyObject *value, unsigned long *word) {
    if (value == Py_None) {
        *word = 0;
    } else if (PyLong_Check(value)) {
        *word = PyLong_AsUnsignedLongMask(value);
    } else if (PyBytes_CheckExact(value)) {
        *word = (unsigned long)(uintptr_t)PyBytes_AS_STRING(value);
    } else if (PyByteArray_CheckExact(value)) {
        *word = (unsigned long)(uintptr_t)PyByteArray_AS_STRING(value);
    } else {
        PyErr_SetString(PyExc_TypeError, "a system call takes int, bytes, bytearray and None");
    }
    return !PyErr_Occurred();
}

static PyObject *system_call(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    unsigned long words[7] = {0};
    (void)module;
    if (!still_open()) {
        return NULL;
    }
    if (count < 1 || count > 7) {
        PyErr_SetString(PyExc_TypeError, "a system call has a number and at most six arguments");
        return NULL;
    }
    for (Py_ssize_t at = 0; at < count; at++) {
        if (!read_word(arguments[at], &words[at])) {
            return NULL;
        }
    }
    errno = 0;
    long answer = syscall((long)words[0], words[1], words[2], words[3], words[4], words[5], words[6]);
    return PyLong_FromLong(answer == -1 && errno != 0 ? -errno : answer);
}

static PyObject *address(PyObject *module, PyObject *buffer) {
    unsigned long word = 0;
    (void)module;
    if (!still_open()) {
        return NULL;
    }
    return read_word(buffer, &word) ? PyLong_FromUnsignedLong(word) : NULL;
}

static PyMethodDef METHODS[] = {
    {"prepare", prepare, METH_O, "Read a policy (policy.py), for decide() and install()."},
    {"decide", decide, METH_VARARGS, "Return None or (permission, resource, granted) by the prepared policy."},
    {"install", install, METH_O, "Install the prepared policy under a key and seal; say whether the hook runs."},
    {"seal", seal, METH_NOARGS, "Take everything but drain() away for good."},
    {"drain", drain, METH_O, "Return ([(time, permission, resource, granted, location, count)], number lost)."},
    {"syscall", (PyCFunction)(void (*)(void))system_call, METH_FASTCALL, "Make a system call; -errno when it fails."},
    {"address", address, METH_O, "Return where the bytes of a bytes or bytearray lie."},
    {NULL, NULL, 0, NULL},
};

static int execute(PyObject *module) {
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError, "this module is for the main interpreter");
        return -1;
    }
    return PyModule_AddStringConstant(module, "SOURCE", SOURCE_DIGEST);
}

static PyModuleDef_Slot SLOTS[] = {
    {Py_mod_exec, (void *)execute},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, "_hook", "The audit hook in C; see hook.h.", 0, METHODS, SLOTS, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__hook(void) {
    return PyModuleDef_Init(&MODULE);
}
