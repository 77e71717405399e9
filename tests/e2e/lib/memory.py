"""What stands in the memory of a process."""
import functools, json, os, re

from .gatehouse import binary
from .wait import until_read

# A sanitizer's own maps are terabytes.
SANITIZERS = {b"__asan_init": "AddressSanitizer", b"__tsan_init": "ThreadSanitizer"}


@functools.cache
def sanitizer():
    """The name of the one that the program is built with, or None."""
    with open(binary(), "rb") as file:
        text = file.read()
    return next((name for symbol, name in SANITIZERS.items() if symbol in text), None)


def unsearchable():
    """Why that of the program's processes cannot be looked through, or None."""
    if os.geteuid() != 0:
        return "only root may look into the worker"
    return f"{binary()} is built with {sanitizer()}, whose memory is too large to be looked through" if sanitizer() else None


def unmeasurable():
    """Why it cannot be seen that memory is given back to the system, or None."""
    return f"{binary()} is built with {sanitizer()}, which keeps it" if sanitizer() else None


def memory_of(pid):
    """Its readable maps, one after the other."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            begin, end, rights = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
            if "r" not in rights or "[v" in line:
                continue
            try:
                memory.seek(int(begin, 16))
                yield memory.read(int(end, 16) - int(begin, 16))
            except (OSError, OverflowError):
                pass


def is_in_memory(pid, parts):
    return any(part in piece for piece in memory_of(pid) for part in parts)


def resident(pid):
    """Bytes."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(re.search(r"VmRSS:\s+(\d+) kB", file.read())[1]) << 10


def traffic(g):
    """Bytes that count towards limits { memory }."""
    return json.loads(g.command("status", "--json").stdout)["memory_bytes"]


def traffic_when_read(g, clients):
    """Once the worker has read all that they have sent, and lives with them."""
    until_read(g.port, [c.sock.getsockname()[1] for c in clients])
    return traffic(g)


def measure_truly(monkeypatch):
    """Before the start: AddressSanitizer would keep up to 256 MiB of what was freed."""
    keep_little = "quarantine_size_mb=1:thread_local_quarantine_size_kb=64"
    monkeypatch.setenv("ASAN_OPTIONS", f"{os.environ.get('ASAN_OPTIONS', '')}:{keep_little}")
