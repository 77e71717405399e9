"""An origin that keeps exactly what arrives and answers, to the letter, what the test says."""
import socket, struct, threading
from dataclasses import dataclass, field

from .wait import SLOWNESS, until

TIMEOUT = 20


def split_head(head):
    """Start line and [(name, value)] of a head, lower-case names, as text of latin-1."""
    lines = head.decode("latin-1").split("\r\n")
    fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:] if line)]
    return lines[0], fields


def has_chunked(fields):
    return any(name == "transfer-encoding" and "chunked" in value.lower() for name, value in fields)


def length_of(fields):
    return next((int(value) for name, value in fields if name == "content-length"), None)


@dataclass
class Request:
    line: str
    fields: list = field(default_factory=list)
    body: bytes = b""                                   # without its chunks' framing
    raw: bytes = b""                                    # as it came

    def __getitem__(self, name):
        """The value of a field, of several joined with ', '; None without one."""
        values = [value for own, value in self.fields if own == name.lower()]
        return ", ".join(values) if values else None

    @property
    def method(self):
        return self.line.split(" ")[0]

    @property
    def target(self):
        return self.line.split(" ")[1]


class Connection:
    """Bytes of a socket, read with a time-out; an end before its time raises EOFError. `received` has all that came."""

    def __init__(self, sock):
        self.sock, self.buffer, self.received = sock, b"", bytearray()
        sock.settimeout(TIMEOUT * SLOWNESS)

    def send(self, data):
        self.sock.sendall(data)

    def recv(self, size=65536):
        """What is there, or comes next; b'' at the end."""
        if self.buffer:
            data, self.buffer = self.buffer[:size], self.buffer[size:]
            return data
        try:
            data = self.sock.recv(size)
        except ConnectionResetError:
            data = b""
        self.received += data
        return data

    def _more(self):
        kept, self.buffer = self.buffer, b""
        data = self.recv()
        self.buffer = kept + data
        if not data:
            raise EOFError(f"the peer closed after {kept[-200:]!r}")

    def read_until(self, mark):
        while mark not in self.buffer:
            self._more()
        end = self.buffer.index(mark) + len(mark)
        data, self.buffer = self.buffer[:end], self.buffer[end:]
        return data

    def read_exactly(self, size):
        parts, have = [self.buffer], len(self.buffer)
        self.buffer = b""
        while have < size:
            data = self.recv()
            if not data:
                self.buffer = b"".join(parts)
                raise EOFError(f"the peer closed after {self.buffer[-200:]!r}")
            parts.append(data)
            have += len(data)
        whole = b"".join(parts)
        data, self.buffer = whole[:size], whole[size:]
        return data

    def read_until_close(self):
        parts = []
        while data := self.recv():
            parts.append(data)
        return b"".join(parts)

    def read_chunked(self):
        """Body and raw bytes of a chunked body, its trailer section included."""
        body, raw = b"", b""
        while True:
            line = self.read_until(b"\r\n")
            raw += line
            size = int(line.split(b";")[0], 16)
            if not size:
                while (line := self.read_until(b"\r\n")) != b"\r\n":
                    raw += line
                return body, raw + line
            chunk = self.read_exactly(size + 2)
            body, raw = body + chunk[:-2], raw + chunk

    def request(self):
        """The next request, whole; None when the peer closed instead."""
        try:
            head = self.read_until(b"\r\n\r\n")
        except EOFError:
            if self.buffer:
                raise
            return None
        line, fields = split_head(head[:-4])
        if has_chunked(fields):
            body, raw = self.read_chunked()
        else:
            body = raw = self.read_exactly(length_of(fields) or 0)
        return Request(line, fields, body, head + raw)

    def is_closed(self, within=5):
        """Whether the peer ends the connection within so many seconds; bytes that come before it are kept."""
        self.sock.settimeout(within * SLOWNESS)
        try:
            while True:
                kept, self.buffer = self.buffer, b""
                try:
                    data = self.recv()
                finally:
                    self.buffer = kept
                if not data:
                    return True
                self.buffer += data
        except TimeoutError:
            return False
        finally:
            self.sock.settimeout(TIMEOUT * SLOWNESS)

    wait_closed = is_closed

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Closes with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()


class Origin:
    def __init__(self, answer, port=0, host="127.0.0.1"):
        self.answer, self.requests, self.connections = answer, [], []
        self.failures = []                              # what a script of the test raised
        self._lock, self._turn = threading.Lock(), 0
        self._listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, port))
        self._listener.listen(128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def received(self):
        """The bytes of each connection so far, in the order of their accepts."""
        return [conn.received for conn in self.connections]

    def whole(self, count=1, seconds=10):
        """What each of so many connections has received, once all of them are over: nothing can come any more."""
        until(lambda: len(self.connections) >= count and all(conn.sock.fileno() < 0 for conn in self.connections), seconds,
              f"{count} connections at the origin, and their ends (now {self.connections})")
        return self.received

    def wait(self, count, seconds=10):
        """The requests, once there are so many."""
        until(lambda: len(self.requests) >= count, seconds, f"{count} requests at the origin (scripts: {self.failures})")
        return self.requests

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            conn = Connection(sock)
            with self._lock:
                self.connections.append(conn)
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn):
        try:
            if callable(self.answer):
                take = conn.request
                conn.request = lambda: self._record(take())
                self.answer(conn)
            else:
                while self._record(conn.request()):
                    conn.send(self._next_answer())
        except (EOFError, ConnectionError, TimeoutError, OSError):
            pass                                        # a peer that goes away is not the origin's failure
        except Exception as error:                      # noqa: a mistake in the test's script must show
            self.failures.append(error)
        finally:
            conn.close()

    def _record(self, request):
        if request:
            with self._lock:
                self.requests.append(request)
        return request

    def _next_answer(self):
        if isinstance(self.answer, bytes):
            return self.answer
        with self._lock:
            turn = min(self._turn, len(self.answer) - 1)
            self._turn += 1
        return self.answer[turn]

    def stop(self):
        """No new connections are accepted, and those that live are reset."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        for conn in self.connections:
            try:
                conn.reset()
            except OSError:
                pass
