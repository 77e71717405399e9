"""HTTP/1.1 through a reverse proxy, to the byte: what a client and a server may rely on (RFC 9110, RFC 9112)."""
import asyncio, hashlib, os, re, socket, struct, threading

import pytest
import websockets

from lib import Client, curl, free_port, records, tcp_sockets, until

SITE = """
log off
reverse site {
    listen 127.0.0.1:${env.PORT}
    to 127.0.0.1:${env.ORIGIN_PORT}
}
"""
ONE_THREAD = "\nthreads 1" + SITE
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def answer(body, *lines, status="200 OK"):
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *lines))
    return head.encode() + b"\r\n" + body


def echo_target(conn):
    """Answers each request with its method and target, and its body."""
    while request := conn.request():
        body = f"{request.method} {request.target} ".encode() + request.body
        conn.send(answer(b"" if request.method == "HEAD" else body))


def request(text, body=b""):
    """Lines of a head, written one beneath the other."""
    return text.strip().replace("\n", "\r\n").encode() + b"\r\n\r\n" + body


@pytest.fixture
def site(gatehouse, origin):
    """site(answer) -> gatehouse, origin: the one in front of the other."""
    def start(script=OK, text=SITE, **env):
        o = origin(script)
        return gatehouse(text, ORIGIN_PORT=o.port, **env), o
    return start


# Persistent connections and order

def test_requests_of_one_connection_are_answered_and_share_a_connection_to_the_server(site):
    g, o = site(echo_target)
    with Client(g.port) as c:
        for i in range(5):
            assert c.get(f"/{i}").body == f"GET /{i} ".encode()
    assert len(o.connections) == 1 and len(o.requests) == 5


def test_pipelined_requests_are_answered_in_order(site):
    g, _ = site(echo_target)
    with Client(g.port) as c:
        c.send(b"".join(f"GET /{i} HTTP/1.1\r\nHost: site.test\r\n\r\n".encode() for i in range(50)))
        assert [c.response().body for _ in range(50)] == [f"GET /{i} ".encode() for i in range(50)]


def test_pipelined_requests_with_bodies_are_answered_in_order(site):
    g, _ = site(echo_target)
    with Client(g.port) as c:
        c.send(request("POST /a HTTP/1.1\nHost: x\nContent-Length: 3", b"abc")
               + request("POST /b HTTP/1.1\nHost: x\nTransfer-Encoding: chunked", b"2\r\nde\r\n1\r\nf\r\n0\r\n\r\n")
               + request("GET /c HTTP/1.1\nHost: x"))
        assert [c.response().body for _ in range(3)] == [b"POST /a abc", b"POST /b def", b"GET /c "]


def test_a_pipelined_request_waits_for_a_slow_answer_before_it(site):
    go = threading.Event()

    def script(conn):
        while got := conn.request():
            if got.target == "/slow":
                go.wait(20)
            conn.send(answer(got.target.encode()))

    g, o = site(script)
    with Client(g.port) as c:
        c.send(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /fast HTTP/1.1\r\nHost: x\r\n\r\n")
        o.wait(1)
        assert not c.is_closed(within=0.05) and c.buffer == b""
        go.set()
        assert [c.response().body, c.response().body] == [b"/slow", b"/fast"]


def test_what_is_pipelined_behind_a_bad_request_is_not_served(site):
    g, o = site(echo_target)
    with Client(g.port) as c:
        c.send(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost : x\r\n\r\nGET /c HTTP/1.1\r\nHost: x\r\n\r\n")
        assert c.response().body == b"GET /a "
        assert c.response().status == 400
        assert c.is_closed() and c.buffer == b""
    assert [r.target for r in o.requests] == ["/a"]


def test_a_request_that_comes_byte_by_byte_is_understood(site):
    g, _ = site(echo_target)
    with Client(g.port) as c:
        for byte in request("POST /x HTTP/1.1\nHost: x\nTransfer-Encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n"):
            c.send(bytes([byte]))
        assert c.response().body == b"POST /x abc"


def test_connection_close_of_the_client_closes_after_the_answer(site):
    g, _ = site()
    with Client(g.port) as c:
        r = c.get("/", "x", "Connection: close")
        assert r.status == 200 and "close" in r["connection"].lower()
        assert c.is_closed()


def tcp_info(sock, offset):
    """A counter of struct tcp_info (linux/tcp.h)."""
    return struct.unpack_from("I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232), offset)[0]


def test_the_last_answer_and_the_end_leave_in_one_packet(site):
    unacked, segs_in = 24, 140
    may_answer = threading.Event()

    def script(conn):
        conn.request()
        may_answer.wait(20)
        conn.send(answer(b"bye"))

    g, _ = site(script)
    with Client(g.port) as c:
        c.send(request("GET / HTTP/1.1\nHost: x\nConnection: close"))
        until(lambda: tcp_info(c.sock, unacked) == 0, 10, "the request is acknowledged")
        before = tcp_info(c.sock, segs_in)
        may_answer.set()
        assert c.response().body == b"bye"
        assert c.is_closed()
        assert tcp_info(c.sock, segs_in) - before == 1


def test_listeners_on_ipv6_and_on_a_unix_socket_serve(site):
    g, o = site(OK, SITE.replace("listen 127.0.0.1:${env.PORT}",
                                 "listen [::1]:${env.PORT}\n    listen unix:${env.DIR}/site.sock"))
    for address in (("::1", g.port), str(g.dir / "site.sock")):
        with Client(address) as c:
            assert c.get("/").body == b"hi"


# Bodies

def test_a_chunked_request_arrives_whole_without_its_extensions(site):
    g, o = site()
    with Client(g.port) as c:
        c.send(request("POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked",
                       b'5;name=value;q="a;b"\r\nhello\r\n6;x\r\n world\r\n0;last\r\n\r\n'))
        assert c.response().status == 200
    got = o.wait(1)[0]
    assert got.body == b"hello world"
    assert b"name" not in got.raw and b";" not in got.raw.split(b"\r\n\r\n", 1)[1]


def test_trailers_that_nobody_announced_are_dropped(site):
    g, o = site()
    with Client(g.port) as c:
        c.send(request("POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked", b"2\r\nhi\r\n0\r\nX-Late: yes\r\n\r\n"))
        assert c.response().status == 200
    assert b"late" not in o.wait(1)[0].raw.lower()


def test_announced_trailers_of_a_request_never_become_fields_of_its_head(site):
    g, o = site()
    with Client(g.port) as c:
        c.send(request("POST / HTTP/1.1\nHost: x\nTrailer: X-Sum, Authorization, Content-Length\nTransfer-Encoding: chunked",
                       b"2\r\nhi\r\n0\r\nX-Sum: 7\r\nAuthorization: evil\r\nContent-Length: 1\r\n\r\n"))
        assert c.response().status == 200
    got = o.wait(1)[0]
    assert got["x-sum"] is None and got["authorization"] is None and got["content-length"] is None
    assert b"evil" not in got.raw and got.body == b"hi"


def test_harmless_announced_trailers_of_an_answer_arrive(site):
    g, _ = site(b"HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2;e=1\r\nhi\r\n0\r\nX-Sum: 7\r\nX-Other: 8\r\n\r\n")
    with Client(g.port) as c:
        r = c.get("/", "x", "TE: trailers", "Connection: TE")
        assert r.body == b"hi" and r["x-sum"] is None
        assert b"\r\n0\r\nX-Sum: 7\r\n\r\n" in r.raw or b"\r\n0\r\nx-sum: 7\r\n\r\n" in r.raw
        assert b"X-Other" not in r.raw and b"e=1" not in r.raw


def test_what_a_client_may_not_say_in_the_head_it_may_not_in_trailers(site):
    g, o = site(text=SITE.replace("    to ", '    set-header request X-Subject "$client_certificate"\n    remove-header request X-In-*\n'
                                             "    set-header response X-Sum 5\n    to "))
    names = ("Client-Cert", "client_cert_chain", "X-Original-URL", "X-Subject", "X_Subject", "X-In-Side", "X-Hop", "X-Sum")
    with Client(g.port) as c:
        c.send(request(f"POST / HTTP/1.1\nHost: x\nConnection: x-hop\nTrailer: {', '.join(names)}\nTransfer-Encoding: chunked",
                       b"2\r\nhi\r\n0\r\n" + b"".join(f"{name}: 7\r\n".encode() for name in names) + b"\r\n"))
        assert c.response().status == 200
    got = o.wait(1)[0]
    assert got["trailer"] == "X-Sum", "which only the answer's rule names"
    assert got.raw.endswith(b"\r\n0\r\nX-Sum: 7\r\n\r\n")


@pytest.mark.parametrize("conceal, passed", [("on", ["X-Sum"]), ("off", ["X-Sum", "X-Runtime", "Content-Location"])])
def test_what_a_server_may_not_say_in_the_head_it_may_not_in_trailers(site, conceal, passed):
    names = ("X-Sum", "X-Runtime", "Content-Location", "X-In-Side", "X-Hop", "X-Set")
    g, _ = site(f"HTTP/1.1 200 OK\r\nConnection: X-HOP\r\nTrailer: {', '.join(names)}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n".encode()
                + b"".join(f"{name}: 7\r\n".encode() for name in names) + b"\r\n",
                SITE.replace("    to ", f"    conceal {conceal}\n    set-header request X-Sum 5\n    remove-header response X-In-*\n"
                                        "    set-header response X-Set 5\n    to "))
    with Client(g.port) as c:
        r = c.get("/", "x", "TE: trailers", "Connection: TE")
        assert r["trailer"] == ", ".join(passed) and r["x-set"] == "5"
        assert r.raw.endswith(b"\r\n0\r\n" + b"".join(f"{name}: 7\r\n".encode() for name in passed) + b"\r\n")


def test_a_chunked_answer_arrives_whole_and_the_connection_goes_on(site):
    chunks = b"".join(b"%x;x=y\r\n%s\r\n" % (n, b"z" * n) for n in (1, 15, 16, 255, 4096, 70000))
    g, _ = site(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    with Client(g.port) as c:
        for _ in range(2):
            r = c.get("/")
            assert r.complete and len(r.body) == 1 + 15 + 16 + 255 + 4096 + 70000


def test_an_empty_chunked_body_is_passed_both_ways(site):
    g, o = site(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    with Client(g.port) as c:
        c.send(request("POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked", b"0\r\n\r\n"))
        r = c.response()
        assert (r.status, r.body, r.complete) == (200, b"", True)
    assert o.wait(1)[0].body == b""


BIG = 24 << 20


def test_a_large_download_is_exact(gatehouse, nginx):
    data = os.urandom(BIG)
    name = nginx.file("big.bin", data)
    g = gatehouse(SITE, ORIGIN_PORT=nginx.port)
    r = curl(g.url(name))
    assert hashlib.sha256(r.body).digest() == hashlib.sha256(data).digest()


def test_a_large_chunked_download_is_exact(site):
    data = os.urandom(BIG)

    def script(conn):
        conn.request()
        conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, BIG, 99_991):
            piece = data[at:at + 99_991]
            conn.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        conn.send(b"0\r\n\r\n")

    g, _ = site(script)
    r = curl(g.url())
    assert r.exit == 0 and hashlib.sha256(r.body).digest() == hashlib.sha256(data).digest()


@pytest.mark.parametrize("how", [(), ("-H", "Transfer-Encoding: chunked")], ids=["length", "chunked"])
def test_a_large_upload_with_expect_100_continue_is_exact(gatehouse, nginx, web_folder, how):
    data = os.urandom(BIG)
    name = f"/put/{'chunked' if how else 'length'}-{os.getpid()}"
    g = gatehouse(SITE, ORIGIN_PORT=nginx.port)
    r = curl(g.url(name), "-T", web_folder.put("up.bin", data), "-H", "Expect: 100-continue", *how)
    assert r.status in (201, 204) and r.exit == 0
    assert b"100 Continue" in r.raw
    assert hashlib.sha256(curl(nginx.url(name)).body).digest() == hashlib.sha256(data).digest()


def test_an_answer_streams_as_the_server_sends_it(site):
    taken = threading.Event()

    def script(conn):
        conn.request()
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
        assert taken.wait(20), "the first half was held back"
        conn.send(b"again")

    g, _ = site(script)
    with Client(g.port) as c:
        c.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert c.read_until(b"first").endswith(b"\r\n\r\nfirst")
        taken.set()
        assert c.read_exactly(5) == b"again"


def test_an_upload_streams_as_the_client_sends_it(site):
    def script(conn):
        assert conn.read_until(b"\r\n\r\n")
        conn.read_exactly(5)
        seen.set()
        conn.read_exactly(5)
        conn.send(OK)

    seen = threading.Event()
    g, _ = site(script)
    with Client(g.port) as c:
        c.send(request("POST / HTTP/1.1\nHost: x\nContent-Length: 10", b"first"))
        assert seen.wait(20), "the first half was held back"
        c.send(b"again")
        assert c.response().body == b"hi"


def test_a_client_that_does_not_read_holds_the_server_back_not_the_memory(site):
    sent, stop = [0], threading.Event()

    def script(conn):
        conn.request()
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        conn.sock.settimeout(0.3)
        try:
            while not stop.is_set() and sent[0] < 1_000_000_000:
                sent[0] += conn.sock.send(b"x" * 65536)
        except TimeoutError:
            pass
        stop.set()

    g, _ = site(script)
    with Client(g.port, rcvbuf=4096) as c:
        c.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        until(stop.is_set, 20, "the server is held back")
        assert sent[0] < 64 << 20
        for pid in g.workers():
            with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                assert int(re.search(r"VmRSS:\s+(\d+) kB", file.read())[1]) < 64 << 10


# 1xx, HEAD, 204, 304

def test_continue_of_the_server_reaches_the_client_before_it_sends_the_body(site):
    def script(conn):
        conn.read_until(b"\r\n\r\n")
        conn.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert conn.read_exactly(4) == b"body"
        conn.send(OK)

    g, _ = site(script)
    with Client(g.port) as c:
        c.send(request("POST / HTTP/1.1\nHost: x\nContent-Length: 4\nExpect: 100-continue"))
        assert c.response(interim=True).status == 100
        c.send(b"body")
        assert c.response().body == b"hi"


@pytest.mark.parametrize("wrong", [b"Bad Field: 1\r\n", b"Content-Length: x\r\n", b"Host: y\r\n"])
def test_a_head_that_is_refused_is_answered_without_a_body(site, wrong):
    """RFC 9110 9.3.2, also where all of the request is not understood."""
    g, _ = site()
    with Client(g.port) as c:
        c.send(b"HEAD / HTTP/1.1\r\nHost: x\r\n" + wrong + b"\r\n")
        answer = c.response(head=True)
        assert answer.status == 400 and int(answer["content-length"]) > 0 and c.recv() == b""


def test_a_refusal_instead_of_continue_reaches_the_client(site):
    def script(conn):
        conn.read_until(b"\r\n\r\n")
        conn.send(answer(b"no", "Connection: close", status="403 Forbidden"))

    g, _ = site(script)
    with Client(g.port) as c:
        c.send(request("POST / HTTP/1.1\nHost: x\nContent-Length: 4\nExpect: 100-continue"))
        r = c.response()                                # a 100 of gatehouse itself would be no mistake
        assert (r.status, r.body) == (403, b"no")


def test_other_expectations_are_refused_with_417(site):
    g, o = site()
    with Client(g.port) as c:
        assert c.get("/", "x", "Expect: 200-maybe").status == 417
    assert o.requests == []


def test_early_hints_reach_the_client(site):
    g, _ = site(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" + OK)
    with Client(g.port) as c:
        c.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        first = c.response(interim=True)
        assert (first.status, first["link"]) == (103, "</a.css>; rel=preload")
        assert c.response().body == b"hi"
        assert c.get("/").body == b"hi"


def test_a_client_of_http_1_0_gets_no_interim_answer(site):
    g, _ = site(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + OK)
    with Client(g.port) as c:
        c.send(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
        assert c.response(interim=True).status == 200


def test_head_has_the_length_but_no_body(site):
    g, _ = site([b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nETag: \"a\"\r\n\r\n", OK])
    with Client(g.port) as c:
        c.send(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
        r = c.response(head=True)
        assert (r.status, r["content-length"], r["etag"]) == (200, "12345", '"a"')
        assert c.get("/").body == b"hi"


def test_head_of_a_chunked_answer_has_no_body(site):
    g, _ = site([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", OK])
    with Client(g.port) as c:
        c.send(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert c.response(head=True).status == 200
        assert c.get("/").body == b"hi"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_answers_without_a_body_leave_the_connection_usable(site, status):
    g, o = site([f"HTTP/1.1 {status}\r\nETag: \"a\"\r\n\r\n".encode(), OK])
    with Client(g.port) as c:
        r = c.get("/")
        assert (r.status, r["etag"]) == (int(status[:3]), '"a"')
        assert r["transfer-encoding"] is None
        assert c.get("/").body == b"hi"
    assert len(o.connections) == 1


@pytest.mark.parametrize("method,first", [
    ("GET", b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
    ("GET", b"HTTP/1.1 304 Not Modified\r\n\r\nevil"),
    ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
    ("GET", OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
], ids=["204", "304", "head", "200"])
def test_bytes_beyond_an_answer_never_become_the_next_answer(site, method, first):
    def script(conn):
        conn.request()
        conn.send(first if len(o_box[0].connections) == 1 else answer(b"good"))
        conn.wait_closed(10)

    o_box = []
    g, o = site(script, ONE_THREAD)
    o_box.append(o)
    with Client(g.port) as c:
        c.send(f"{method} / HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        c.response(head=method == "HEAD")
    with Client(g.port) as c:
        assert c.get("/").body == b"good"


# HTTP/1.0

def test_a_client_of_http_1_0_gets_a_chunked_answer_unchunked_and_closed(site):
    g, _ = site(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
    with Client(g.port) as c:
        c.send(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
        r = c.response()
        assert (r["transfer-encoding"], r.body) == (None, b"hi")
        assert c.is_closed()


def test_a_client_of_http_1_0_without_host_is_served(site):
    g, o = site()
    with Client(g.port) as c:
        c.send(b"GET / HTTP/1.0\r\n\r\n")
        assert c.response().body == b"hi"
        assert c.is_closed()
    assert o.wait(1)[0].line.endswith("HTTP/1.1")


def test_a_server_of_http_1_0_ends_its_answer_by_closing(site):
    def script(conn):
        conn.request()
        conn.send(b"HTTP/1.0 200 OK\r\n\r\nuntil the end")

    g, _ = site(script)
    with Client(g.port) as c:
        for _ in range(2):                              # the client's connection survives it
            r = c.get("/")
            assert (r.body, r.complete, r["transfer-encoding"]) == (b"until the end", True, "chunked")


def test_a_server_of_http_1_0_with_a_length_is_not_reused_without_keep_alive(site):
    def script(conn):
        conn.request()
        conn.send(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        conn.wait_closed(10)

    g, o = site(script, ONE_THREAD)
    with Client(g.port) as c:
        assert [c.get("/").body, c.get("/").body] == [b"hi", b"hi"]
    assert len(o.connections) == 2


def test_transfer_encoding_of_a_client_of_http_1_0_is_refused(site):
    g, o = site()
    with Client(g.port) as c:
        c.send(request("POST / HTTP/1.0\nHost: x\nTransfer-Encoding: chunked", b"0\r\n\r\n"))
        assert c.response().status in (400, 501)
        assert c.is_closed()
    assert o.requests == []


# Ends that come early

def test_an_early_answer_to_an_unfinished_upload_reaches_the_client(site):
    def script(conn):
        conn.read_until(b"\r\n\r\n")
        conn.read_exactly(10)
        conn.send(answer(b"too large", "Connection: close", status="413 Content Too Large"))

    g, _ = site(script)
    with Client(g.port) as c:
        c.send(request("POST / HTTP/1.1\nHost: x\nContent-Length: 1000000", b"x" * 1000))
        r = c.response()
        assert (r.status, r.body) == (413, b"too large")


def test_an_early_answer_reaches_curl_in_the_middle_of_its_upload(site, web_folder):
    def script(conn):
        conn.read_until(b"\r\n\r\n")
        conn.send(answer(b"too large", "Connection: close", status="413 Content Too Large"))
        conn.half_close()
        conn.wait_closed(10)

    g, _ = site(script)
    r = curl(g.url(), "-H", "Expect:", "-T", web_folder.put("up.bin", b"x" * BIG))
    assert (r.status, r.body) == (413, b"too large")


def test_an_upload_that_breaks_off_is_not_ended_cleanly_for_the_server(site):
    def script(conn):
        try:
            while True:
                data = conn.recv()
                if not data:
                    break
        finally:
            ended.set()

    ended = threading.Event()
    g, o = site(script)
    with Client(g.port) as c:
        c.send(request("POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked", b"5\r\nhello\r\n"))
        until(lambda: o.received and b"hello" in o.received[0], 10, "the first chunk at the server")
    assert ended.wait(10), "the server never learnt that the client went away"
    assert b"0\r\n\r\n" not in o.received[0]


def test_a_client_that_goes_away_ends_the_request_at_the_server(site):
    def script(conn):
        conn.request()
        if conn.wait_closed(10):
            ended.set()

    ended = threading.Event()
    g, o = site(script)
    with Client(g.port) as c:
        c.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        o.wait(1)
        c.reset()
    assert ended.wait(10)


def has_ended_its_side(client):
    """Whether the kernel at the other end of a client's connection has taken its FIN."""
    own, (_, peer) = client.sock.getsockname()[1], client.sock.getpeername()
    return any((s.local, s.peer, s.state) == (peer, own, "CLOSE_WAIT") for s in tcp_sockets())


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome"], ids=["before-the-head", "in-the-body"])
def test_a_client_that_has_shut_its_side_and_then_resets_ends_the_exchange_at_once(site, sent):
    def script(conn):
        while request := conn.request():
            if request.target == "/":
                conn.send(OK)
                continue
            conn.send(sent)
            assert conn.recv() == b""
            ended.set()

    ended = threading.Event()
    g, o = site(script, text=ONE_THREAD.replace("log off", "log { to stdout; format json }"))
    with Client(g.port) as c, Client(g.port) as other:
        c.send(b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
        o.wait(1)
        if sent:
            c.read_until(b"some")
        c.half_close()
        until(lambda: has_ended_its_side(c), 5, "the FIN has come")
        assert other.get("/").status == 200 and not ended.is_set()    # by the same thread, which has seen the FIN
        c.reset()
        assert ended.wait(3), "the server is told"
    assert [r["fault"] for r in records(g, 2) if r["url"].endswith("/held")] == ["client-gone"]


def test_a_client_that_has_shut_its_side_still_gets_its_answer(site):
    def script(conn):
        conn.request()
        go.wait(10)
        conn.send(answer(b"x" * 100_000))

    go = threading.Event()
    g, o = site(script)
    with Client(g.port) as c:
        c.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        c.half_close()
        o.wait(1)
        go.set()
        r = c.response()
        assert r.complete and len(r.body) == 100_000
        assert c.is_closed()


@pytest.mark.parametrize("part", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 50_000,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
], ids=["length", "no-last-chunk", "in-a-chunk", "in-trailers", "bad-chunk"])
@pytest.mark.parametrize("end", ["close", "reset"])
def test_an_answer_that_breaks_off_is_an_abort_for_the_client(site, part, end):
    def script(conn):
        conn.request()
        conn.send(part)
        until(lambda: seen.is_set(), 10, "the client has some of it")
        conn.reset() if end == "reset" else conn.close()

    seen = threading.Event()
    g, _ = site(script)
    with Client(g.port) as c:
        c.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        c.sock.settimeout(10)
        kept = c.recv(1)
        seen.set()
        if not kept:
            return                                      # closed without a head: an abort too
        c.buffer = kept + c.buffer
        try:
            r = c.response()
        except EOFError:
            return
        assert not r.complete or r.status == 502
        assert c.is_closed()


def test_curl_sees_a_truncated_body(site):
    def script(conn):
        conn.request()
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")

    g, _ = site(script)
    assert curl(g.url()).exit in (18, 56)               # "partial file", "failure with receiving": no whole answer


def test_a_body_without_length_that_ends_in_a_reset_is_an_abort(site):
    def script(conn):
        conn.request()
        conn.send(b"HTTP/1.1 200 OK\r\n\r\nsome")
        assert seen.wait(10)
        conn.reset()

    seen = threading.Event()
    g, _ = site(script)
    with Client(g.port) as c:
        c.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        c.buffer = c.read_until(b"some") + c.buffer
        seen.set()
        assert not c.response().complete


@pytest.mark.parametrize("bad", [
    b"",
    b"HTTP/1.1 200 OK\r\nContent-Le",
    b"nonsense\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhi",
    b"HTTP/1.1 200 OK\r\nBad Name: x\r\nContent-Length: 2\r\n\r\nhi",
    b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nhi",
    b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    b"HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    b"HTTP/1.1 99 Low\r\nContent-Length: 2\r\n\r\nhi",
], ids=["nothing", "half-a-head", "nonsense", "two-lengths", "length-and-chunked", "coding", "blank-in-name", "fold", "bare-lf",
        "101-unasked", "version", "status"])
def test_an_answer_that_is_no_valid_http_is_a_502(site, bad):
    def script(conn):
        conn.request()
        conn.send(bad)

    g, _ = site(script)
    with Client(g.port) as c:
        r = c.get("/")
        assert r.status == 502 and r["x-request-id"]
        assert b"127.0.0.1" not in r.raw


# Idle connections to servers

def closes_at_the_second(conn):
    """Answers one request of a connection and closes at the next without a word."""
    conn.request()
    conn.send(OK)
    conn.request()


def test_a_get_on_an_idle_connection_that_proves_dead_is_sent_again(site):
    g, o = site(closes_at_the_second, ONE_THREAD)
    with Client(g.port) as c:
        assert [c.get(f"/{i}").status for i in range(4)] == [200] * 4
    assert [r.target for r in o.requests] == ["/0", "/1", "/1", "/2", "/2", "/3", "/3"][:len(o.requests)]


def test_a_post_that_was_sent_on_a_connection_that_proves_dead_is_not_sent_again(site):
    g, o = site(closes_at_the_second, ONE_THREAD)
    with Client(g.port) as c:
        assert c.get("/").status == 200
        c.send(request("POST /once HTTP/1.1\nHost: x\nContent-Length: 2", b"hi"))
        assert c.response().status == 502
    assert [r.method for r in o.requests].count("POST") == 1


def test_an_idle_connection_that_the_server_has_closed_is_not_used(site):
    def script(conn):
        conn.request()
        conn.send(OK)
        conn.half_close()
        if conn.wait_closed(10):
            closed.set()

    closed = threading.Event()
    g, o = site(script, ONE_THREAD)
    with Client(g.port) as c:
        assert c.get("/").status == 200
        assert closed.wait(10), "gatehouse closes what the server has closed"
        c.send(request("POST / HTTP/1.1\nHost: x\nContent-Length: 2", b"hi"))
        assert c.response().status == 200
    assert len(o.connections) == 2


def test_connection_close_of_the_server_is_not_told_to_the_client(site):
    def script(conn):
        conn.request()
        conn.send(answer(b"hi", "Connection: close"))

    g, o = site(script)
    with Client(g.port) as c:
        r = c.get("/")
        assert r["connection"] is None or "close" not in r["connection"].lower()
        assert c.get("/").body == b"hi"
    assert len(o.connections) == 2


# WebSocket and Upgrade

class WebSocketServer:
    """Echoes messages, in a thread with a loop of its own."""

    def __enter__(self):
        self.loop, ready = asyncio.new_event_loop(), threading.Event()

        async def echo(socket, *_):
            self.headers = socket.request_headers
            async for message in socket:
                await socket.send(message)

        async def serve():
            self.server = await websockets.serve(echo, "127.0.0.1", 0, max_size=None, ping_interval=None)
            self.port = self.server.sockets[0].getsockname()[1]
            ready.set()

        def run():
            asyncio.set_event_loop(self.loop)
            self.loop.run_until_complete(serve())
            self.loop.run_forever()

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()
        assert ready.wait(10)
        return self

    def __exit__(self, *_):
        async def end():
            self.server.close()
            await self.server.wait_closed()
        asyncio.run_coroutine_threadsafe(end(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


def test_websocket_messages_pass_both_ways(gatehouse):
    async def talk(port):
        async with websockets.connect(f"ws://127.0.0.1:{port}/chat", max_size=None, ping_interval=None) as socket:
            for message in ("hello", "grüße", b"\x00\xff" * 10, os.urandom(3 << 20)):
                await socket.send(message)
                assert await asyncio.wait_for(socket.recv(), 20) == message
            await asyncio.wait_for(await socket.ping(), 10)
        return socket.close_code

    with WebSocketServer() as server:
        g = gatehouse(SITE, ORIGIN_PORT=server.port)
        assert asyncio.run(talk(g.port)) == 1000
        assert server.headers["X-Forwarded-For"] == "127.0.0.1"


HANDSHAKE = request("""
GET /chat HTTP/1.1
Host: site.test
Connection: Upgrade
Upgrade: websocket
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==""")


def test_websocket_off_drops_the_upgrade(site):
    g, o = site(OK, SITE.replace("    to ", "    websocket off\n    to "))
    with Client(g.port) as c:
        c.send(HANDSHAKE)
        assert c.response().body == b"hi"
    got = o.wait(1)[0]
    assert got["upgrade"] is None and "upgrade" not in (got["connection"] or "").lower()


def test_an_upgrade_to_anything_else_is_dropped(site):
    g, o = site()
    with Client(g.port) as c:
        r = c.get("/", "x", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
        assert r.body == b"hi"
    got = o.wait(1)[0]
    assert got["upgrade"] is None and got["http2-settings"] is None and "upgrade" not in (got["connection"] or "").lower()


def test_a_websocket_that_the_server_refuses_is_an_ordinary_answer(site):
    g, _ = site([answer(b"no", status="403 Forbidden"), OK])
    with Client(g.port) as c:
        c.send(HANDSHAKE)
        r = c.response()
        assert (r.status, r.body) == (403, b"no")
        assert c.get("/").body == b"hi"


def test_a_101_to_another_protocol_than_asked_is_a_502(site):
    def script(conn):
        conn.request()
        conn.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nxxxx")
        conn.wait_closed(10)

    g, _ = site(script)
    with Client(g.port) as c:
        c.send(HANDSHAKE)
        assert c.response().status == 502


def test_bytes_right_behind_a_101_and_a_half_close_pass_through(site):
    def script(conn):
        conn.request()
        conn.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
                  b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nearly")
        assert conn.read_until_close() == b"later"
        conn.send(b"goodbye")

    g, _ = site(script)
    with Client(g.port) as c:
        c.send(HANDSHAKE)
        assert c.response().status == 101
        assert c.read_exactly(5) == b"early"
        c.send(b"later")
        c.half_close()
        assert c.read_until_close() == b"goodbye"


# Fields of a hop

def test_fields_of_a_hop_are_not_forwarded(site):
    g, o = site(answer(b"hi", "Connection: X-Private", "X-Private: 1", "Keep-Alive: timeout=5", "Proxy-Connection: close",
                       "X-Public: 2"))
    with Client(g.port) as c:
        r = c.get("/", "x", "Connection: keep-alive, X-Mine", "X-Mine: 1", "Keep-Alive: 300", "Proxy-Connection: keep-alive",
                  "TE: gzip", "X-Ours: 2")
    got = o.wait(1)[0]
    assert [got[name] for name in ("x-mine", "keep-alive", "proxy-connection", "te", "x-ours")] == [None] * 4 + ["2"]
    assert [r[name] for name in ("x-private", "keep-alive", "proxy-connection", "x-public")] == [None] * 3 + ["2"]


def test_connection_cannot_take_away_what_the_server_relies_on(site):
    g, o = site()
    with Client(g.port) as c:
        c.send(request("""
POST / HTTP/1.1
Host: site.test
Connection: Host, Content-Length, Authorization, Cookie, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, Via
Content-Length: 2
Authorization: Basic YTpi
Cookie: a=b""", b"hi"))
        assert c.response().status == 200
    got = o.wait(1)[0]
    assert got.body == b"hi" and got["host"] == "site.test"
    assert got["authorization"] == "Basic YTpi" and got["cookie"] == "a=b"
    assert got["x-forwarded-for"] == "127.0.0.1" and got["x-forwarded-proto"] == "http" and got["via"]


def test_end_to_end_fields_pass_unchanged(site):
    g, o = site(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\nX-Odd: a,  b\tc\r\n"
                b"Content-Type: text/plain\r\n\r\nhi")
    with Client(g.port) as c:
        r = c.get("/p?q=1&r=%20", "site.test:8080", "Accept: */*", "Cookie: x=y; z", "X-Latin: caf\xe9".encode().decode("latin-1"),
                  "Accept-Language: en", "Accept-Language: de")
    got = o.wait(1)[0]
    assert got.line == "GET /p?q=1&r=%20 HTTP/1.1"
    assert got["host"] == "site.test:8080" and got["cookie"] == "x=y; z" and got["accept-language"] == "en, de"
    assert [value for name, value in r.fields if name == "set-cookie"] == ["a=1; Path=/", "b=2"]
    assert r["x-odd"] == "a,  b\tc" and r["content-type"] == "text/plain"


def test_via_is_added_behind_what_stands_there(site):
    g, o = site()
    with Client(g.port) as c:
        c.get("/", "x", "Via: 1.0 first")
        c.send(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
        c.response()
    first, second = (r["via"] for r in o.wait(2))
    assert re.fullmatch(r"1\.0 first, 1\.1 \S+", first), first
    assert re.fullmatch(r"1\.0 \S+", second), second
    assert "gatehouse" not in first.lower()


def test_a_loop_to_itself_is_508(gatehouse):
    port = free_port()
    g = gatehouse(SITE, PORT=port, ORIGIN_PORT=port)
    with Client(g.port) as c:
        assert c.get("/").status == 508


def test_a_loop_through_another_proxy_is_508(gatehouse):
    one, two = free_port(), free_port()
    gatehouse(SITE, PORT=one, ORIGIN_PORT=two)
    gatehouse(SITE, PORT=two, ORIGIN_PORT=one)
    with Client(one) as c:
        r = c.get("/")
        assert r.status == 508 and r["x-request-id"]


def test_two_proxies_in_a_row_are_no_loop(gatehouse, origin):
    o = origin(OK)
    inner = gatehouse(SITE, ORIGIN_PORT=o.port)
    outer = gatehouse(SITE, ORIGIN_PORT=inner.port)
    with Client(outer.port) as c:
        assert c.get("/").body == b"hi"
    assert re.fullmatch(r"1\.1 (\S+), 1\.1 (?!\1$)\S+", o.wait(1)[0]["via"])


# Every answer has an id

def test_every_answer_carries_a_request_id_of_its_own(gatehouse, origin):
    o = origin(OK)
    g = gatehouse("""
log off
reverse site {
    listen 127.0.0.1:${env.PORT}
    deny if path(/denied)
    redirect /there if path(/moved)
    respond 200 body "own" if path(/own)
    to 127.0.0.1:${env.ORIGIN_PORT}
    route /dead/* { to 127.0.0.1:${env.DEAD} }
    route * { }
}
""", ORIGIN_PORT=o.port, DEAD=free_port())
    asked = {"GET /": 200, "GET /denied": 403, "GET /moved": 302, "GET /own": 200, "GET /dead/": 502, "CONNECT x:1": 405,
             "GET /a b": 400, "GET /" + "a" * 9000: 414, "GET /#x": 400}
    ids = set()
    for line, status in asked.items():
        with Client(g.port) as c:
            c.send(f"{line} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            r = c.response()
            assert (r.status, line) == (status, line)
            assert r["x-request-id"], line
            ids.add(r["x-request-id"])
            if r.status >= 400:
                assert r["x-request-id"].encode() in r.body, line    # and so does its page
    with Client(g.port) as c:
        ids |= {c.get("/")["x-request-id"] for _ in range(5)}
    assert len(ids) == len(asked) + 5


# Requests that have two readings, or none

@pytest.mark.parametrize("head,status", [
    ("GET / HTTP/1.1", {400}),
    ("GET / HTTP/1.1\nHost: a\nHost: a", {400}),
    ("GET / HTTP/1.1\nHost: a b", {400}),
    ("GET / HTTP/1.1\nHost: u@a", {400}),
    ("GET / HTTP/1.1\nHost : a", {400}),
    ("GET / HTTP/1.1\nHost: a\nX: b\n c", {400}),
    ("GET / HTTP/1.1\nHost: a\n: b", {400}),
    ("GET / HTTP/1.1\nHost: a\nX: b\0c", {400}),
    ("GET /#f HTTP/1.1\nHost: a", {400}),
    ("GET /%00 HTTP/1.1\nHost: a", {400}),
    ("GET ftp://a/ HTTP/1.1\nHost: a", {400}),
    ("GET http://u@a/ HTTP/1.1\nHost: a", {400}),
    ("GET / HTTP/2.0\nHost: a", {400, 505}),
    ("GET  / HTTP/1.1\nHost: a", {400}),
    ("CONNECT a:443 HTTP/1.1\nHost: a:443", {405}),
    ("POST / HTTP/1.1\nHost: a\nContent-Length: 1\nContent-Length: 1", {400}),
    ("POST / HTTP/1.1\nHost: a\nContent-Length: +1", {400}),
    ("POST / HTTP/1.1\nHost: a\nContent-Length: 1, 1", {400}),
    ("POST / HTTP/1.1\nHost: a\nContent-Length: 1234567890123456789", {400, 413}),
    ("POST / HTTP/1.1\nHost: a\nContent-Length: 0\nTransfer-Encoding: chunked", {400}),
    ("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked, chunked", {400, 501}),
    ("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: gzip", {400, 501}),
])
def test_a_request_that_is_not_clear_is_refused_and_never_forwarded(site, head, status):
    g, o = site()
    with Client(g.port) as c:
        c.send(request(head))
        assert c.response().status in status
        assert c.is_closed()
    assert o.requests == [] and b"".join(o.received) == b""


@pytest.mark.parametrize("end", [b"GET / HTTP/1.1\nHost: a\n\n", b"GET / HTTP/1.1\r\nHost: a\n\r\n", b"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n"])
def test_bare_lf_and_cr_are_refused(site, end):
    g, o = site()
    with Client(g.port) as c:
        c.send(end)
        assert c.response().status == 400
        assert c.is_closed()
    assert o.requests == []


@pytest.mark.parametrize("body", [b"5\nhello\r\n0\r\n\r\n", b"5\r\nhelloX\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"-1\r\n",
                                  b"5 \r\nhello\r\n0\r\n\r\n", b"12345678901234567\r\nx", b"5;=\r\nhello\r\n0\r\n\r\n"])
def test_chunks_that_are_not_valid_are_refused_and_never_ended(site, body):
    g, o = site(lambda conn: conn.request())
    with Client(g.port) as c:
        c.send(request("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked", body))
        assert c.response().status == 400
        assert c.is_closed()
    assert o.requests == [] and not any(data.endswith(b"0\r\n\r\n") for data in o.received)


def test_absolute_form_names_the_host_whatever_the_field_says(site):
    g, o = site()
    with Client(g.port) as c:
        c.send(b"GET http://url.test/a?b HTTP/1.1\r\nHost: field.test\r\n\r\n")
        assert c.response().status == 200
    got = o.wait(1)[0]
    assert (got.line, got["host"]) == ("GET /a?b HTTP/1.1", "url.test")


def test_options_of_the_whole_server_is_forwarded_as_it_is(site):
    g, o = site(answer(b"", "Allow: GET"))
    with Client(g.port) as c:
        c.send(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
        assert c.response()["allow"] == "GET"
    assert o.wait(1)[0].line == "OPTIONS * HTTP/1.1"


def test_the_path_is_forwarded_in_its_one_canonical_form(site):
    g, o = site()
    with Client(g.port) as c:
        for path in ("/a/./b/../c", "/%61%2D%7e", "/%e2%82%ac", "/a%2fb", "/..", "/x?a=/../b"):
            assert c.get(path).status == 200, path
    assert [r.target.upper() for r in o.wait(6)] == ["/A/C", "/A-~", "/%E2%82%AC", "/A%2FB", "/", "/X?A=/../B"]


def test_options_goes_as_far_as_max_forwards_says(site):
    g, o = site(OK)
    with Client(g.port) as c:
        c.send(b"OPTIONS / HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n")
        assert c.response().status == 200 and not o.requests
        c.send(b"OPTIONS / HTTP/1.1\r\nHost: x\r\nMax-Forwards: 7\r\n\r\n")
        assert c.response().status == 200
    assert o.requests[0]["max-forwards"] == "6"


def test_short_and_long_answers_on_one_connection_are_whole(site):
    """What is read with a head depends on how long the answer before it was."""
    def script(conn):
        while request := conn.request():
            body = body_of(int(request.target[1:]))
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def body_of(size):
        return bytes(i * 7 % 251 for i in range(size))

    g, o = site(script, text=ONE_THREAD)
    with Client(g.port) as c:
        for size in (65536, 100, 300000, 65536, 2048, 1900, 300000, 20000, 0, 49152, 49151, 65536):
            assert c.get(f"/{size}").body == body_of(size)
    assert len(o.connections) == 1
