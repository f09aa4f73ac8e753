"""The table of a run, what it was measured on, and its section in bench/RESULTS.md.

Ratios below 1 speak for the gateway.
"""
import os
import platform
import re
import subprocess

import proxies


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True)
        return (done.stdout or done.stderr).splitlines()[0]
    except (OSError, IndexError):
        return "unknown"


def congestion_control():
    """It matters even on loopback: some pace what they send, by timers."""
    with open("/proc/sys/net/ipv4/tcp_congestion_control") as control:
        return control.read().strip()


def machine_lines():
    with open("/proc/cpuinfo") as cpuinfo:
        model = re.search(r"model name\s*:\s*(.*)", cpuinfo.read())
    gateway = first_line(os.path.join(proxies.BUILD, "bin", "mcp-gateway"), "version")
    revision = first_line("git", "-C", proxies.ROOT, "rev-parse", "--short", "HEAD")
    return [
        f"- machine: {os.cpu_count()} cores, {model.group(1) if model else platform.machine()}",
        f"- kernel: {platform.release()}, TCP congestion control: {congestion_control()}",
        f"- nginx {first_line('nginx', '-v').split('/')[-1]}, "
        f"HAProxy {first_line('haproxy', '-v').split()[2]}, {gateway}, revision {revision}",
    ]


def number(value):
    """Three significant digits, never an exponent."""
    if value is None:
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(samples, names):
    lines = ["| measure | " + " | ".join(names) + " | to the better peer | to the floor |",
             "|---|" + "---|" * (len(names) + 2)]
    for row, by_name in samples.rows.items():
        cells = [number(samples.median(row, name) if name in by_name else None) for name in names]
        for other in (samples.better_peer(row), proxies.FLOOR):
            ratio = samples.ratio(row, proxies.GATEWAY, other)
            cells.append("–" if ratio is None else f"{ratio:.2f}")
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return lines


def compared(samples, name, other):
    """One line for each row that both have: how much more or less one of them costs."""
    ratios = {row: samples.ratio(row, name, other) for row in samples.rows}
    return [f"{name} to {other}, {row}: {ratio:.3f}" for row, ratio in ratios.items() if ratio]


def section(command, notes, samples, names, rounds):
    return [f"Command: `{command}`", "", *machine_lines(), *[f"- {note}" for note in notes],
            f"- medians of {rounds} interleaved rounds; ratios are medians of the rounds' ratios",
            "", *table(samples, names), "",
            f"The widest spread of one cell is ± {samples.spread():.0f} %."]


def write_results(name, lines):
    """Replaces one section of bench/RESULTS.md; the others stay."""
    path = os.path.join(proxies.ROOT, "bench", "RESULTS.md")
    head = "# Results\n\nWritten by `./dev bench`; compare within one table only.\n"
    text = open(path).read() if os.path.exists(path) else head
    body = f"\n## {name}\n\n" + "\n".join(lines) + "\n"
    pattern = re.compile(rf"\n## {re.escape(name)}\n.*?(?=\n## |\Z)", re.S)
    text = pattern.sub(lambda _: body, text) if pattern.search(text) else text + body
    with open(path, "w") as target:
        target.write(text)
    print(f"written to {os.path.relpath(path, proxies.ROOT)}")
