"""Runs a program as a container runtime would: confine.py OPTIONS -- PROGRAM ARGS...

  --profile FILE   a seccomp profile as Kubernetes takes it (OCI, JSON), by way of libseccomp
  --user N         user and group, if this is root; without capabilities and new privileges anyway
  --calls LIST     no program: makes these system calls (JSON: [[number, arguments...], ...]) and
                   prints the errors that they end with, 0 for none
  --kill           a call that the profile refuses ends the process (SIGSYS) instead of failing, but
                   for clone3, for which libraries have another way that is taken in silence

The limit of locked memory is the one that services of systemd have, and with them containers.
"""
import argparse
import ctypes
import json
import os
import resource

ENOSYS = 38
ALLOW, ERRNO, KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
OPERATORS = {"SCMP_CMP_EQ": 4, "SCMP_CMP_MASKED_EQ": 7}
EEXIST = 17
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
MEMLOCK_BYTES = 8 * 1024 * 1024


class Comparison(ctypes.Structure):
    _fields_ = [("index", ctypes.c_uint), ("operator", ctypes.c_int),
                ("value", ctypes.c_uint64), ("value_two", ctypes.c_uint64)]


class Filter:
    """A filter under construction; every name in the profile has to be known."""

    def __init__(self, profile, kill):
        self.library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
        self.library.seccomp_init.restype = ctypes.c_void_p
        assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
        refuse = KILL_PROCESS if kill else ERRNO | profile["defaultErrnoRet"]
        self.context = ctypes.c_void_p(self.library.seccomp_init(ctypes.c_uint32(refuse)))
        for name in profile["architectures"]:
            self.add_architecture(name.removeprefix("SCMP_ARCH_").lower())
        for rule in profile["syscalls"]:
            assert rule["action"] == "SCMP_ACT_ALLOW", rule
            for name in rule["names"]:
                self.add_rule(ALLOW, name, rule.get("args", []))
        if kill:
            self.add_rule(ERRNO | ENOSYS, "clone3", [])

    def add_architecture(self, name):
        token = self.library.seccomp_arch_resolve_name(name.encode())
        assert token != 0, f"architecture {name}"
        result = self.library.seccomp_arch_add(self.context, ctypes.c_uint32(token))
        assert result in (0, -EEXIST), f"architecture {name}: {result}"

    def add_rule(self, action, name, arguments):
        number = self.library.seccomp_syscall_resolve_name(name.encode())
        assert number != -1, f"there is no system call {name}"
        comparisons = (Comparison * len(arguments))(*(
            Comparison(one["index"], OPERATORS[one["op"]], one["value"], one.get("valueTwo", 0))
            for one in arguments))
        result = self.library.seccomp_rule_add_array(
            self.context, ctypes.c_uint32(action), number, len(arguments), comparisons)
        assert result == 0, f"{name}: {result}"

    def load(self):
        result = self.library.seccomp_load(self.context)
        assert result == 0, f"seccomp_load: {result}"


def become(user):
    library = ctypes.CDLL(None)
    if os.geteuid() == 0:
        with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
            last = int(file.read())
        for capability in range(last + 1):
            assert library.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0
        if user is not None:
            os.setgroups([user])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
    assert library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0


def errors_of(calls):
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    errors = []
    for call in calls:
        failed = library.syscall(*(ctypes.c_long(one) for one in call)) < 0
        errors.append(ctypes.get_errno() if failed else 0)
    return errors


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--profile")
    parser.add_argument("--user", type=int)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--calls", type=json.loads)
    parser.add_argument("command", nargs="*")
    options = parser.parse_args()
    confinement = None
    if options.profile:
        with open(options.profile, encoding="utf-8") as file:
            confinement = Filter(json.load(file), options.kill)
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (MEMLOCK_BYTES, MEMLOCK_BYTES))
    become(options.user)
    if confinement:
        confinement.load()
    if options.calls is not None:
        print(errors_of(options.calls))
        return
    os.execv(options.command[0], options.command)


main()
