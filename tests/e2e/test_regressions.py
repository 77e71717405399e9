"""What once went wrong, each with the way it was found."""
import multiprocessing, selectors, socket, time

from lib import SLOWNESS, Client, check, tcp_sockets, until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
SITE = """
threads 1
log off
timeouts { connect %s }
pool app {
%s
}
reverse site {
    listen 127.0.0.1:${env.PORT}
    respond 200 body "ok" if path(/ok)
    pool app
}
"""


class FullBacklog:
    """A port whose connects hang: the queue of those who wait to be accepted is full."""

    def __enter__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.waiting = [socket.socket() for _ in range(4)]
        for one in self.waiting:
            one.setblocking(False)
            one.connect_ex(self.listener.getsockname())
        self.port = self.listener.getsockname()[1]
        return self

    def is_dialled(self):
        own = [one.getsockname()[1] for one in self.waiting]
        return any(s.peer == self.port and s.state == "SYN_SENT" and s.local not in own for s in tcp_sockets())

    def __exit__(self, *_):
        for one in [self.listener, *self.waiting]:
            one.close()


def test_a_reload_while_a_server_is_dialled(gatehouse, origin):
    """The pool that was being tried was freed by the reload, and then asked for the next server."""
    o = origin(OK)
    with FullBacklog() as hangs:
        servers = f"server 127.0.0.1:{hangs.port} weight 100\nserver 127.0.0.1:{o.port}"
        g = gatehouse(SITE % (f"{3 * SLOWNESS:g}s", servers))
        with Client(g.port) as c:
            c.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            until(hangs.is_dialled, what="it is dialling")
            worker = g.workers()
            for patience in ("90s", "91s"):             # twice, so that no generation but the exchange's own holds the old one
                assert g.reload(SITE % (patience, servers)).returncode == 0
            assert c.response().body == b"hi"
        assert g.workers() == worker


def was_read(client):
    """All that a client has sent was taken from the kernel at the other end."""
    own, (_, peer) = client.sock.getsockname()[1], client.sock.getpeername()
    waiting = {(s.local, s.peer): s.unsent if s.local == own else s.unread for s in tcp_sockets()}
    return waiting.get((own, peer)) == 0 and waiting.get((peer, own)) == 0


def test_a_reload_while_a_head_is_read(gatehouse, origin):
    """The limits of the body's framing were read from the configuration that the head began with."""
    o = origin(OK)
    text = SITE % ("1s", f"server 127.0.0.1:{o.port}")
    g = gatehouse(text)
    with Client(g.port) as c:
        c.send(b"POST / HTTP/1.1\r\nHost: x\r\n")
        until(lambda: was_read(c), what="the first lines were read")
        worker = g.workers()
        for number in range(2):
            assert g.reload(text + f"\n# {number}\n").returncode == 0
        c.send(b"Transfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n0\r\n\r\n")
        assert c.response().body == b"hi"
    assert g.workers() == worker and o.requests[0].body == b"hello"


def test_interim_answers_without_end_are_cut(gatehouse, origin):
    """Each was kept until the answer's end: 47 MB of them took 1.6 GB."""
    closed = []

    def answer(conn):
        conn.request()
        try:
            for _ in range(100000):
                conn.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        except OSError:
            closed.append(True)

    o = origin(answer)
    g = gatehouse(SITE % ("1s", f"server 127.0.0.1:{o.port}"))
    with Client(g.port) as c:
        c.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert c.response().status == 502
    until(lambda: closed, what="the server's connection is closed")


def test_an_early_answer_that_ends_the_upload_says_close(gatehouse, origin):
    def answer(conn):
        conn.read_until(b"\r\n\r\n")
        conn.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")

    o = origin(answer)
    g = gatehouse(SITE % ("1s", f"server 127.0.0.1:{o.port}"))
    with Client(g.port) as c:
        c.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nsome")
        r = c.response()
        assert r.status == 413 and r.body == b"big" and r["connection"] == "close" and c.is_closed(5)


def test_thousands_of_connection_options_take_away_what_they_name(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(SITE % ("1s", f"server 127.0.0.1:{o.port}"))
    fields = b"".join(b"Abc-%02d: x\r\n" % i for i in range(94))
    request = b"GET / HTTP/1.1\r\nHost: x\r\n" + fields + b"X-Own: 1\r\nConnection: " + b"a," * 7900 + b"x-own\r\n\r\n"
    with Client(g.port) as c:
        for _ in range(5):
            c.send(request)
            assert c.response().status == 200
    assert all(r["x-own"] is None and r["abc-00"] == "x" for r in o.requests)


def upload_small_chunks(port, count, seconds):
    """One-byte chunks on so many connections, as fast as they are taken."""
    chunks = b"1\r\nx\r\n" * 20000
    selector = selectors.DefaultSelector()
    for _ in range(count):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_WRITE, [0])
    end = time.monotonic() + seconds
    while time.monotonic() < end and selector.get_map():
        for key, _ in selector.select(0.5):
            try:
                key.data[0] = (key.data[0] + key.fileobj.send(chunks[key.data[0]:])) % 6
            except BlockingIOError:
                pass
            except OSError:
                selector.unregister(key.fileobj)


def test_a_crowd_of_small_chunks_is_no_hanging_loop(gatehouse, origin):
    """One turn of the loop took so long that the watchdog aborted the worker."""
    def swallow(conn):
        while conn.recv(1 << 20):
            pass

    o = origin(swallow)
    g = gatehouse(SITE % ("1s", f"server 127.0.0.1:{o.port}"))
    worker = g.workers()
    crowd = multiprocessing.get_context("fork").Process(target=upload_small_chunks, args=(g.port, 60, 5))
    crowd.start()
    crowd.join()
    assert g.workers() == worker
    with Client(g.port) as c:
        c.send(b"GET /ok HTTP/1.1\r\nHost: x\r\n\r\n")
        assert c.response().body == b"ok"


TWO_LISTENERS = """
threads 1
reverse site {
    listen 127.0.0.1:${env.PORT}
%s
    to 127.0.0.1:${env.ORIGIN_PORT}
}
"""


def test_connections_of_a_listener_that_a_reload_removes_are_served_to_the_end(gatehouse, origin):
    """Their requests were cut with a reset: nothing knew the address any more."""
    o = origin(OK)
    g = gatehouse(TWO_LISTENERS % "    listen 127.0.0.1:${env.OTHER}", ORIGIN_PORT=o.port)
    clients = [Client(g.ports["OTHER"]) for _ in range(20)]
    assert g.reload(TWO_LISTENERS % "").returncode == 0
    for c in clients:
        answer = c.get("/")
        assert answer.status == 200 and answer["connection"] == "close"
        c.close()


def test_a_hosts_file_that_is_not_there_refuses_the_file(gatehouse):
    site = "reverse site { listen 127.0.0.1:${env.PORT}; respond 200 }\n"
    g = gatehouse(site)
    done = g.reload("resolver { hosts no.such }\n" + site)
    assert done.returncode == 1 and "cannot read the hosts file" in done.stdout + done.stderr


def test_a_hosts_file_that_is_too_long_is_told(web_folder):
    path = web_folder.put("hosts", b"127.0.0.1 site.test\n")
    text = f"resolver {{ hosts {path} }}\nreverse site {{ listen 127.0.0.1:1; respond 200 }}\n"
    assert check(text).returncode == 0
    with open(path, "ab") as file:
        file.truncate((16 << 20) + 1)
    done = check(text)
    assert done.returncode == 1 and "larger than 16 MiB" in done.stdout + done.stderr, "else none of its names would count, without a word"
