"""System calls and sleeps of a proxy, counted by perf.

Counts do not depend on what else the machine does, so they show on a busy one whether a change has
helped. Counting costs time, so a run counts or takes times, never both.
"""
import signal
import subprocess
import sys
import time

EVENTS = {"raw_syscalls:sys_enter": "system calls", "context-switches": "switches"}
# perf does not say when it has attached to the threads of a process.
ATTACH_SECONDS = 0.3


class Counters:
    def __init__(self, pids):
        self.child = subprocess.Popen(
            ["perf", "stat", "-x", ";", "-e", ",".join(EVENTS),
             "-p", ",".join(str(pid) for pid in pids)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(ATTACH_SECONDS)

    def end(self):
        """What was counted: name -> number."""
        self.child.send_signal(signal.SIGINT)
        _, text = self.child.communicate()
        counted = {}
        for line in text.splitlines():
            fields = line.split(";")
            if len(fields) > 2 and fields[2] in EVENTS and fields[0].isdigit():
                counted[EVENTS[fields[2]]] = int(fields[0])
        if len(counted) < len(EVENTS):
            sys.exit(f"perf cannot count here:\n{text}")
        return counted
