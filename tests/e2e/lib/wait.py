"""Waiting, ports and folders."""
import os, re, shutil, socket, subprocess, tempfile, time
from dataclasses import dataclass

SLOWNESS = float(os.environ.get("SLOWNESS", "1"))       # sanitizers make everything slower: each bound is multiplied


def until(condition, seconds=10, what=None):
    """The first true value of condition(), which is asked again and again for so long."""
    end = time.monotonic() + seconds * SLOWNESS
    pause = 0.002
    while True:
        if value := condition():
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds * SLOWNESS:g} s: {what or getattr(condition, '__name__', 'condition')}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


def whole_lines(text):
    """Of a file that is being written: a last line without its end may be a part of one."""
    return text[:text.rfind("\n") + 1].splitlines()


def free_port(host="127.0.0.1"):
    """A port that was free, and is now kept in TIME_WAIT: the kernel gives it to nobody who asks for any port, while a server
    (which sets SO_REUSEADDR) may bind it. So parallel tests never get the same one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener, socket.socket(family) as near:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, 0))
        listener.listen(1)
        near.connect(listener.getsockname())
        far, _ = listener.accept()
        with far:
            return listener.getsockname()[1]


def accepts(address):
    """Whether a connection to (host, port) or a unix path is accepted."""
    try:
        if isinstance(address, str):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(1)
                s.connect(address)
        else:
            socket.create_connection(address, 1).close()
        return True
    except OSError:
        return False


@dataclass
class TcpSocket:
    local: int                                          # ports
    peer: int
    state: str
    unsent: int                                         # bytes that were not acknowledged …
    unread: int                                         # … and that nobody has read


def tcp_sockets():
    """Those of this machine (IPv4), as the kernel sees them: whose state tells that something has come, or was read."""
    names = {"01": "ESTABLISHED", "02": "SYN_SENT", "08": "CLOSE_WAIT", "0A": "LISTEN"}
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file][1:]
    for _, local, peer, state, queues, *_ in rows:
        ports = [int(address.split(":")[1], 16) for address in (local, peer)]
        yield TcpSocket(*ports, names.get(state, state), *(int(size, 16) for size in queues.split(":")))


def until_read(port, peers):
    """Until all that these ports have sent to the one was read there, and they are all connected still."""
    def all_is_read():
        there = [one for one in tcp_sockets() if one.state == "ESTABLISHED"]
        return (sum(one.local == port and one.peer in peers and not one.unread for one in there) == len(peers)
                and sum(one.local in peers and one.peer == port and not one.unsent for one in there) == len(peers))
    until(all_is_read)


class temp_dir:
    """A folder that other users may enter (a worker gives up its rights); .remove() takes it away."""

    def __init__(self, name):
        self.path = tempfile.mkdtemp(prefix=f"gatehouse-{name}-")
        os.chmod(self.path, 0o755)

    def __truediv__(self, name):
        return os.path.join(self.path, name)

    def __fspath__(self):
        return self.path

    __str__ = __fspath__

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Process:
    """A program in a process group of its own; its output goes to files of a folder."""

    def __init__(self, name, argv, folder, env=None):
        self.name, self.folder = name, folder
        with open(folder / f"{name}.out", "ab") as out, open(folder / f"{name}.err", "ab") as err:
            self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env, cwd=str(folder),
                                          start_new_session=True)
        self.pid = self.popen.pid

    def output(self):
        return self._read("out")

    def errors(self):
        return self._read("err")

    def _read(self, suffix):
        with open(self.folder / f"{self.name}.{suffix}", encoding="utf-8", errors="replace") as file:
            return file.read()

    def running(self):
        return self.popen.poll() is None

    def wait_listening(self, addresses, seconds=10):
        """Returns when each address accepts; at once fails when the program ends instead."""
        def ready():
            assert self.running(), f"{self.name} ended with status {self.popen.returncode}:\n{self.errors()}{self.output()}"
            return all(accepts(a) for a in addresses)
        until(ready, seconds, f"{self.name} accepts on {addresses}")

    def end(self, number, seconds):
        """Sends a signal and waits for the exit status."""
        if self.running():
            self.popen.send_signal(number)
        try:
            return self.popen.wait(seconds * SLOWNESS)
        except subprocess.TimeoutExpired:
            return None

    def group_is_empty(self):
        """Whether no process of the group lives; zombies that wait for init do not count."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                    state, _, group = re.match(r".*\) (\S) (\S+) (\S+)", file.read(), re.S).groups()
            except OSError:
                continue
            if group == str(self.pid) and state not in "ZX":
                return False
        return True

    def kill_group(self):
        try:
            os.killpg(self.pid, 9)
        except ProcessLookupError:
            pass
        self.popen.wait()
