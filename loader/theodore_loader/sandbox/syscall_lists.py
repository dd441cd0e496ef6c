"""Every system call a Linux kernel has, on exactly one list: what a confined process meets when it makes it.

``ALLOWED`` pass, ``CONDITIONAL`` pass when the profile or their arguments say so and answer EPERM otherwise,
``METADATA`` follow the profile, ``REFUSED`` answer EPERM, ``UNSUPPORTED`` answer ENOTSUP, ``ABSENT`` answer ENOSYS, as
does every number that the table (``syscall_table``) does not know: libraries then fall back to what they did before
that call existed. A call that a later kernel adds belongs on a list before the table may name it, which a test holds.
"""

from __future__ import annotations

ALLOWED: tuple[str, ...] = (
    # descriptors and data
    *("read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2"),
    *("close", "close_range", "lseek", "dup", "dup2", "dup3", "pipe", "sendfile", "copy_file_range"),
    *("fsync", "fdatasync", "sync_file_range", "ftruncate", "fallocate", "fadvise64", "readahead", "flock"),
    # paths: Landlock decides which
    *("stat", "lstat", "fstat", "newfstatat", "statx", "access", "faccessat", "faccessat2"),
    *("readlink", "readlinkat", "getcwd", "chdir", "fchdir", "getdents", "getdents64", "statfs", "fstatfs"),
    *("mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2", "link", "linkat", "umask"),
    # memory
    *("munmap", "mremap", "madvise", "brk", "msync", "mincore", "membarrier"),
    # threads and time
    *("futex", "set_robust_list", "rseq", "set_tid_address", "sched_yield"),
    *("sched_get_priority_max", "sched_get_priority_min"),
    *("clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "times"),
    *("getitimer", "setitimer", "alarm", "timerfd_create", "timerfd_settime", "timerfd_gettime", "getcpu"),
    # signals to itself
    *("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend", "rt_sigtimedwait"),
    *("sigaltstack", "pause", "restart_syscall"),
    # waiting
    *("poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait"),
    *("epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2", "wait4", "waitid"),
    # sockets that already exist: the channel, the pairs of an event loop, what the broker handed over
    *("recvfrom", "recvmsg", "recvmmsg", "shutdown", "getsockname", "getpeername"),
    # about itself
    *("getpid", "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid"),
    *(
        "getgroups",
        "getpgrp",
        "getrlimit",
        "getrusage",
        "getrandom",
        "uname",
        "sysinfo",
        "exit",
        "exit_group",
        "capget",
    ),
)

CONDITIONAL: tuple[str, ...] = (
    # by their arguments
    *("open", "openat", "creat", "mmap", "mprotect", "fcntl", "ioctl", "prctl", "arch_prctl", "pipe2"),
    *("sendto", "sendmsg", "sendmmsg", "socketpair", "setsockopt", "getsockopt"),
    *("prlimit64", "getpgid", "getsid", "kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "clone"),
    *("sched_getaffinity", "sched_getscheduler", "sched_getparam", "sched_getattr", "sched_rr_get_interval"),
    # by the profile: tools of our own, plugins that were granted programs, build backends
    *("socket", "connect", "fork", "vfork", "execve", "symlink", "symlinkat"),
    # by what Landlock knows
    "truncate",
)

METADATA: tuple[str, ...] = (
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat"),
    *("utime", "utimes", "utimensat", "futimesat"),
)
"""Landlock does not govern them; where every writable file is the process's own, it may have them."""

REFUSED: tuple[str, ...] = (
    # the network
    *("bind", "listen", "accept", "accept4"),
    # other processes
    *("execveat", "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "tkill"),
    *("pidfd_open", "pidfd_getfd", "pidfd_send_signal", "process_madvise", "process_mrelease"),
    *("setpriority", "getpriority", "ioprio_set", "ioprio_get", "sched_setparam", "sched_setscheduler"),
    *("sched_setattr", "sched_setaffinity", "setrlimit", "setpgid", "setsid", "migrate_pages", "move_pages"),
    # what else Landlock does not govern
    *("setxattr", "lsetxattr", "fsetxattr", "setxattrat", "removexattr", "lremovexattr", "fremovexattr"),
    *("removexattrat", "file_setattr", "mknod", "mknodat", "name_to_handle_at", "open_by_handle_at"),
    # watching what Landlock would not show
    *("inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch", "fanotify_init", "fanotify_mark"),
    *("statmount", "listmount", "listns"),
    # ways to do the above without the above
    *("io_uring_setup", "io_uring_enter", "io_uring_register", "bpf", "userfaultfd", "perf_event_open"),
    *("io_setup", "io_submit", "io_destroy", "io_getevents", "io_pgetevents", "io_cancel"),
    *("seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "lsm_set_self_attr"),
    # memory that RLIMIT_DATA does not count, that outlives the process, or that is the host's to give
    *("memfd_create", "memfd_secret", "shmget", "shmat", "shmctl", "shmdt", "remap_file_pages"),
    *("mlock", "mlock2", "mlockall", "munlock", "munlockall"),
    *("msgget", "msgsnd", "msgrcv", "msgctl", "semget", "semop", "semtimedop", "semctl"),
    *("mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify", "mq_getsetattr"),
    *("add_key", "request_key", "keyctl"),
    *("timer_create", "timer_settime", "timer_gettime", "timer_getoverrun", "timer_delete"),
    # identity and the machine
    *("setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups"),
    *("capset", "personality", "unshare", "setns", "chroot", "pivot_root", "mount", "umount2", "mount_setattr"),
    *("move_mount", "open_tree", "open_tree_attr", "fsopen", "fsconfig", "fsmount", "fspick", "swapon", "swapoff"),
    *("quotactl", "quotactl_fd", "acct", "reboot", "kexec_load", "kexec_file_load", "init_module", "finit_module"),
    *("delete_module", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "sethostname"),
    *("setdomainname", "syslog", "vhangup", "iopl", "ioperm", "modify_ldt", "sync", "syncfs", "ustat", "sysfs"),
    *("mbind", "set_mempolicy", "get_mempolicy", "set_mempolicy_home_node", "uselib"),
)

UNSUPPORTED: tuple[str, ...] = (
    *("getxattr", "lgetxattr", "fgetxattr", "getxattrat", "listxattr", "llistxattr", "flistxattr", "listxattrat"),
)
"""Answer ENOTSUP, as a file system without extended attributes does: callers know what to do then."""

ABSENT: tuple[str, ...] = (
    # an argument decides, and it is in memory, where a filter cannot look
    *("clone3", "openat2"),
    # another way to do what an older call does; the C library and Python fall back to that one
    *("futex_waitv", "futex_wake", "futex_wait", "futex_requeue", "signalfd", "signalfd4"),
    *("splice", "tee", "vmsplice", "pkey_mprotect", "pkey_alloc", "pkey_free", "map_shadow_stack", "mseal"),
    # about others, or about the kernel's inside
    *("get_robust_list", "cachestat", "file_getattr", "lsm_get_self_attr", "lsm_list_modules"),
    # the kernel's own probes; where they are in use it lets them pass before it asks a filter
    *("uretprobe", "uprobe"),
    # not needed by anything yet
    "rseq_slice_yield",
    # gone, or never there on a 64-bit kernel
    *("_sysctl", "create_module", "get_kernel_syms", "query_module", "nfsservctl", "getpmsg", "putpmsg"),
    *("afs_syscall", "tuxcall", "security", "vserver", "lookup_dcookie", "epoll_ctl_old", "epoll_wait_old"),
    *("set_thread_area", "get_thread_area"),
)
"""Answer ENOSYS on purpose."""
