/* What the hook decides, one function per kind of event: the twins of sandbox/hook_decisions.py, which says why.
 * Each leaves act->outcome as PASSES, or names permission and resource. A differential test holds the two together. */
#include "hook.h"

#include <unistd.h>

static void judge(struct act *act, const char *permission, struct text resource, bool granted) {
    act->permission = permission;
    act->resource = resource;
    act->outcome = granted ? GRANTED : REFUSED;
}

/* An event as no CPython raises it; only sys.audit() called by hand does. */
static void odd(struct act *act) {
    scratch_add(&act->said, act->event);
    scratch_add(&act->said, TEXT(" with unexpected arguments"));
    judge(act, "interpreter", scratch_text(&act->said), false);
    act->outcome = ODD;
}

static bool has(struct act *act, Py_ssize_t count) {
    if (act->count < count) {
        odd(act);
        return false;
    }
    return true;
}

static PyObject *argument(struct act *act, Py_ssize_t at) {
    return PyTuple_GET_ITEM(act->arguments, at);
}

static struct text said(struct act *act, const char *before, struct text text) {
    scratch_add(&act->said, (struct text){before, strlen(before)});
    scratch_add(&act->said, text);
    return scratch_text(&act->said);
}

static enum form text_at(struct act *act, Py_ssize_t at, struct text *text) {
    return text_of_object(argument(act, at), &act->policy->paths, &act->first, text);
}

static bool path_at(struct act *act, Py_ssize_t at, struct scratch *scratch, struct text *path) {
    return path_of_object(argument(act, at), &act->policy->paths, scratch, path);
}

static bool is_silent(struct act *act, struct text path) {
    const struct policy *policy = act->policy;
    struct text root;
    if (texts_start(&policy->silent, path, &root)) {
        return true;
    }
    act->hash = text_hash(path, policy->seed);
    return set_find(&policy->silent_files, path, act->hash) != NULL;
}

static void on_silent(struct act *act) {
    (void)act;
}

/* ---- files ---- */

static void judge_write(struct act *act, struct text path) {
    judge(act, "filesystem:write", path, globs_match(&act->policy->writes, path));
}

static void judge_read(struct act *act, struct text path) {
    if (!is_silent(act, path)) {
        judge(act, "filesystem:read", path, globs_match(&act->policy->reads, path));
    }
}

/* Whether the path is the very text of a str, so neither decoded nor brought into normal form. */
static bool is_as_given(struct text path, PyObject *value) {
    return PyUnicode_CheckExact(value) && PyUnicode_IS_COMPACT_ASCII(value)
           && path.bytes == (const char *)PyUnicode_1BYTE_DATA(value);
}

static void on_open(struct act *act) {
    struct text path;
    if (act->count != 3) {
        odd(act);
        return;
    }
    if (!path_at(act, 0, &act->first, &path)) {
        return;
    }
    PyObject *flags = argument(act, 2);
    if (PyLong_CheckExact(flags) && !(PyLong_AsUnsignedLongMask(flags) & act->policy->writing)) {
        if (is_as_given(path, argument(act, 0))) {
            act->to_read = path;
        }
        judge_read(act, path);
    } else if (!text_equal(path, TEXT("/dev/null"))) {
        judge_write(act, path);
    }
}

static void on_read(struct act *act) {
    struct text path;
    if (has(act, 1) && path_at(act, 0, &act->first, &path)) {
        judge_read(act, path);
    }
}

static void on_write(struct act *act) {
    struct text path;
    if (has(act, 1) && path_at(act, 0, &act->first, &path)) {
        judge_write(act, path);
    }
}

static bool climbs(struct text path) {
    for (size_t at = 0; at <= path.size;) {
        struct text part = text_until((struct text){path.bytes + at, path.size - at}, '/');
        if (text_equal(part, TEXT(".."))) {
            return true;
        }
        at += part.size + 1;
    }
    return false;
}

/* Whether the path starts from an open folder: opening that was judged, the kernel judges what is below. */
static bool in_folder(struct act *act, Py_ssize_t path_at_index, Py_ssize_t folder_at, struct scratch *scratch) {
    PyObject *folder = argument(act, folder_at);
    struct text path;
    int overflow = 0;
    if (!PyLong_CheckExact(folder)) {
        return false;
    }
    long number = PyLong_AsLongAndOverflow(folder, &overflow);
    if (overflow < 0 || (overflow == 0 && number < 0)) {
        return false;
    }
    PyObject *value = argument(act, path_at_index);
    return text_of_object(value, &act->policy->paths, scratch, &path) == FORM_TEXT
           && (path.size == 0 || path.bytes[0] != '/') && !text_equal(path, NOT_TEXT) && !climbs(path);
}

static void on_write_in_folder(struct act *act) {
    struct text path;
    if (has(act, 1) && !in_folder(act, 0, act->count - 1, &act->second) && path_at(act, 0, &act->first, &path)) {
        judge_write(act, path);
    }
}

static void on_move(struct act *act) {
    struct text source, target;
    if (act->count != 4) {
        odd(act);
        return;
    }
    if (!in_folder(act, 0, 2, &act->second)) {
        if (!path_at(act, 0, &act->first, &source)) {
            judge(act, "filesystem:write", TEXT("(descriptor)"), false);
            return;
        }
        if (!globs_match(&act->policy->writes, source)) {
            judge(act, "filesystem:write", source, false);
            return;
        }
    }
    act->first.used = act->second.used = 0; /* what was judged is no longer needed */
    if (in_folder(act, 1, 3, &act->second)) {
        return;
    }
    if (path_at(act, 1, &act->first, &target)) {
        judge_write(act, target);
    } else {
        judge(act, "filesystem:write", TEXT("(descriptor)"), false);
    }
}

static void on_link(struct act *act) {
    struct text path;
    if (has(act, 2)) {
        judge(act, "filesystem:link", path_at(act, 1, &act->first, &path) ? path : TEXT("(descriptor)"), false);
    }
}

static void on_database(struct act *act) {
    struct text name;
    if (!has(act, 1)) {
        return;
    }
    if (text_at(act, 0, &name) == FORM_NUMBER || text_equal(name, NOT_TEXT) || text_contains(name, TEXT("%"))) {
        judge(act, "filesystem:write", NOT_TEXT, false);
        return;
    }
    if (text_starts(name, TEXT("file:"))) {
        name = text_until((struct text){name.bytes + 5, name.size - 5}, '?');
        name = text_until(name, '#');
        if (text_starts(name, TEXT("//"))) {
            name = (struct text){name.bytes + 2, name.size - 2};
        }
    }
    if (name.size != 0 && !text_equal(name, TEXT(":memory:"))) {
        judge_write(act, path_of_text(name, &act->second));
    }
}

/* ---- network ---- */

static void on_address(struct act *act) {
    struct text host;
    if (!has(act, 2)) {
        return;
    }
    PyObject *address = argument(act, 1);
    if (address == Py_None && text_equal(act->event, TEXT("socket.sendmsg"))) {
        return;
    }
    struct text what = TEXT("(an address)");
    if (PyTuple_CheckExact(address) && PyTuple_GET_SIZE(address) >= 2) {
        PyObject *name = PyTuple_GET_ITEM(address, 0), *port = PyTuple_GET_ITEM(address, 1);
        if (PyUnicode_CheckExact(name) && PyLong_CheckExact(port) && text_of_str(name, &act->first, &host)) {
            scratch_add(&act->said, host);
            scratch_add(&act->said, TEXT(":"));
            scratch_add_number(&act->said, port);
            what = scratch_text(&act->said);
        }
    } else if (PyUnicode_CheckExact(address) && text_of_str(address, &act->first, &host)) {
        what = said(act, "unix:", host);
    }
    judge(act, "network:raw-socket", what, false);
}

static void on_host(struct act *act) {
    struct text host;
    if (has(act, 1)) {
        judge(act, "network:resolve", text_at(act, 0, &host) == FORM_NUMBER ? TEXT("(an address)") : host, false);
    }
}

/* ---- programs, variables, signals ---- */

static void on_program(struct act *act) {
    struct text program;
    if (has(act, 1)) {
        bool known = text_at(act, 0, &program) != FORM_NUMBER;
        program = known ? program : NOT_TEXT;
        judge(act, "subprocess", program, known && globs_match(&act->policy->programs, program));
    }
}

static bool fork_candidate(struct act *act, PyObject *value, struct text *program) {
    act->first.used = 0;
    if (text_of_object(value, &act->policy->paths, &act->first, program) == FORM_NUMBER) {
        *program = NOT_TEXT;
    }
    return program->size > 0 && program->bytes[0] == '/' && globs_match(&act->policy->programs, *program);
}

/* The files a program is looked for in: each must be one that is granted, for the first that exists runs. */
static void on_fork(struct act *act) {
    struct text program = TEXT("");
    if (!has(act, 1)) {
        return;
    }
    PyObject *files = argument(act, 0);
    if (!PyTuple_CheckExact(files) && !PyList_CheckExact(files)) {
        judge(act, "subprocess", NOT_TEXT, false);
        return;
    }
    Py_ssize_t count = PySequence_Fast_GET_SIZE(files);
    for (Py_ssize_t at = 0; at < count; at++) {
        if (!fork_candidate(act, PySequence_Fast_GET_ITEM(files, at), &program)) {
            judge(act, "subprocess", program, false);
            return;
        }
    }
    if (count > 1) { /* found by its bare name, which is what subprocess.Popen was told and logged */
        size_t folder = program.size; /* it is absolute: there is a slash */
        while (program.bytes[folder - 1] != '/') {
            folder--;
        }
        program = (struct text){program.bytes + folder, program.size - folder};
    }
    judge(act, "subprocess", program, program.size > 0);
}

static void on_shell(struct act *act) {
    struct text command = TEXT("");
    scratch_add(&act->said, act->event);
    if (act->count == 0 || text_at(act, 0, &command) != FORM_NUMBER) {
        scratch_add(&act->said, TEXT(" "));
        scratch_add(&act->said, command);
    }
    judge(act, "subprocess", scratch_text(&act->said), false);
}

static void on_environment(struct act *act) {
    struct text name;
    if (has(act, 1)) {
        name = text_at(act, 0, &name) == FORM_NUMBER ? NOT_TEXT : name;
        judge(act, "environment", name, globs_match(&act->policy->environment, name));
    }
}

/* This process itself and, with programs granted, those it started: its group. */
static bool is_own(struct act *act, PyObject *target) {
    int overflow = 0;
    long pid = PyLong_AsLongAndOverflow(target, &overflow);
    if (overflow != 0 || pid != (pid_t)pid) {
        return false;
    }
    if (pid == act->policy->pid) {
        return true;
    }
    return act->policy->leads_group && pid > 0 && text_equal(act->event, TEXT("os.kill"))
           && getpgid((pid_t)pid) == (pid_t)act->policy->pid;
}

static void on_signal(struct act *act) {
    if (!has(act, 1)) {
        return;
    }
    PyObject *target = argument(act, 0);
    if (!PyLong_CheckExact(target)) {
        judge(act, "process:signal", act->event, false);
    } else if (!is_own(act, target)) {
        scratch_add(&act->said, act->event);
        scratch_add(&act->said, TEXT(" "));
        scratch_add_number(&act->said, target);
        judge(act, "process:signal", scratch_text(&act->said), false);
    }
}

/* ---- code ---- */

static bool is_native_granted(const struct policy *policy, struct text module) {
    return globs_match(&policy->native, module) || globs_match(&policy->native, text_until(module, '.'));
}

static void on_import(struct act *act) {
    const struct policy *policy = act->policy;
    struct text module, file, root;
    if (!has(act, 2)) {
        return;
    }
    if (!PyUnicode_CheckExact(argument(act, 0)) || !text_of_str(argument(act, 0), &act->first, &module)) {
        judge(act, "native", NOT_TEXT, false);
        return;
    }
    if (set_has(policy, &policy->native_modules, module)) {
        if (!policy->any_native) {
            judge(act, "native", module, false);
        }
        return;
    }
    if (argument(act, 1) == Py_None) {
        return;
    }
    if (!PyUnicode_CheckExact(argument(act, 1)) || !text_of_str(argument(act, 1), &act->second, &file)) {
        judge(act, "native", module, false);
        return;
    }
    file = path_of_text(file, &act->said);
    bool shipped = texts_start(&policy->own, file, &root) || texts_start(&policy->dependencies, file, &root);
    if (shipped || !texts_start(&policy->silent, file, &root)) {
        judge(act, "native", module, shipped && is_native_granted(policy, module));
    }
}

/* The source of code that an importer runs: what lies where code is imported from passes. */
static void judge_source(struct act *act) {
    const struct policy *policy = act->policy;
    struct text source = NOT_TEXT, root;
    if (!has(act, 1)) {
        return;
    }
    if (!PyCode_Check(argument(act, 0))) {
        odd(act);
        return;
    }
    PyObject *file = ((PyCodeObject *)argument(act, 0))->co_filename;
    if (PyUnicode_CheckExact(file) && text_of_str(file, &act->second, &source)) {
        if (source.size > 0 && source.bytes[0] == '<') {
            return;
        }
        source = path_of_text(source, &act->second);
        if (texts_start(&policy->silent, source, &root)) {
            return;
        }
    }
    judge(act, "dynamic_code", said(act, "import of ", source), policy->dynamic_code);
}

static void judge_making(struct act *act, struct text caller) {
    const struct policy *policy = act->policy;
    struct text root = TEXT(""), ignored;
    if (!texts_start(&policy->own, caller, &root) && !texts_start(&policy->dependencies, caller, &root)) {
        texts_start(&policy->silent, caller, &root);
    }
    scratch_add(&act->said, act->event);
    scratch_add(&act->said, TEXT(" in "));
    scratch_add(&act->said, (struct text){caller.bytes + root.size, caller.size - root.size});
    bool granted = policy->dynamic_code || texts_start(&policy->dependencies, caller, &ignored);
    judge(act, "dynamic_code", scratch_text(&act->said), granted);
}

static void on_code(struct act *act) {
    const struct policy *policy = act->policy;
    PyObject *file = frame_caller();
    struct text caller = NOT_TEXT;
    if (file != NULL) {
        text_of_str(file, &act->first, &caller);
    }
    if (!set_has(policy, &policy->code_makers, caller)) {
        judge_making(act, caller);
    } else if (text_equal(act->event, TEXT("exec")) && set_has(policy, &policy->importers, caller)) {
        judge_source(act);
    }
    Py_XDECREF(file);
}

static void on_set_attribute(struct act *act) {
    struct text name = NOT_TEXT;
    if (!has(act, 2)) {
        return;
    }
    PyObject *attribute = argument(act, 1);
    if (!PyUnicode_CheckExact(attribute) || !text_of_str(attribute, &act->first, &name)
        || text_equal(name, TEXT("__code__"))) {
        judge(act, "dynamic_code", TEXT("object.__setattr__ __code__"), act->policy->dynamic_code);
    }
}

/* An event on no list; one that no part of the standard library raises is a third party's business. */
static void on_other(struct act *act) {
    const struct policy *policy = act->policy;
    struct text namespace = text_until(act->event, '.');
    if (text_equal(namespace, TEXT("ctypes")) || set_has(policy, &policy->native_events, act->event)) {
        if (!policy->any_native) {
            judge(act, "native", act->event, false);
        }
    } else if (set_has(policy, &policy->namespaces, namespace)) {
        judge(act, "interpreter", act->event, false);
    }
}

/* ---- the table ---- */

static const struct {
    const char *name;
    decision decide;
} DECISIONS[] = {
    {"silent", on_silent},
    {"on_open", on_open},
    {"on_read", on_read},
    {"on_write", on_write},
    {"on_write_in_folder", on_write_in_folder},
    {"on_move", on_move},
    {"on_link", on_link},
    {"on_database", on_database},
    {"on_address", on_address},
    {"on_host", on_host},
    {"on_program", on_program},
    {"on_fork", on_fork},
    {"on_shell", on_shell},
    {"on_environment", on_environment},
    {"on_signal", on_signal},
    {"on_import", on_import},
    {"on_code", on_code},
    {"on_set_attribute", on_set_attribute},
};

decision decision_named(const char *name) {
    for (size_t at = 0; at < sizeof DECISIONS / sizeof *DECISIONS; at++) {
        if (strcmp(DECISIONS[at].name, name) == 0) {
            return DECISIONS[at].decide;
        }
    }
    return NULL;
}

bool act_judge(struct act *act, const struct policy *policy, const char *event, PyObject *arguments) {
    act->policy = policy;
    act->event = (struct text){event, strlen(event)};
    act->arguments = arguments;
    act->outcome = PASSES;
    act->permission = NULL;
    act->hash = 0;
    act->to_read = TEXT("");
    scratch_open(&act->first);
    scratch_open(&act->second);
    scratch_open(&act->said);
    const struct set_slot *slot = set_find(&policy->events, act->event, text_hash(act->event, policy->seed));
    if (slot != NULL && slot->decide == on_silent) {
        return true;
    }
    if (!PyTuple_CheckExact(arguments)) {
        odd(act);
        return true;
    }
    act->count = PyTuple_GET_SIZE(arguments);
    (slot == NULL ? on_other : slot->decide)(act);
    if (act->first.failed || act->second.failed || act->said.failed) {
        PyErr_NoMemory();
        return false;
    }
    return true;
}

void act_close(struct act *act) {
    scratch_close(&act->first);
    scratch_close(&act->second);
    scratch_close(&act->said);
}
