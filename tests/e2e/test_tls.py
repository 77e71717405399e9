"""TLS towards clients: certificates, what is refused, and where the keys are."""
import contextlib, ctypes, fcntl, http.client, json, os, pathlib, re, shutil, signal, socket, ssl, struct, subprocess, termios, threading

import pytest

from lib import SLOWNESS, Client, curl, record_of, records, run, tcp_sockets, until, until_read
from lib.memory import is_in_memory, resident, unmeasurable, unsearchable
from lib.openssl import Tls
from lib.tls import connect, context

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may look at the keeper's sockets")
needs_memory = pytest.mark.skipif(unsearchable() is not None, reason=str(unsearchable()))

SITE = """
reverse site {{
    listen 127.0.0.1:${{env.PORT}} tls
    certificate {0.certificate} {0.key}
    respond 200 body "$scheme $host"
}}
"""


@pytest.fixture(scope="module")
def pair(authority):
    return authority.issue("site.test", "127.0.0.1")


@pytest.fixture(scope="module")
def rsa_pair(authority):
    return authority.issue("site.test", "127.0.0.1", key="rsa:2048")


def get(g, authority, *options, host="127.0.0.1", path="/"):
    return curl(f"https://{host}:{g.port}{path}", "--cacert", authority.certificate, "--resolve", f"{host}:{g.port}:127.0.0.1", *options)


def test_curl_and_the_scheme_that_is_told(gatehouse, authority, pair, nginx):
    g = gatehouse(SITE.format(pair).replace('respond 200 body "$scheme $host"', f"to 127.0.0.1:{nginx.port}"))
    answer = get(g, authority, path="/echo")
    assert answer.status == 200 and b"x-forwarded-proto: https" in answer.body


@pytest.mark.parametrize("version", ["1_2", "1_3"])
def test_both_versions(gatehouse, authority, pair, version):
    g = gatehouse(SITE.format(pair))
    with connect(g, context(authority, version.replace("_", "."))) as c:
        for _ in range(3):
            c.sendall(b"GET / HTTP/1.1\r\nHost: site.test\r\n\r\n")
            assert b"https site.test" in c.recv(4096)
        assert c.version() == "TLSv" + version.replace("_", ".")


def test_a_request_of_each_kind_of_key(gatehouse, authority, pair, rsa_pair):
    both = SITE.format(pair).replace("    respond", f"    certificate {rsa_pair.certificate} {rsa_pair.key}\n    respond")
    g = gatehouse(both)
    for ciphers, kind in (("ECDHE-ECDSA-AES128-GCM-SHA256", "EC"), ("ECDHE-RSA-AES128-GCM-SHA256", "RSA")):
        made = context(authority, "1.2")
        made.set_ciphers(ciphers)
        with connect(g, made) as c:
            shown = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-text"], input=c.getpeercert(True), capture_output=True).stdout
            assert (b"id-ecPublicKey" in shown) == (kind == "EC")
    for algorithm in ("ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512"):
        told = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{g.port}", "-sigalgs", algorithm, "-tls1_3"], input=b"", capture_output=True, timeout=20 * SLOWNESS)
        assert b"New, TLSv1.3" in told.stdout, (algorithm, told.stdout[-500:])


@pytest.mark.parametrize("group,is_fine", [("X25519", True), ("P-256", True), ("P-384", True), ("P-521", True), ("X448", True),
                                           ("ffdhe2048", False), ("ffdhe8192", False), ("ffdhe8192:X25519", True)])
def test_no_group_that_costs_a_server_much(gatehouse, authority, pair, group, is_fine):
    g = gatehouse(SITE.format(pair))
    told = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{g.port}", "-curves", group, "-tls1_3"], input=b"", capture_output=True, timeout=20 * SLOWNESS)
    assert (b"New, TLSv1.3" in told.stdout) == is_fine, told.stdout[-500:]
    if not is_fine:
        until(lambda: "no TLS handshake" in g.errors(), 5, "it is told")


def test_certificates_by_the_name_that_is_asked_for(gatehouse, authority):
    names = ["one.test", "two.test", "three.test"]
    pairs = {n: authority.issue(n) for n in names}
    wild = authority.issue("*.wild.test", "other.test")
    blocks = "".join(f"reverse r{i} {{ listen 127.0.0.1:${{env.PORT}} tls; host {n}; certificate {pairs[n].certificate} {pairs[n].key}; respond 200 body r{i} }}\n"
                     for i, n in enumerate(names))
    blocks += f"reverse w {{ listen 127.0.0.1:${{env.PORT}} tls; host *.wild.test; certificate {wild.certificate} {wild.key}; respond 200 body w }}\n"
    g = gatehouse("\nlog { to stdout; format json }\n" + blocks)
    for i, n in enumerate(names):
        assert get(g, authority, host=n).body == b"r%d" % i
    assert get(g, authority, host="deep.wild.test").body == b"w"
    assert get(g, authority, host="nobody.test").exit == 35                       # alert: unrecognized name
    misdirected = get(g, authority, "-H", "Host: two.test", host="one.test")
    assert misdirected.status == 421 and b"one.test" not in misdirected.body
    assert record_of(g, misdirected)["fault_detail"] == "the TLS greeting was for one.test, another block's"
    unknown = get(g, authority, "-H", "Host: nobody.test", host="one.test")
    assert unknown.status == 421 and record_of(g, unknown)["fault_detail"] == "no block has this host"
    assert get(g, authority, "-k", host="127.0.0.1").status == 421                # no name is asked for: the first certificate, and nobody's host


def test_a_default_block_takes_unknown_names(gatehouse, authority, pair):
    g = gatehouse(SITE.format(pair))
    assert get(g, authority, "-k", host="anything.test").body == b"https anything.test"


def test_sessions_are_resumed(gatehouse, authority, pair):
    g = gatehouse(SITE.format(pair))
    for version in ("-tls1_2", "-tls1_3"):
        told = subprocess.run(["sh", "-c", f"(printf 'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'; sleep 0.3) | openssl s_client -connect 127.0.0.1:{g.port} {version} -sess_out {g.dir}/s -ign_eof & "
                               f"P=$!; sleep 1; kill $P; echo | openssl s_client -connect 127.0.0.1:{g.port} {version} -sess_in {g.dir}/s"],
                              capture_output=True, timeout=30 * SLOWNESS)
        assert b"Reused, TLSv1" in told.stdout, told.stdout[-800:]


def test_large_bodies_and_pipelines(gatehouse, authority, pair, nginx, web_folder):
    g = gatehouse(SITE.format(pair).replace('respond 200 body "$scheme $host"', f"to 127.0.0.1:{nginx.port}"))
    content = os.urandom(6 << 20)
    nginx.file("tls-large", content)
    assert get(g, authority, path="/tls-large").body == content
    assert get(g, authority, "-T", web_folder.put("tls-up", content), path="/put/tls-up").status in (201, 204)
    assert get(g, authority, path="/put/tls-up").body == content
    with connect(g, context(authority)) as c:
        c.sendall(b"GET /status/204 HTTP/1.1\r\nHost: site.test\r\n\r\n" * 20)
        got = b""
        while got.count(b"HTTP/1.1 204") < 20:
            piece = c.recv(65536)
            assert piece
            got += piece


def data_records(stream):
    """How many TLS records of application data stand in the bytes; all are whole."""
    at = count = 0
    while at < len(stream):
        kind, _, length = struct.unpack_from(">BHH", stream, at)
        count += kind == 23
        at += 5 + length
    assert at == len(stream)
    return count


def test_a_head_shares_a_record_with_its_body(gatehouse, authority, pair, origin):
    o = origin(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + 4 * (b"3e8\r\n" + b"x" * 1000 + b"\r\n") + b"0\r\n\r\n")
    g = gatehouse(SITE.format(pair).replace('respond 200 body "$scheme $host"', f"to 127.0.0.1:{o.port}"))
    made = context(authority, "1.2")                            # whose tickets are no application data
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    both = made.wrap_bio(incoming, outgoing, server_hostname="site.test")
    with socket.create_connection(("127.0.0.1", g.port), 10 * SLOWNESS) as plain:
        while True:
            try:
                both.do_handshake()
                break
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                incoming.write(plain.recv(65536))
        both.write(b"GET / HTTP/1.1\r\nHost: site.test\r\n\r\n")
        plain.sendall(outgoing.read())
        raw = got = b""
        while got.count(b"x") < 4000:
            piece = plain.recv(65536)
            assert piece
            raw += piece
            incoming.write(piece)
            try:
                while True:
                    got += both.read(65536)
            except ssl.SSLWantReadError:
                pass
    assert data_records(raw) == 1


def test_a_reader_that_takes_its_time_gets_every_byte(gatehouse, authority, pair, nginx):
    """The socket is full again and again, in the middle of records."""
    g = gatehouse(SITE.format(pair).replace('respond 200 body "$scheme $host"', f"to 127.0.0.1:{nginx.port}"))
    content = os.urandom(8 << 20)
    nginx.file("tls-slow", content)
    plain = Client(g.port, rcvbuf=4096).sock
    with context(authority).wrap_socket(plain, server_hostname="site.test") as c:
        c.sendall(b"GET /tls-slow HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n")
        got = bytearray()
        while piece := c.recv(1000 + len(got) % 50000):
            got += piece
    assert bytes(got[-len(content):]) == content


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_records_as_small_as_the_client_wants_them(gatehouse, authority, pair, nginx, version):
    """RFC 6066 section 4; several pieces are written at once, and each takes many records."""
    g = gatehouse(SITE.format(pair).replace('respond 200 body "$scheme $host"', f"to 127.0.0.1:{nginx.port}"))
    content = os.urandom(1 << 20)
    nginx.file("tls-small", content)
    with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{g.port}", "-servername", "site.test", "-maxfraglen", "512", "-quiet", version],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        client.stdin.write(b"GET /tls-small HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n")
        client.stdin.flush()
        got = client.stdout.read()
    assert got.endswith(content)


def alert_or_close(g, data, within=5):
    with Client(g.port) as c:
        c.send(data)
        got = b""
        c.sock.settimeout(within * SLOWNESS)
        try:
            while piece := c.sock.recv(4096):
                got += piece
        except ConnectionResetError:
            pass
        return got


@pytest.mark.parametrize("data", [
    b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + b"\x00" * 40,               # SSLv2
    b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00",                                  # not a hello
    b"\x16\x03\x01\x40\x01" + b"\x01\x00\xff\xff" + b"a" * 20000,                 # a record that is too long
    b"\x17\x03\x03\x00\x05hello",
], ids=["sslv2", "no hello", "giant", "data"])
def test_what_is_no_hello_is_closed(gatehouse, pair, data):
    g = gatehouse(SITE.format(pair))
    got = alert_or_close(g, data)
    assert got == b"" or got[0] == 0x15, got[:50]


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize("method,length", [("GET", 0), ("POST", 3000000), ("CONNECT", 0), ("OPTIONS", 0)])
def test_http_in_clear_is_told_that_this_is_tls(gatehouse, authority, pair, mode, method, length):
    """Also before its whole body was sent; and nothing is done for it."""
    text = SITE.format(pair).replace("reverse site", mode + " site").replace("    respond", "    tls { hsts 1h }\n    respond")
    if mode == "forward":
        text = re.sub("    tls .*\n    respond.*", "    allow", text)
    g = gatehouse("\nlog { to stdout; format json }" + text)
    target = "site.test:443" if method == "CONNECT" else "/"
    with socket.create_connection(("127.0.0.1", g.port), 10) as c:
        c.sendall(f"{method} {target} HTTP/1.1\r\nHost: site.test\r\nContent-Length: {length}\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):
            c.sendall(bytes(length))
        answer = http.client.HTTPResponse(c, method="GET")
        answer.begin()
        page = answer.read()
    assert answer.status == 400 and answer.getheader("Connection") == "close" and b"This port is for TLS" in page
    assert answer.getheader("Strict-Transport-Security") is None                     # RFC 6797 7.2
    assert records(g, 1)[0]["fault"] == "not-tls"
    until(lambda: "no TLS handshake: http request" in g.errors(), 10, "the notice")


@pytest.mark.parametrize("sent", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /\r\n\r\n", b"EHLO site.test\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
                                  b"GET / HTTP/1.1\r\n\r\n"])
def test_whatever_in_clear_is_told_that_this_is_tls(gatehouse, pair, sent):
    g = gatehouse("\nlog { to stdout; format json }" + SITE.format(pair))
    with Client(g.port) as c:
        c.send(sent)
        answer = c.response()
        assert answer.status == 400 and b"This port is for TLS" in answer.body
    assert records(g, 1)[0]["fault"] == "not-tls"


@pytest.mark.parametrize("is_apart", [True, False])
def test_http_in_clear_behind_a_proxy_header(gatehouse, pair, is_apart):
    g = gatehouse("\nlog { to stdout; format json }" + SITE.format(pair).replace(" tls\n", " tls proxy-protocol from 127.0.0.1\n"))
    with Client(g.port) as c:
        header, request = b"PROXY TCP4 192.0.2.7 192.0.2.1 1000 443\r\n", b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
        for data in (header, request) if is_apart else (header + request,):
            c.send(data)
        answer = c.response(head=True)
        assert answer.status == 400 and answer["connection"] == "close" and c.recv() == b""
    line = records(g, 1)[0]
    assert (line["client"], line["fault"]) == ("192.0.2.7", "not-tls")


def test_http_in_clear_behind_a_hello_is_none(gatehouse, pair):
    g = gatehouse(SITE.format(pair))
    got = alert_or_close(g, hello() + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert got[:1] == b"\x16" and b"HTTP" not in got


def test_who_stays_after_http_in_clear_is_closed(gatehouse, pair):
    g = gatehouse(SITE.format(pair))
    with Client(g.port) as c:
        c.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert c.response().status == 400
        until(lambda: connections_open(g) == 0, 5, "it is closed")


def test_http_in_clear_has_the_times_of_requests(gatehouse, pair):
    g = gatehouse("\ntimeouts { client-header 300ms }\n" + SITE.format(pair))
    with socket.create_connection(("127.0.0.1", g.port), 10) as c:
        for byte in b"GET":
            c.sendall(bytes([byte]))
        assert c.recv(100).startswith(b"HTTP/1.1 408 ")


def connections_open(g):
    return json.loads(g.command("status", "--json").stdout)["connections_open"]


@pytest.mark.parametrize("is_reset", [True, False])
def test_who_leaves_while_the_keeper_is_waited_for_is_gone_at_once(gatehouse, authority, pair, is_reset):
    g = gatehouse(SITE.format(pair))
    with connect(g, context(authority)):                        # the worker has a line to it
        pass
    keeper = g.processes()["gatehouse-key"]
    until(lambda: connections_open(g) == 0, 10, "the first is gone")
    os.kill(keeper, signal.SIGSTOP)
    try:
        clients = [socket.create_connection(("127.0.0.1", g.port)) for _ in range(300)]      # more than there are jobs
        greeting = hello()
        for c in clients:
            c.sendall(greeting)
        until(lambda: connections_open(g) == 300, 10, "all are accepted")
        until_read(g.port, [c.getsockname()[1] for c in clients])
        for c in clients:
            if is_reset:
                c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            c.close()
        until(lambda: connections_open(g) == 0, 5, "they are gone")
    finally:
        os.kill(keeper, signal.SIGCONT)
    with connect(g, context(authority)) as c:
        assert c.version() == "TLSv1.3"


@pytest.mark.parametrize("count", [1, 300])
def test_who_leaves_with_the_greeting_is_gone_at_once(gatehouse, authority, pair, count):
    """The worker hears of both in one event, which tells of the greeting only."""
    g = gatehouse("\nthreads 1\n" + SITE.format(pair))
    with connect(g, context(authority)):                        # the worker has a line to the keeper
        pass
    until(lambda: connections_open(g) == 0, 10, "the first is gone")
    clients = [socket.create_connection(("127.0.0.1", g.port)) for _ in range(count)]
    until(lambda: connections_open(g) == count, 10, "they are accepted")
    here, greeting = g.processes(), hello()
    os.kill(here["gatehouse-key"], signal.SIGSTOP)
    try:
        os.kill(here["gatehouse"], signal.SIGSTOP)
        try:
            for c in clients:
                c.sendall(greeting)
                c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                c.close()
        finally:
            os.kill(here["gatehouse"], signal.SIGCONT)
        until(lambda: connections_open(g) == 0, 5, "they are gone")
    finally:
        os.kill(here["gatehouse-key"], signal.SIGCONT)
    with connect(g, context(authority)) as c:
        assert c.version() == "TLSv1.3"


# Records without data

QUIET = 64                                                       # so many are let through, less those that data make up for
REQUEST = b"GET / HTTP/1.1\r\nHost: site.test\r\n\r\n"


class Greeted(Client):
    """A client after its handshake, with .tls."""

    def __init__(self, g):
        super().__init__(g.port)
        self.tls = Tls()
        self.tls.shake_hands_over(self)

    def send_changes(self, count):
        """All at once: the worker may read them in one go."""
        for _ in range(count):
            self.tls.change_keys()
        self.send(self.tls.take())

    def is_answered(self):
        self.tls.write(REQUEST)
        self.send(self.tls.take())
        got = b""
        while not got.endswith(b"https site.test"):
            got += self.tls.read_from(self)
        return got.startswith(b"HTTP/1.1 200 ")


def test_changes_of_keys_between_data_are_fine(gatehouse, pair):
    g = gatehouse(SITE.format(pair))
    with Greeted(g) as c:
        c.send_changes(QUIET)
        assert c.is_answered()
    with Greeted(g) as c:
        for _ in range(3 * QUIET):
            c.send_changes(1)
            assert c.is_answered()


@pytest.mark.parametrize("count", [QUIET + 1, 2000])
def test_changes_of_keys_without_end_end_the_connection(gatehouse, pair, count):
    g = gatehouse("\nthreads 1\n" + SITE.format(pair))
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(Greeted(g))
        senders = [stack.enter_context(Greeted(g)) for _ in range(8)]
        for c in senders:
            with contextlib.suppress(ConnectionError):
                c.send_changes(count)
            assert other.is_answered()
        assert all(c.is_closed() for c in senders) and other.is_answered()


@pytest.mark.filterwarnings("ignore:.*deprecated")
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_old_versions_are_refused(gatehouse, authority, pair, version):
    g = gatehouse(SITE.format(pair))
    made = context(authority)
    made.set_ciphers("DEFAULT@SECLEVEL=0")
    made.minimum_version = made.maximum_version = getattr(ssl.TLSVersion, version)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(g, made)


def hello():
    """A real ClientHello."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="site.test").do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()


@pytest.mark.parametrize("protocols,is_fine", [(60, True), (255, False)])
def test_a_hello_may_not_be_as_long_as_the_library_takes_it(gatehouse, pair, protocols, is_fine):
    g = gatehouse(SITE.format(pair))
    made = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    made.set_alpn_protocols(["http/1.1"] + [f"{i:03}" + 252 * "x" for i in range(protocols)])
    with contextlib.suppress(ssl.SSLWantReadError):
        made.wrap_bio(incoming, outgoing, server_hostname="site.test").do_handshake()
    got = b""
    with socket.create_connection(("127.0.0.1", g.port), 10 * SLOWNESS) as c, contextlib.suppress(ConnectionError):
        c.sendall(outgoing.read())
        got = c.recv(1)
    assert (got == b"\x16") == is_fine
    if not is_fine:
        until(lambda: "no TLS handshake: its hello is too long" in g.errors(), 5, "it is told")


def test_a_hello_in_many_small_records(gatehouse, pair):
    g = gatehouse(SITE.format(pair))
    body = hello()[5:]
    with Client(g.port) as c:
        for at in range(0, len(body), 7):
            piece = body[at:at + 7]
            c.send(b"\x16\x03\x01" + struct.pack(">H", len(piece)) + piece)
        assert c.sock.recv(5)[:1] == b"\x16"


def test_a_handshake_that_stalls_is_ended(gatehouse, pair):
    g = gatehouse("\ntimeouts { tls-handshake 500ms }\n" + SITE.format(pair))
    for data in (b"", hello()[:50]):
        with Client(g.port) as c:
            c.send(data)
            assert c.is_closed(5)
    assert get_status(g)["handshakes_failed"] >= 2


def get_status(g):
    return json.loads(g.command("status", "--json").stdout)


def test_a_forward_listener_speaks_tls(gatehouse, authority, pair, nginx):
    g = gatehouse(f"forward office {{ listen 127.0.0.1:${{env.PORT}} tls; certificate {pair.certificate} {pair.key}; deny-private off; ports {nginx.port}; "
                  f"tunnel-ports {nginx.port}; allow }}\n")
    for more in ((), ("-p",)):
        answer = curl(nginx.url("/echo"), "--proxy-cacert", authority.certificate, *more, proxy=f"https://127.0.0.1:{g.port}")
        assert answer.status == 200 and b"GET /echo" in answer.body


def test_behind_a_proxy_header(gatehouse, authority, pair, nginx):
    text = SITE.format(pair).replace(" tls\n", " tls proxy-protocol from 127.0.0.0/8\n").replace('respond 200 body "$scheme $host"', f"to 127.0.0.1:{nginx.port}")
    g = gatehouse(text)
    answer = get(g, authority, "--haproxy-protocol", path="/echo")
    assert b"x-forwarded-for: 127.0.0.1" in answer.body
    with socket.create_connection(("127.0.0.1", g.port)) as plain:
        made = context(authority)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        both = made.wrap_bio(incoming, outgoing, server_hostname="site.test")
        with pytest.raises(ssl.SSLWantReadError):
            both.do_handshake()
        plain.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n" + outgoing.read())     # in one piece
        while True:
            incoming.write(plain.recv(65536))
            try:
                both.do_handshake()
                break
            except ssl.SSLWantReadError:
                pass
        both.write(b"GET /echo HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n")
        plain.sendall(outgoing.read())
        got = b""
        while piece := plain.recv(65536):
            incoming.write(piece)
            try:
                while part := both.read(65536):
                    got += part
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLZeroReturnError:
                break
        assert b"x-forwarded-for: 192.0.2.7" in got


# Keys

def private_parts(pair):
    """Byte strings that only the key has, as they would lie in memory: big and little endian, and the text of its file."""
    text = subprocess.run(["openssl", "pkey", "-in", pair.key, "-noout", "-text"], check=True, capture_output=True, text=True).stdout
    parts = []
    for name in ("priv", "prime1", "prime2", "privateExponent", "exponent1", "exponent2", "coefficient"):
        if found := re.search(rf"^{name}:\n((?:    [0-9a-f:]+\n?)+)", text, re.M):
            number = bytes.fromhex(re.sub(r"[^0-9a-f]", "", found[1])).lstrip(b"\0")
            parts += [number, number[::-1]]
    with open(pair.key, "rb") as file:
        parts.append(b"".join(file.read().splitlines()[1:3]))
        file.seek(0)
        parts.append(file.read().splitlines()[1])
    return [p[:24] for p in parts]


def handshakes(g, authority, count=20):
    for _ in range(count):
        with connect(g, context(authority)) as c:
            c.sendall(b"GET / HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n")
            assert b"200" in c.recv(4096)


@needs_memory
@pytest.mark.parametrize("key", ["EC", "RSA"])
def test_no_part_of_a_key_is_in_the_worker(gatehouse, authority, pair, rsa_pair, key):
    shown = {"EC": pair, "RSA": rsa_pair}[key]
    g = gatehouse(SITE.format(shown))
    handshakes(g, authority)
    assert g.reload().returncode == 0
    handshakes(g, authority)
    pids = g.processes()
    parts = private_parts(shown)
    assert len(parts) >= 3
    assert is_in_memory(pids["gatehouse-key"], parts)       # the search works
    assert not is_in_memory(pids["gatehouse"], parts) and not is_in_memory(g.pid, parts)


@needs_memory
@pytest.mark.parametrize("order", ["certificate first", "key first"])
def test_a_key_in_the_certificates_file_stays_out_of_the_worker(gatehouse, authority, pair, web_folder, order):
    files = [pair.certificate, pair.key] if order == "certificate first" else [pair.key, pair.certificate]
    both = pathlib.Path(web_folder / "both.pem")
    both.write_bytes(b"".join(open(name, "rb").read() for name in files))
    link = pathlib.Path(web_folder / "link.pem")
    link.symlink_to(both)
    both.chmod(0o600)
    for key in (both, pair.key):
        g = gatehouse(SITE.format(pair).replace(pair.certificate, str(link)).replace(pair.key, str(key)))
        handshakes(g, authority)
        assert g.reload().returncode == 0
        handshakes(g, authority)
        pids, parts = g.processes(), private_parts(pair)
        assert is_in_memory(pids["gatehouse-key"], parts)
        assert not is_in_memory(pids["gatehouse"], parts) and not is_in_memory(g.pid, parts)


def test_a_key_that_is_named_as_a_certificate(gatehouse, pair, web_folder):
    link = pathlib.Path(web_folder / "link.pem")
    link.symlink_to(pair.key)
    with pytest.raises(AssertionError, match="there is no whole certificate in"):
        gatehouse(SITE.format(pair).replace(pair.certificate, str(link)))


@needs_memory
@pytest.mark.parametrize("order", ["the key's block first", "the key's block last"])
def test_a_key_of_one_block_is_no_certificate_of_another(gatehouse, authority, pair, order):
    block = "reverse {0} {{ listen 127.0.0.1:${{env.PORT}} tls; host {0}.test; certificate {1} {2}; respond 200 }}\n"
    own, other = block.format("site", pair.certificate, pair.key), block.format("other", pair.key, authority.issue("other.test").key)
    g = gatehouse("\n" + own)
    refused = g.reload("\n" + (own + other if order == "the key's block first" else other + own))
    assert refused.returncode == 1
    assert re.search(rf"there is no whole certificate in '{pair.key}'", refused.stdout + refused.stderr), refused.stderr
    handshakes(g, authority)
    pids, parts = g.processes(), private_parts(pair)
    assert is_in_memory(pids["gatehouse-key"], parts)
    assert not is_in_memory(pids["gatehouse"], parts) and not is_in_memory(g.pid, parts)


@needs_memory
def test_a_key_in_a_file_of_authorities_stays_out_of_the_worker(gatehouse, authority, pair, web_folder):
    both = pathlib.Path(web_folder / "both.pem")
    both.write_bytes(b"".join(open(name, "rb").read() for name in (pair.key, authority.certificate)))
    text = SITE.format(pair) + f"pool app {{ server https://127.0.0.1:1; tls {{ ca {both} }} }}\nreverse other {{ listen unix:{web_folder}/s; pool app }}\n"
    g = gatehouse(text.replace("    respond", f"    tls {{ client-ca {both}; client-certificate optional }}\n    respond"))
    handshakes(g, authority)
    assert g.reload().returncode == 0
    assert is_in_memory(g.processes()["gatehouse-key"], private_parts(pair))
    assert not is_in_memory(g.processes()["gatehouse"], private_parts(pair)) and not is_in_memory(g.pid, private_parts(pair))


@needs_memory
def test_a_key_in_force_is_no_file_of_the_next_configuration(gatehouse, authority, pair, web_folder):
    both, other = pathlib.Path(web_folder / "both.pem"), authority.issue("site.test", "127.0.0.1")
    both.write_bytes(b"".join(open(name, "rb").read() for name in (pair.certificate, pair.key)))
    g = gatehouse(SITE.format(pair).replace(pair.key, str(both)))
    handshakes(g, authority)
    g.write(SITE.format(other) + f"pool app {{ server https://127.0.0.1:1; tls {{ ca {both} }} }}\nreverse other {{ listen unix:{web_folder}/s; pool app }}\n")
    told = g.reload()
    assert told.returncode == 1 and "the file of authorities cannot be read" in told.stdout + told.stderr
    assert not is_in_memory(g.processes()["gatehouse"], private_parts(pair)) and not is_in_memory(g.pid, private_parts(pair))
    handshakes(g, authority)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's keeper has a user of its own")
def test_the_keeper_is_nobodys_and_can_do_nothing_else(gatehouse, authority, pair):
    g = gatehouse(SITE.format(pair))
    pids = g.processes()
    status = {name: open(f"/proc/{pid}/status", encoding="utf-8").read() for name, pid in pids.items()}
    uid = {name: re.search(r"^Uid:\s+(\d+)", text, re.M)[1] for name, text in status.items()}
    assert uid["gatehouse-key"] not in ("0", uid["gatehouse"])
    assert re.search(r"^CapEff:\s+0+$", status["gatehouse-key"], re.M) and "NoNewPrivs:\t1" in status["gatehouse-key"]


def test_the_keeper_lets_others_go_first(gatehouse, authority, pair):
    g = gatehouse(SITE.format(pair))
    worker = g.processes()["gatehouse"]
    for _ in range(2):
        handshakes(g, authority, 1)
        keeper = g.processes()["gatehouse-key"]
        assert os.sched_getscheduler(keeper) == os.SCHED_BATCH
        assert os.getpriority(os.PRIO_PROCESS, keeper) == min(os.getpriority(os.PRIO_PROCESS, worker) + 15, 19)
        os.kill(keeper, signal.SIGKILL)
        until(lambda: g.processes().get("gatehouse-key", keeper) != keeper, 10, "another keeper")


def test_the_keeper_keeps_a_policy_that_was_chosen_for_all(gatehouse, authority, pair):
    g = gatehouse(SITE.format(pair))
    before = g.processes()["gatehouse-key"]
    os.sched_setscheduler(g.pid, os.SCHED_IDLE, os.sched_param(0))
    os.kill(before, signal.SIGKILL)
    until(lambda: g.processes().get("gatehouse-key", before) != before, 10, "another keeper")
    handshakes(g, authority, 1)
    keeper = g.processes()["gatehouse-key"]
    assert os.sched_getscheduler(keeper) == os.SCHED_IDLE
    assert os.getpriority(os.PRIO_PROCESS, keeper) == os.getpriority(os.PRIO_PROCESS, g.pid)


def test_a_keeper_that_is_killed(gatehouse, authority, pair):
    g = gatehouse(SITE.format(pair))
    with connect(g, context(authority)) as old:
        for _ in range(3):
            before = g.processes()["gatehouse-key"]
            os.kill(before, signal.SIGKILL)
            handshakes(g, authority, 3)
            old.sendall(b"GET / HTTP/1.1\r\nHost: site.test\r\n\r\n")
            assert b"200" in old.recv(4096)
            until(lambda: g.processes().get("gatehouse-key", before) != before, 10, "another keeper")


def test_a_keeper_that_stands_still_holds_up_handshakes_alone(gatehouse, authority, pair):
    g = gatehouse("\nthreads 1\n" + SITE.format(pair))
    keeper = g.processes()["gatehouse-key"]
    with connect(g, context(authority)) as old:
        os.kill(keeper, signal.SIGSTOP)
        done = []
        waiting = threading.Thread(target=lambda: done.append(handshakes(g, authority, 1)), daemon=True)
        waiting.start()
        given_up = [socket.create_connection(("127.0.0.1", g.port)) for _ in range(5)]
        for one in given_up:
            one.sendall(hello())
        for _ in range(5):
            old.sendall(b"GET / HTTP/1.1\r\nHost: site.test\r\n\r\n")
            assert b"200" in old.recv(4096)
        for one in given_up:
            one.close()
        assert not done
        os.kill(keeper, signal.SIGCONT)
        waiting.join(10 * SLOWNESS)
        assert done
    handshakes(g, authority, 2)


def test_a_keeper_that_stands_still_is_not_waited_for_at_the_end(gatehouse, authority, pair):
    g = gatehouse(SITE.format(pair))
    handshakes(g, authority, 1)
    os.kill(g.processes()["gatehouse-key"], signal.SIGSTOP)
    g.stop()


QUESTION = 1064                                             # bytes of one to the keeper: src/net/keeper_protocol.h


def questions_waiting(keeper):
    """How many nobody has read yet, as the kernel says it of the keeper's sockets."""
    libc, waiting = ctypes.CDLL(None, use_errno=True), 0
    pidfd = os.pidfd_open(keeper)
    for name in os.listdir(f"/proc/{keeper}/fd"):
        if not os.readlink(f"/proc/{keeper}/fd/{name}").startswith("socket:"):
            continue
        fd = libc.syscall(438, pidfd, int(name), 0)         # pidfd_getfd
        assert fd >= 0, os.strerror(ctypes.get_errno())
        waiting += struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))[0] // QUESTION
        os.close(fd)
    os.close(pidfd)
    return waiting


def waiting_in_a_rush(g, keeper):
    """How many are asked for at once, when those that had jobs at first are over."""
    rush = [socket.create_connection(("127.0.0.1", g.port), 20 * SLOWNESS) for _ in range(1200)]
    os.kill(keeper, signal.SIGSTOP)
    greeting = hello()
    for one in rush:
        one.sendall(greeting)
    until(lambda: sum(s.local == g.port and s.unread > 0 for s in tcp_sockets()) <= len(rush) - 256, 10, "each job has its handshake")
    os.kill(keeper, signal.SIGCONT)
    for one in rush[:300]:
        assert one.recv(1)
    os.kill(keeper, signal.SIGSTOP)
    with contextlib.suppress(AssertionError):
        until(lambda: questions_waiting(keeper) > 32, 2, "many are asked for")
    waiting = questions_waiting(keeper)
    os.kill(keeper, signal.SIGCONT)
    for one in rush:
        one.close()
    return waiting


@only_root
def test_each_job_that_is_free_is_for_another_handshake(gatehouse, authority, pair):
    g = gatehouse("\nthreads 1\ntimeouts { tls-handshake 60s }\n" + SITE.format(pair))
    keeper = g.processes()["gatehouse-key"]
    handshakes(g, authority, 1)
    # On a busy machine all may be over before the keeper is stopped.
    assert any(waiting_in_a_rush(g, keeper) > 32 for _ in range(5))


@only_root
def test_nothing_is_asked_for_a_client_that_has_gone(gatehouse, authority, rsa_pair):
    g = gatehouse("\nthreads 1\ntimeouts { tls-handshake 2s; }\n" + SITE.format(rsa_pair))
    keeper = g.processes()["gatehouse-key"]
    handshakes(g, authority, 1)
    os.kill(keeper, signal.SIGSTOP)
    for count in range(1, 6):
        one = socket.create_connection(("127.0.0.1", g.port))
        one.sendall(hello())
        until(lambda: questions_waiting(keeper) == count, 5, "the question")
        one.close()
    until(lambda: not any(s.local == g.port and s.state == "CLOSE_WAIT" for s in tcp_sockets()), 10, "they are given up")
    assert questions_waiting(keeper) == 5
    os.kill(keeper, signal.SIGCONT)
    handshakes(g, authority, 1)


def test_a_rush_of_handshakes_leaves_no_memory_behind(gatehouse, authority, pair):
    if unmeasurable():
        pytest.skip(unmeasurable())
    g = gatehouse("\nthreads 1\n" + SITE.format(pair))
    worker = g.processes()["gatehouse"]
    keeper = g.processes()["gatehouse-key"]
    handshakes(g, authority, 1)
    os.kill(keeper, signal.SIGSTOP)
    before = resident(worker)
    greeting = hello()                                  # one for all: making it takes longer than the handshake on a busy machine
    rush = [socket.create_connection(("127.0.0.1", g.port)) for _ in range(200)]
    for one in rush:
        one.sendall(greeting)
    until(lambda: all(s.unread == 0 for s in tcp_sockets() if s.local == g.port), 10, "all hellos are read")
    each = (resident(worker) - before) // len(rush)
    assert each > 16 << 10                              # else it is not what is measured here
    os.kill(keeper, signal.SIGCONT)
    for one in rush:
        one.close()
    until(lambda: (resident(worker) - before) // len(rush) < each // 4, 10, "most of it is given back")
    handshakes(g, authority, 2)


def test_who_connects_and_says_nothing_costs_little_memory(gatehouse, authority, pair):
    if unmeasurable():
        pytest.skip(unmeasurable())
    g = gatehouse("\nthreads 1\n" + SITE.format(pair))
    handshakes(g, authority, 1)
    worker = g.processes()["gatehouse"]
    before = resident(worker)
    silent = [socket.create_connection(("127.0.0.1", g.port)) for _ in range(300)]
    handshakes(g, authority, 1)                         # they were accepted before it
    quiet = resident(worker)
    assert (quiet - before) // len(silent) < 4096
    for one in silent:
        one.sendall(b"\x16")
    until(lambda: (resident(worker) - before) // len(silent) > 16 << 10, 10, "a handshake begins with the first byte")
    for one in silent:
        one.close()
    handshakes(g, authority, 1)


def silent(g):
    """A connection that was accepted, and has said nothing: what comes after it finds it there, with one thread."""
    one = socket.create_connection(("127.0.0.1", g.port), 10 * SLOWNESS)
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", g.port), 10 * SLOWNESS) as next_one:
        next_one.sendall(b"\x15\x03\x03\x00\x02\x02\x00")
        while next_one.recv(4096):
            pass
    return one


def answer(one, authority):
    with context(authority).wrap_socket(one, server_hostname="site.test") as c:
        c.sendall(b"GET / HTTP/1.1\r\nHost: site.test\r\n\r\n")
        return c.recv(4096), c.getpeercert()["serialNumber"]


def test_who_was_silent_during_a_reload_is_greeted_by_what_is_in_force(gatehouse, authority):
    conf = "\nthreads 1\n" + SITE
    g = gatehouse(conf.format(authority.issue("site.test")))
    with silent(g) as one:
        assert g.reload(conf.format(authority.issue("site.test"))).returncode == 0
        keeper = g.processes()["gatehouse-key"]
        os.kill(keeper, signal.SIGKILL)                                          # the next one has no key of the former pair
        until(lambda: g.processes().get("gatehouse-key", keeper) != keeper, 10, "another keeper")
        told, serial = answer(one, authority)
        assert b" 200 " in told
        with connect(g, context(authority)) as now:
            assert now.getpeercert()["serialNumber"] == serial


def test_who_was_silent_while_tls_went_away_is_told_so(gatehouse, authority, pair):
    conf = "\nthreads 1\n" + SITE.format(pair)
    g = gatehouse(conf)
    with silent(g) as one:
        assert g.reload(re.sub("tls$|certificate .*", "", conf, flags=re.M)).returncode == 0
        assert curl(g.url(), "-H", "Host: site.test").body == b"http site.test"
        assert b" 503 " in answer(one, authority)[0]


def test_a_certificate_that_changes_is_served_after_a_reload(gatehouse, authority, web_folder):
    def put(pair):
        for name, path in (("c.pem", pair.certificate), ("k.pem", pair.key)):
            shutil.copy(path, web_folder / name)
            os.chmod(web_folder / name, 0o644)
    first, second = authority.issue("site.test"), authority.issue("site.test")
    put(first)
    g = gatehouse(SITE.format(first).replace(first.certificate, web_folder / "c.pem").replace(first.key, web_folder / "k.pem"))
    def serial():
        with connect(g, context(authority)) as c:
            return c.getpeercert()["serialNumber"]
    before = serial()
    with connect(g, context(authority)) as old:
        shutil.copy(second.certificate, web_folder / "c.pem")                    # by halves: refused, the old pair stays
        refused = g.reload()
        assert refused.returncode == 1 and "does not match the key" in refused.stdout + refused.stderr
        assert serial() == before
        put(second)
        assert g.reload().returncode == 0
        assert serial() != before
        old.sendall(b"GET / HTTP/1.1\r\nHost: site.test\r\n\r\n")
        assert b"200" in old.recv(4096)


@pytest.mark.parametrize("line,expected", [
    ("certificate C C", "certificate and key need files of their own"),
    ("certificate C K; certificate C OTHER; certificate C K", "' stands in this block twice"),
    ("certificate C OTHER", "does not match the key"),
    ("certificate C MISSING", "No such file"),
    ("certificate MISSING K", "cannot read the certificate"),
    ("certificate K C", "there is no whole certificate in"),
    ("certificate C LOCKED", "no private key in PEM, or one with a pass phrase"),
    ("certificate C OPEN", "others can write to the file"),
    ("", "has no certificate to speak TLS with"),
])
def test_mistakes(gatehouse, web_folder, authority, pair, line, expected):
    other = authority.issue("other.test")
    locked, open_ = web_folder / "locked.pem", web_folder / "open.pem"
    subprocess.run(["openssl", "pkey", "-in", pair.key, "-aes128", "-passout", "pass:x", "-out", locked], check=True, capture_output=True)
    shutil.copy(pair.key, open_)
    os.chmod(open_, 0o666)
    words = {"C": pair.certificate, "K": pair.key, "OTHER": other.key, "MISSING": "/nowhere/x.pem", "LOCKED": locked, "OPEN": open_}
    line = "".join(str(words.get(w, w)) for w in re.split(r"([ ;])", line))
    path = web_folder.put("g.conf", f"reverse r {{ listen 127.0.0.1:8443 tls; {line}; respond 200 }}\n")
    result = run("check", "-c", path)
    assert result.returncode == 1 and expected in result.stdout + result.stderr, result.stdout + result.stderr


def test_two_blocks_must_agree_on_tls(web_folder, pair):
    path = web_folder.put("g.conf", f"reverse a {{ listen 127.0.0.1:8443 tls; host a; certificate {pair.certificate} {pair.key}; respond 200 }}\n"
                          "reverse b { listen 127.0.0.1:8443; host b; respond 200 }\n")
    result = run("check", "-c", path)
    assert result.returncode == 1 and "must agree on what follows the address" in result.stdout + result.stderr
