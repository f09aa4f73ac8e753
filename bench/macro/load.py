"""Drives bench-load, the process that is the MCP server and the MCP clients of every benchmark.

A run is prepared, then measured: between `prepare` and the end of `run` the caller reads the CPU
time of the proxy. bench-load compares every byte of every answer and event; what is not as it was
sent ends the benchmark with its sentence.
"""
import subprocess
import sys

import proxies


class Load:
    def __init__(self, program, cores, port=0):
        self.child = subprocess.Popen(
            proxies.pinned(cores) + [program, str(port)], text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.command = "start"
        self.port = int(self._line("listening")[0])

    def _line(self, expected):
        line = self.child.stdout.readline().strip()
        word, _, rest = line.partition(" ")
        if word != expected:
            sys.exit(f"bench-load: {line or 'ended'} (after: {self.command})")
        return rest.split()

    def _say(self, line):
        self.command = line
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()

    def prepare(self, verb, proxy, **words):
        """verb: calls, events, hold_streams or hold_connections; returns when it is ready."""
        said = {"port": proxy.port, "path": proxy.path, **words}
        if proxy.token:
            said["token"] = proxy.token
        self._say(" ".join([verb] + [f"{key}={value}" for key, value in said.items()]))
        self._line("ready")

    def go(self):
        """Runs what is prepared."""
        self._say("go")

    def outcome(self):
        """Of the run: count, nanos, and for calls p50, p99, p999, max (microseconds)."""
        return {key: float(value) for key, value in
                (word.split("=") for word in self._line("done"))}

    def close(self):
        self._say("close")
        self._line("closed")

    def end(self):
        self.child.stdin.close()
        self.child.wait(10)
