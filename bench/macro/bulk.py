"""Large bodies: CPU time of the proxy per MiB, threads of the kernel that work for it included.

Answers of 1 MiB and 16 MiB, and calls of 16 MiB, on four connections; every byte is compared where
it arrives.
"""
from proxies import GATEWAY, Setting, metric
from rig import Cell

ABOUT = "bodies of 1 MiB and 16 MiB down, 16 MiB up: CPU time per MiB"
NOTES = ["four connections; CPU time includes ksoftirqd of the proxy's core and the threads of "
         "the kernel that serve its ring"]
# The best of 16 KiB to 1 MiB for each; splicing (HAProxy's `option splice-auto`) gained nothing.
SETTING = Setting(haproxy_buffer=65536, haproxy_connections=1024, nginx_buffer="32k",
                  nginx_body_buffer="32k", floor_buffers=(262144, 8))
MIB = 1024 * 1024
CONNECTIONS = 4
BODIES = {"1down": ("1 MiB answers", {"answer": MIB}, 1),
          "16down": ("16 MiB answers", {"answer": 16 * MIB}, 16),
          "16up": ("16 MiB calls", {"call": 16 * MIB}, 16)}


def add_arguments(parser):
    parser.add_argument("--bodies", help="any of 1down,16down,16up (default all)")


class Bodies(Cell):
    def __init__(self, which, seconds):
        self.title, self.words, self.mib = BODIES[which]
        self.seconds = seconds

    def measure(self, rig, proxy):
        outcome = rig.measure_run(proxy, "calls", clients=CONNECTIONS,
                                  milliseconds=int(self.seconds * 1000), **self.words)
        return rig.cost(outcome, outcome["count"] * self.mib, f"MiB, {self.title}")


def notes_after(rig):
    """What the gateway says about itself."""
    copied = [metric(proxy, "mcp_gateway_payload_copied_bytes_total")
              for proxy in rig.proxies if proxy.name == GATEWAY]
    return [f"payload bytes that the gateway copied in user space: {value:.0f}"
            for value in copied]


def cells(arguments):
    chosen = arguments.bodies.split(",") if arguments.bodies else BODIES
    return [Bodies(which, arguments.seconds) for which in chosen]
