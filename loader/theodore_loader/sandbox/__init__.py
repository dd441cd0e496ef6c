"""What a worker or an analyser may do to the machine, and the layers that hold it to that.

One file per mechanism; nothing here needs more than the standard library, and nothing fails to import on another
operating system (``tier.available()`` says what it offers).

========================  =============================================================================
``profile``               what a process may read, write, run and consume: the input of everything below
``order``                 the numbered steps a process takes to confine itself; ``confine()``
``descriptors``           1: close what was inherited
``namespaces``            4: user, mount, network, IPC and UTS namespaces, if the profile says so
                          (``private_root`` says what is visible, ``mounts`` asks the kernel)
``rlimits``               5: resource limits, soft = hard
``privileges``            6: parent-death signal, capabilities, no_new_privs, non-dumpable
``landlock``              8: the file system, TCP, abstract sockets and signals, by the kernel
``seccomp``               9: system calls, by the kernel (``syscall_lists`` and ``seccomp_rules`` say which, for
                          a ``shape``; ``filter_program`` makes the program, ``bpf`` assembles it)
``canaries``              11: try what must not work; a layer that claims to hold and does not is an error
``audit_hook``            the policeman inside the interpreter (``hook_rules`` from grants, ``hook_events``)
``native``                the same in C, where it could be built; ``python_hook`` (``hook_decisions``) where not
``access``                one line of the access log
``interpreter``           the folders a Python needs to read
``run``, ``stage0``       run another program confined
``tier``                  what this machine offers
========================  =============================================================================
"""
