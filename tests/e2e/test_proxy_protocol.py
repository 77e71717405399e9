"""The PROXY protocol, in (`listen … proxy-protocol from CIDR`) and out (`proxy-protocol v1|v2` of a pool), with the programs that speak it."""
import os, shutil, socket, struct

import pytest

from lib import Authority, Client, curl, free_port, record_of, records, run, temp_dir, until
from lib.wait import Process

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
GET = b"GET / HTTP/1.1\r\nHost: site.test\r\n\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V1 = b"PROXY TCP4 203.0.113.9 198.51.100.2 4711 80\r\n"
V1_SIX = b"PROXY TCP6 2001:db8::9 2001:db8::2 4711 80\r\n"


def v2(command, family, body):
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(body)) + body


def v2_tcp4(source="203.0.113.9", tlvs=b""):
    return v2(0x21, 0x11, socket.inet_aton(source) + socket.inet_aton("198.51.100.2") + struct.pack("!HH", 4711, 80) + tlvs)


def site(what, source="127.0.0.0/8", before=""):
    return f"""
log {{ to stdout; format json }}
{before}
reverse site {{
    listen 127.0.0.1:${{env.PORT}} proxy-protocol from {source}
    {what}
}}
"""


SEES = 'respond 200 body "$client_address $client_port"'


def ask(g, header, request=GET):
    with Client(g.port) as c:
        c.send(header + request)
        return c.response()


# In

@pytest.mark.parametrize("header,seen", [
    (V1, "203.0.113.9 4711"), (V1_SIX, "2001:db8::9 4711"), (v2_tcp4(), "203.0.113.9 4711"),
    (v2_tcp4(tlvs=b"\x02\0\x09site.test" + b"\x04\x0f\x00" + bytes(0xf00)), "203.0.113.9 4711"),
    (v2(0x21, 0x21, socket.inet_pton(socket.AF_INET6, "2001:db8::9") + bytes(16) + b"\x12\x67\0\x50"), "2001:db8::9 4711"),
    (b"PROXY UNKNOWN\r\n", None), (v2(0x20, 0, b""), None), (v2(0x21, 0, b"whatever"), None), (v2(0x21, 0x31, bytes(216)), None),
])
def test_the_client_is_whom_the_header_names(gatehouse, header, seen):
    g = gatehouse(site(SEES))
    with Client(g.port) as c:
        peer = "127.0.0.1 %d" % c.sock.getsockname()[1]
        c.send(header + GET + GET)
        first, second = c.response(), c.response()
        assert first.body.decode() == second.body.decode() == (seen or peer)


@pytest.mark.parametrize("header", [V1, v2_tcp4()])
def test_the_header_may_come_in_pieces(gatehouse, header):
    g = gatehouse(site(SEES))
    with Client(g.port) as c:
        for at in range(len(header)):
            c.send(header[at:at + 1])
        c.send(GET)
        assert c.response().body == b"203.0.113.9 4711"


@pytest.mark.parametrize("bytes_", [
    GET, b"\x16\x03\x01\x02\0", b"PROXY TCP4 203.0.113.9 198.51.100.2 04711 80\r\n" + GET, b"PROXY TCP4 203.0.113.9 198.51.100.2 4711 80\n" + GET,
    b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n" + GET, b"PROXY " + b"x" * 200, v2(0x22, 0x11, bytes(12)) + GET, v2(0x21, 0x11, bytes(11)) + GET,
    SIGNATURE + b"\x21\x11\xff\xff", v2(0x21, 0x11, bytes(12) + b"\x03\0\x04abcd") + GET, V1 + V1 + GET,
])
def test_what_is_no_header_is_closed_without_a_word(gatehouse, bytes_):
    g = gatehouse(site(SEES))
    with Client(g.port) as c:
        c.send(bytes_)
        if bytes_.startswith(V1):                       # one only; the second is a request line
            assert c.response().status == 400
        else:
            assert c.read_until_close() == b""
    assert ask(g, V1).status == 200


def test_who_leaves_within_the_header_is_no_news(gatehouse):
    g = gatehouse(site(SEES))
    for part in (b"", b"PROXY", SIGNATURE):
        with Client(g.port) as c:
            c.send(part)
            c.half_close()
            assert c.read_until_close() == b""
    with Client(g.port) as c:
        c.send(b"PROXY")
        c.reset()
    assert ask(g, V1).status == 200
    assert len(records(g)) == 1


@pytest.mark.parametrize("sent,status", [(b"", None), (b"PROXY TCP4", None), (V1, None), (V1 + b"GET / HTTP/1.1\r\n", 408)])
def test_the_time_of_the_header_is_that_of_the_whole_head(gatehouse, sent, status):
    g = gatehouse(site(SEES, before="timeouts { client-header 500ms }"))
    with Client(g.port) as c:
        c.send(sent)
        if status:
            assert c.response().status == status
        assert c.is_closed(5)
        assert status or not c.buffer


def test_other_sources_have_no_header(gatehouse):
    g = gatehouse(site(SEES, source="10.0.0.0/8 2001:db8::/32"))
    assert ask(g, b"").body.startswith(b"127.0.0.1 ")
    assert ask(g, V1).status == 400
    assert ask(g, v2_tcp4()).status == 400


def test_rules_logs_and_servers_see_the_client(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(site("deny as foe if source(203.0.113.66)\n    to 127.0.0.1:${env.ORIGIN_PORT}"), ORIGIN_PORT=o.port)
    assert ask(g, b"PROXY TCP4 203.0.113.66 198.51.100.2 1 80\r\n").status == 403
    r = ask(g, V1, GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"))
    assert r.status == 200
    assert o.wait(1)[0]["x-forwarded-for"] == "203.0.113.9"
    assert record_of(g, r)["client"] == "203.0.113.9"


def test_connections_are_counted_for_the_client(gatehouse):
    g = gatehouse(site(SEES, before="limits { connections-per-client 2 }"))
    other = b"PROXY TCP4 203.0.113.10 198.51.100.2 1 80\r\n"
    with Client(g.port) as a, Client(g.port) as b, Client(g.port) as c, Client(g.port) as d:
        for one in (a, b):
            one.send(V1 + GET)
            assert one.response().status == 200
        c.send(V1 + GET)
        assert c.read_until_close() == b""
        d.send(other + GET)
        assert d.response().status == 200
        a.close()
        until(lambda: answers(g, V1), 5, "there is room for the client again")


def answers(g, header):
    with Client(g.port) as c:
        c.send(header + GET)
        return c.read_until(b"\r\n\r\n") if not c.is_closed(0.2) or c.buffer else None


def test_a_reload_keeps_it_and_may_end_it(gatehouse):
    text = site(SEES)
    g = gatehouse(text)
    with Client(g.port) as old, Client(g.port) as begun:
        old.send(V1 + GET)
        assert old.response().status == 200
        begun.send(V1[:10])
        assert g.reload(text.replace("$client_port", "again")).returncode == 0
        assert ask(g, V1).body == b"203.0.113.9 again"
        old.send(GET)
        assert old.response().body == b"203.0.113.9 again"
        begun.send(V1[10:] + GET)
        assert begun.response().body == b"203.0.113.9 again"
        assert g.reload(text.replace(" proxy-protocol from 127.0.0.0/8", "")).returncode == 0
        assert ask(g, b"").status == 200 and ask(g, V1).status == 400
        old.send(GET)
        assert old.response().body == b"203.0.113.9 4711"


def test_a_drain_gives_the_header_a_last_chance(gatehouse):
    g = gatehouse(site(SEES))
    with Client(g.port) as silent, Client(g.port) as prompt:
        for c in (silent, prompt):
            c.send(V1[:20])
        assert ask(g, V1).status == 200
        assert run("status", "-c", g.conf, env=g.env).returncode == 0
        os.kill(g.pid, 15)
        until(lambda: not accepts(g.port), 5, "it drains")
        prompt.send(V1[20:] + GET)
        r = prompt.response()
        assert r.body == b"203.0.113.9 4711" and r["connection"] == "close"
        assert silent.read_until_close() == b""


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def test_a_forward_block_knows_it_too(gatehouse, nginx):
    g = gatehouse("""
log { to stdout; format json }
forward office {
    listen 127.0.0.1:${env.PORT} proxy-protocol from 127.0.0.1
    deny-private except 127.0.0.1/32
    tunnel-ports 443 1025-65535
    allow as staff if source(203.0.113.0/24)
}
""")
    for connect in (b"GET http://127.0.0.1:%d/echo HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n"):
        request = connect % (nginx.port, nginx.port)
        assert ask(g, V1.replace(b"203.0.113.9", b"192.0.2.9"), request).status == 403
        with Client(g.port) as c:
            c.send(V1 + request)
            if request.startswith(b"GET"):
                assert c.response().status == 200
                continue
            assert c.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 200")
            assert c.get("/echo", "x").status == 200    # through the tunnel


@pytest.mark.parametrize("line,told", [
    ("listen unix:/x/s proxy-protocol from 127.0.0.1", "has no address"),
    ("listen :80 proxy-protocol from 127.0.0.1 forwarded from 127.0.0.1", "'forwarded' after 'proxy-protocol'"),
    ("listen :80 proxy-protocol", "'proxy-protocol' is not complete"),
    ("listen :80 proxy-protocol 127.0.0.1 10.0.0.0/8", "write: proxy-protocol from CIDR..."),
])
def test_mistakes_are_told(web_folder, line, told):
    done = run("check", "-c", web_folder.put("g.conf", f"reverse r {{ {line}\n to 127.0.0.1:1 }}\n"))
    assert done.returncode == 1 and told in done.stderr


# Out

def pool(version, more="", listen="127.0.0.1:${env.PORT}"):
    return f"""
log off
pool app {{ server 127.0.0.1:${{env.ORIGIN_PORT}}; proxy-protocol {version} }}
reverse site {{
    listen {listen}
    {more}
    pool app
}}
"""


def expected(version, source, source_port, destination, destination_port):
    if version == "v1":
        return f"PROXY TCP4 {source} {destination} {source_port} {destination_port}\r\n".encode()
    return v2(0x21, 0x11, socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!HH", source_port, destination_port))


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_server_is_told_of_the_client(gatehouse, origin, version):
    o = origin(raw_answer)
    g = gatehouse(pool(version), ORIGIN_PORT=o.port)
    with Client(g.port) as c:
        port = c.sock.getsockname()[1]
        header = expected(version, "127.0.0.1", port, "127.0.0.1", g.port)
        c.send(b"POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 4\r\n\r\nbody")
        assert c.response().status == 200
        c.send(GET)
        assert c.response().status == 200
        until(lambda: len(o.received) == 2, 5, "a connection for each request")
    for received, line in zip(o.received, (b"POST / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\n")):
        assert received.startswith(header + line) and received.count(header) == 1
        assert b"connection: close" in received.lower()


def raw_answer(conn):
    """A header of either version, then a request."""
    start = conn.read_exactly(6)
    if start == b"PROXY ":
        conn.read_until(b"\r\n")
    else:
        rest = conn.read_exactly(10)
        conn.read_exactly(struct.unpack("!H", rest[8:])[0])
    if conn.request():
        conn.send(OK)
        conn.wait_closed()


def test_what_is_not_known_is_not_made_up(gatehouse, origin):
    """Behind a unix socket there is no address; behind another proxy the client's port is not known."""
    o = origin(raw_answer)
    g = gatehouse(pool("v1", listen="127.0.0.1:${env.PORT} forwarded from 127.0.0.1\n    listen unix:${env.DIR}/site.sock"), ORIGIN_PORT=o.port)
    with Client(g.dir / "site.sock") as c:
        assert c.get().status == 200
    assert curl(g.url("/"), "-H", "X-Forwarded-For: 203.0.113.9").status == 200
    assert curl(g.url("/"), "-H", "X-Forwarded-For: 2001:db8::9").status == 200
    lines = [bytes(received).split(b"\r\n")[0] for received in o.received]
    assert lines == [b"PROXY UNKNOWN", b"PROXY TCP4 203.0.113.9 127.0.0.1 0 %d" % g.port, b"PROXY TCP6 2001:db8::9 ::ffff:7f00:1 0 %d" % g.port]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_what_came_in_goes_out(gatehouse, origin, version):
    o = origin(raw_answer)
    g = gatehouse(pool(version, listen="127.0.0.1:${env.PORT} proxy-protocol from 127.0.0.1"), ORIGIN_PORT=o.port)
    assert ask(g, V1).status == 200
    assert ask(g, v2_tcp4()).status == 200
    for received in o.received:
        assert received.startswith(expected(version, "203.0.113.9", 4711, "198.51.100.2", 80))


def test_a_reload_changes_what_servers_are_told(gatehouse, origin):
    """No connection of the one kind is used for the other."""
    o = origin(lambda conn: None)
    o.answer = lambda conn: raw_answer(conn) if told[0] else plain_answer(conn)
    told = [False]
    g = gatehouse(pool("off"), ORIGIN_PORT=o.port)
    for version in ("off", "v1", "v2", "off"):
        told[0] = version != "off"
        assert g.reload(pool(version)).returncode == 0
        for _ in range(4):
            assert curl(g.url("/")).status == 200


def plain_answer(conn):
    while conn.request():
        conn.send(OK)


# With others

def test_nginx_is_told_of_the_client(gatehouse, nginx_new):
    port = free_port()
    n = nginx_new(f"listen 127.0.0.1:{port} proxy_protocol;\n"
                  'location = /who { return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port"; }')
    body = os.urandom(200_000)
    for version in ("v1", "v2"):
        g = gatehouse(pool(version), ORIGIN_PORT=port)
        r = curl(g.url("/who"))
        assert r.body.decode() == f"127.0.0.1 {r.info['local_port']} 127.0.0.1 {g.port}"
        with Client(g.port) as c:                       # an upload, and a keep-alive connection of the client's
            c.send(b"PUT /put/x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            assert c.response().status in (201, 204)
            assert c.get("/put/x").body == body
    assert n.log_lines(at_least=6)


HAPROXY = """
global
    maxconn 200
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
frontend front
    bind 127.0.0.1:{front}
    default_backend gate
backend gate
    {reuse}
    server gate 127.0.0.1:{port} {how}
frontend behind
    bind 127.0.0.1:{behind} accept-proxy
    http-request return status 200 content-type text/plain lf-string "%ci %cp %[dst] %[dst_port]"
"""


@pytest.fixture
def haproxy():
    program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if program is None:
        pytest.skip("haproxy is not installed")
    started, folder = [], temp_dir("haproxy")

    def start(**values):
        conf = folder / "haproxy.cfg"
        with open(conf, "w", encoding="utf-8") as file:
            file.write(HAPROXY.format(**values))
        started.append(Process("haproxy", [program, "-db", "-f", conf], folder))
        started[-1].wait_listening([("127.0.0.1", values["front"]), ("127.0.0.1", values["behind"])])

    yield start
    for one in started:
        one.kill_group()
    folder.remove()


@pytest.mark.parametrize("how", ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id check inter 50ms"])
def test_haproxy_in_front_names_its_clients(gatehouse, haproxy, how):
    g = gatehouse(site(SEES))
    front = free_port()
    haproxy(front=front, behind=free_port(), port=g.port, how=how, reuse="http-reuse safe")
    for _ in range(3):
        r = curl(f"http://127.0.0.1:{front}/")
        assert r.body.decode() == f"127.0.0.1 {r.info['local_port']}"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_haproxy_behind_is_told_of_the_client(gatehouse, haproxy, version):
    behind = free_port()
    g = gatehouse(pool(version), ORIGIN_PORT=behind)
    haproxy(front=free_port(), behind=behind, port=g.port, how="", reuse="")
    for _ in range(3):
        r = curl(g.url("/"))
        assert r.body.decode() == f"127.0.0.1 {r.info['local_port']} 127.0.0.1 {g.port}"


def test_curl_speaks_it(gatehouse):
    g = gatehouse(site(SEES))
    r = curl(g.url("/"), "--haproxy-protocol")
    assert r.body.decode() == f"127.0.0.1 {r.info['local_port']}"


def test_a_chain_of_two(gatehouse, nginx_new):
    port = free_port()
    nginx_new(f'listen 127.0.0.1:{port} proxy_protocol;\nlocation = /who {{ return 200 "$proxy_protocol_addr $proxy_protocol_port"; }}')
    inner = gatehouse(pool("v1", listen="127.0.0.1:${env.PORT} proxy-protocol from 127.0.0.1"), ORIGIN_PORT=port)
    outer = gatehouse(pool("v2"), ORIGIN_PORT=inner.port)
    r = curl(outer.url("/who"))
    assert r.body.decode() == f"127.0.0.1 {r.info['local_port']}"


def test_the_header_comes_before_tls(gatehouse, nginx_new):
    authority = Authority()
    pair, port = authority.issue("app.test"), free_port()
    nginx_new(f"""listen 127.0.0.1:{port} ssl proxy_protocol; ssl_certificate {pair.certificate}; ssl_certificate_key {pair.key};
        location = /who {{ return 200 "$https $proxy_protocol_addr $proxy_protocol_port"; }}""")
    for version in ("v1", "v2"):
        text = pool(version).replace("proxy-protocol", f"tls {{ ca {authority.certificate}; server-name app.test }}; proxy-protocol")
        g = gatehouse(text, ORIGIN_PORT=port)
        for _ in range(2):
            r = curl(g.url("/who"))
            assert r.body.decode() == f"on 127.0.0.1 {r.info['local_port']}"
    authority.remove()
