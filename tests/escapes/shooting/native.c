/* A native library for the cases that load one: it acts when it is loaded, and as a Python module it has `data`. */
#include <fcntl.h>
#include <unistd.h>

__attribute__((constructor)) static void act(void) {
    int file = open(MARKER, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file >= 0) {
        (void)!write(file, TOKEN, sizeof(TOKEN) - 1);
        close(file);
    }
}

#ifdef AS_MODULE
#include <Python.h>
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "evilext", 0, -1, 0};

PyMODINIT_FUNC PyInit_evilext(void) {
    char buffer[4096];
    int file = open(SECRET, O_RDONLY);
    ssize_t size = file < 0 ? 0 : read(file, buffer, sizeof buffer);
    PyObject *module = PyModule_Create(&definition);
    PyModule_AddObject(module, "data", PyUnicode_DecodeLatin1(buffer, size < 0 ? 0 : size, 0));
    return module;
}
#endif
