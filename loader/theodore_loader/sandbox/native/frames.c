/* What was running: the caller's file, the plugin's own line; and the exception that a refusal raises. */
#include "hook.h"

#include <stdio.h>

static PyObject *file_of(PyFrameObject *frame) { /* new reference, or NULL */
    PyCodeObject *code = PyFrame_GetCode(frame);
    PyObject *file = PyUnicode_CheckExact(code->co_filename) ? Py_NewRef(code->co_filename) : NULL;
    Py_DECREF(code);
    return file;
}

PyObject *frame_caller(void) {
    PyFrameObject *frame = PyEval_GetFrame();
    return frame == NULL ? NULL : file_of(frame);
}

/* Whether the frame's file lies below an own folder; then the location is in the scratch. */
static bool add_location(const struct policy *policy, PyFrameObject *frame, struct scratch *scratch) {
    PyObject *file = file_of(frame);
    struct text text, root;
    scratch->used = 0;
    bool own = file != NULL && text_of_str(file, scratch, &text) && texts_start(&policy->own, text, &root);
    if (own) {
        char line[32];
        struct scratch whole;
        int size = snprintf(line, sizeof line, ":%d", PyFrame_GetLineNumber(frame));
        scratch_open(&whole);
        scratch_add(&whole, (struct text){text.bytes + root.size, text.size - root.size});
        scratch_add(&whole, (struct text){line, (size_t)size});
        scratch->used = 0;
        scratch_add(scratch, scratch_text(&whole));
        scratch_close(&whole);
    }
    Py_XDECREF(file);
    return own;
}

struct text frame_location(const struct policy *policy, struct scratch *scratch) {
    PyFrameObject *frame = PyEval_GetFrame();
    Py_XINCREF(frame);
    while (frame != NULL && !add_location(policy, frame, scratch)) {
        PyFrameObject *outer = PyFrame_GetBack(frame);
        Py_DECREF(frame);
        frame = outer;
    }
    bool found = frame != NULL && !scratch->failed;
    Py_XDECREF(frame);
    return found ? scratch_text(scratch) : TEXT("");
}

static bool put(PyObject *attributes, const char *name, PyObject *value) { /* takes the reference */
    bool done = value != NULL && PyDict_SetItemString(attributes, name, value) == 0;
    Py_XDECREF(value);
    return done;
}

static PyObject *message_of(const char *permission, struct text resource, struct text location) {
    struct scratch scratch;
    scratch_open(&scratch);
    scratch_add(&scratch, (struct text){permission, strlen(permission)});
    scratch_add(&scratch, TEXT(" denied: "));
    scratch_add(&scratch, resource);
    if (location.size > 0) {
        scratch_add(&scratch, TEXT(" at "));
        scratch_add(&scratch, location);
    }
    scratch_add(&scratch, TEXT(" (refused by the audit hook)"));
    PyObject *message = scratch.failed ? PyErr_NoMemory() : text_to_str(scratch_text(&scratch));
    scratch_close(&scratch);
    return message;
}

/* As PluginPermissionError.__init__ leaves it, without running that: it is Python, and can be replaced. */
static PyObject *denial(PyTypeObject *type, const char *permission, struct text resource, struct text location) {
    PyObject *message = message_of(permission, resource, location);
    PyObject *arguments = message == NULL ? NULL : PyTuple_Pack(1, message);
    PyObject *made = arguments == NULL ? NULL : ((PyTypeObject *)PyExc_BaseException)->tp_new(type, arguments, NULL);
    Py_XDECREF(arguments);
    PyObject *attributes = made == NULL ? NULL : PyDict_New();
    bool done = attributes != NULL && put(attributes, "permission", PyUnicode_FromString(permission))
                && put(attributes, "resource", text_to_str(resource))
                && put(attributes, "location", location.size > 0 ? text_to_str(location) : Py_NewRef(Py_None))
                && put(attributes, "enforced_by", PyUnicode_FromString("audit hook"));
    if (done) {
        ((PyBaseExceptionObject *)made)->dict = Py_NewRef(attributes);
        if (PyObject_TypeCheck(made, (PyTypeObject *)PyExc_ImportError)) {
            ((PyImportErrorObject *)made)->msg = Py_NewRef(message);
        }
    } else {
        Py_CLEAR(made);
    }
    Py_XDECREF(attributes);
    Py_XDECREF(message);
    return made;
}

int refusal_raise(const struct policy *policy, const char *permission, struct text resource, struct text location) {
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) { /* our classes belong to the main interpreter */
        PyErr_Format(PyExc_RuntimeError, "%s denied (refused by the audit hook)", permission);
        return -1;
    }
    PyTypeObject *type = strcmp(permission, "native") == 0 ? policy->native_denied : policy->denied;
    PyObject *made = denial(type, permission, resource, location);
    if (made != NULL) {
        PyErr_SetObject((PyObject *)type, made);
        Py_DECREF(made);
    }
    return -1; /* without memory for it, with the MemoryError that is set */
}
