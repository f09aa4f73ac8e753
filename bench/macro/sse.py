"""Event streams: CPU time of the proxy per event.

Every client has a session and a GET stream of its own. One event at a time is on its way: the
server writes the next one, on another stream, when the last one has been read. That is how events
of independent sessions come, and it is the dearest case: the proxy wakes up for each of them. With
64 on their way it finds several at once.
"""
from proxies import Setting
from rig import Cell

ABOUT = "events of about 140 B on 50, 500 and 2,000 streams: CPU time per event"
NOTES = ["events of about 140 B, each a chunk of its own; every stream is a session of its own"]
SETTING = Setting(nginx_buffer="4k")
STREAMS = (50, 500, 2000)


def add_arguments(parser):
    parser.add_argument("--streams", help="numbers of streams, e.g. 50,500 (default 50,500,2000)")


class Events(Cell):
    def __init__(self, streams, in_flight, seconds):
        self.streams, self.in_flight, self.seconds = streams, in_flight, seconds

    def measure(self, rig, proxy):
        outcome = rig.measure_run(proxy, "events", clients=self.streams, in_flight=self.in_flight,
                                  milliseconds=int(self.seconds * 1000))
        flight = "one" if self.in_flight == 1 else self.in_flight
        return rig.cost(outcome, outcome["count"],
                        f"event, {self.streams} streams, {flight} at a time")


def cells(arguments):
    streams = [int(n) for n in arguments.streams.split(",")] if arguments.streams else STREAMS
    found = [Events(n, 1, arguments.seconds) for n in streams]
    return found + [Events(n, 64, arguments.seconds) for n in streams]
