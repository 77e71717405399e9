"""Clients: raw bytes, and curl."""
import json, os, socket, subprocess, tempfile
from dataclasses import dataclass, field

from .origin import TIMEOUT, Connection, has_chunked, length_of, split_head
from .wait import SLOWNESS


@dataclass
class Response:
    status: int
    fields: list = field(default_factory=list)
    body: bytes = b""                                   # without its chunks' framing
    raw: bytes = b""                                    # as it came
    complete: bool = True                               # False: the peer closed before the framing's end

    def __getitem__(self, name):
        """The value of a field, of several joined with ', '; None without one."""
        values = [value for own, value in self.fields if own == name.lower()]
        return ", ".join(values) if values else None


class Client(Connection):
    """Client(port), Client(("::1", port)) or Client("/path/of/unix.sock"); rcvbuf makes a reader slow to take."""

    def __init__(self, address, rcvbuf=None):
        if isinstance(address, int):
            address = ("127.0.0.1", address)
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        sock = socket.socket(family)
        if rcvbuf:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        sock.settimeout(TIMEOUT * SLOWNESS)
        sock.connect(address)
        if family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(sock)

    def response(self, head=False, interim=False):
        """The next answer, whole. head: it answers a HEAD. interim: a 1xx counts as one."""
        while True:
            raw = self.read_until(b"\r\n\r\n")
            line, fields = split_head(raw[:-4])
            status = int(line.split(" ")[1])
            if interim or status >= 200 or status == 101:
                break
        answer = Response(status, fields, raw=raw)
        if head or status < 200 or status in (204, 304):
            return answer
        try:
            self._read_body(answer)
        except EOFError:
            answer.complete = False
            answer.raw, answer.body, self.buffer = answer.raw + self.buffer, answer.body or self.buffer, b""
        return answer

    def _read_body(self, answer):
        length = length_of(answer.fields)
        if has_chunked(answer.fields):
            answer.body, raw = self.read_chunked()
        elif length is not None:
            answer.body = raw = self.read_exactly(length)
        else:
            answer.body = raw = self.read_until_close()
        answer.raw += raw

    def get(self, path="/", host="site.test", *fields):
        """One plain GET and its answer."""
        self.send("".join([f"GET {path} HTTP/1.1\r\nHost: {host}\r\n", *(f"{line}\r\n" for line in fields), "\r\n"]).encode())
        return self.response()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@dataclass
class Curl(Response):
    exit: int = 0
    errors: str = ""
    connect_status: int = 0                             # of a CONNECT
    info: dict = field(default_factory=dict)            # curl's own figures: `curl -w '%{json}'`


def curl(url, *options, proxy=None, timeout=30):
    """curl without the environment's proxies and files of the user."""
    env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    with tempfile.TemporaryDirectory() as folder:
        body, head = os.path.join(folder, "body"), os.path.join(folder, "head")
        command = ["curl", "-q", "-sS", "--max-time", str(timeout * SLOWNESS), "-o", body, "-D", head, "-w", "%{json}"]
        command += ["--proxy", proxy, "--noproxy", ""] if proxy else ["--noproxy", "*"]
        done = subprocess.run([*command, *map(str, options), url], capture_output=True, env=env, stdin=subprocess.DEVNULL,
                              timeout=timeout * SLOWNESS + 10)
        info = json.loads(done.stdout or b"{}")
        answer = Curl(info.get("http_code", 0), exit=done.returncode, errors=done.stderr.decode(errors="replace"),
                      connect_status=info.get("http_connect", 0), info=info)
        if os.path.exists(body):
            with open(body, "rb") as file:
                answer.body = file.read()
        if os.path.exists(head):
            with open(head, "rb") as file:
                answer.raw = file.read()
            last = answer.raw.rstrip(b"\r\n").split(b"\r\n\r\n")[-1]
            answer.fields = split_head(last)[1]
        return answer
