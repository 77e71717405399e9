"""Listeners that pass TLS through: the name in the ClientHello finds the block, whose servers get the bytes as they come."""
import hashlib, os, socket, ssl, subprocess, threading
from contextlib import ExitStack

import pytest

from lib import Client, check, curl, free_port, records, until
from lib.memory import traffic, traffic_when_read
from lib.wait import accepts

CORPUS = os.path.join(os.path.dirname(__file__), "..", "fuzz", "corpus", "client_hello")
LOG = "log { to stdout; format json }\n"
DATA = b"\x17\x03\x03\x00\x04more"
ALERT = b"\x15\x03\x03\x00\x02\x02"
DECODE_ERROR, ACCESS_DENIED, INTERNAL_ERROR, UNRECOGNIZED_NAME = (ALERT + bytes([number]) for number in (50, 49, 80, 112))


def hello(name):
    with open(os.path.join(CORPUS, name), "rb") as file:
        return file.read()


@pytest.fixture
def tls_nginx(nginx_new, certificate):
    """nginx with TLS on .tls_port; its answers say which one it is."""
    def start(name):
        port = free_port()
        one = nginx_new(f"listen 127.0.0.1:{port} ssl; ssl_certificate {certificate.certificate}; ssl_certificate_key {certificate.key};"
                        f" location = /name {{ return 200 {name}; }}")
        one.tls_port = port
        return one
    return start


def block(name, text, port="PORT"):
    return f"reverse {name} {{\n    listen 127.0.0.1:${{env.{port}}} tls-passthrough\n    {text}\n}}\n"


def sink(conn):
    while conn.recv():
        pass


def ask(port, name, certificate, path="/name"):
    return curl(f"https://{name}:{port}{path}", "--cacert", certificate.certificate, "--resolve", f"{name}:{port}:127.0.0.1")


def answer_to(g, sent, end=False):
    """What a client gets that sends this, until the end."""
    with Client(g.port) as c:
        c.send(sent)
        if end:
            c.half_close()
        return c.read_until_close()


def last(g, at_least=1):
    return records(g, at_least)[-1]


# By name

def test_the_most_specific_name_finds_the_block(gatehouse, tls_nginx, certificate):
    one, two, rest = tls_nginx("one"), tls_nginx("two"), tls_nginx("rest")
    g = gatehouse(LOG + block("one", "host site.test www.site.test\n to 127.0.0.1:${env.ONE}")
                  + block("two", "host .site.test\n to 127.0.0.1:${env.TWO}") + block("rest", "host default\n to 127.0.0.1:${env.REST}"),
                  ONE=one.tls_port, TWO=two.tls_port, REST=rest.tls_port)
    for name, served in (("site.test", b"one"), ("WWW.site.test", b"one"), ("a.site.test", b"two")):
        assert ask(g.port, name, certificate).body == served
    assert curl(f"https://other.test:{g.port}/name", "-k", "--resolve", f"other.test:{g.port}:127.0.0.1").body == b"rest"
    assert curl(f"https://127.0.0.1:{g.port}/name", "-k").body == b"rest", "a greeting without a name"
    told = records(g, 5)                                # each when its connection has ended, which may be later than the next one's
    assert sorted(line["block"] for line in told) == ["one", "one", "rest", "rest", "two"]
    first = next(line for line in told if line.get("host") == "www.site.test")
    assert (first["method"], first["host"], first["url"], first["status"]) == ("TLS", "www.site.test", f"www.site.test:{g.port}", 200)
    assert (first["mode"], first["verdict"], first["rule"], first["tries"]) == ("reverse", "allow", "default", 1)
    assert first["server"] == f"127.0.0.1:{one.tls_port}" and first["bytes_in"] > 300 and first["bytes_out"] > 500 and "fault" not in first


def test_openssl_and_python_pass(gatehouse, tls_nginx, certificate):
    o = tls_nginx("one")
    g = gatehouse(LOG + block("one", "host site.test\n to 127.0.0.1:${env.ONE}"), ONE=o.tls_port)
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{g.port}", "-servername", "site.test", "-CAfile",
                           certificate.certificate, "-verify_return_error"], capture_output=True, timeout=20, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and b"Verify return code: 0 (ok)" in done.stdout
    context = ssl.create_default_context(cafile=certificate.certificate)
    with socket.create_connection(("127.0.0.1", g.port), 10) as s, context.wrap_socket(s, server_hostname="site.test") as tls:
        for _ in range(3):
            tls.sendall(b"GET /status/204 HTTP/1.1\r\nHost: x\r\n\r\n")
            assert tls.recv(1000).startswith(b"HTTP/1.1 204 ")


def test_much_passes_unchanged_and_is_counted(gatehouse, tls_nginx, certificate):
    o = tls_nginx("one")
    g = gatehouse(LOG + block("one", "to 127.0.0.1:${env.ONE}"), ONE=o.tls_port)
    data = os.urandom(4_000_000)
    o.file("bulk.bin", data)
    r = ask(g.port, "site.test", certificate, "/bulk.bin")
    assert r.status == 200 and hashlib.sha256(r.body).digest() == hashlib.sha256(data).digest()
    assert 4_000_000 < last(g)["bytes_out"] < 4_100_000


def test_the_server_gets_every_byte_however_it_was_cut(gatehouse, origin):
    o = origin(sink)
    g = gatehouse(LOG + block("one", "to 127.0.0.1:${env.ONE}"), ONE=o.port)
    sent = hello("small-records") + b"\x17\x03\x03\x00\x01x"
    with Client(g.port) as c:
        for i in range(len(sent)):
            c.send(sent[i:i + 1])
        c.half_close()
        until(lambda: o.received == [sent])
        assert c.read_until_close() == b""
    one = last(g)
    assert (one["bytes_in"], one["bytes_out"], one["status"]) == (len(sent), 0, 200) and "fault" not in one


def test_a_pool_that_http_uses_too_gets_a_connection_of_its_own(gatehouse, nginx):
    g = gatehouse(LOG + "pool app { server 127.0.0.1:${env.ONE} }\n" + block("tls", "pool app", "PORT2")
                  + "reverse http { listen 127.0.0.1:${env.PORT}; pool app }\n", ONE=nginx.port)
    assert curl(g.url("/echo")).status == curl(g.url("/echo")).status == 200
    with Client(g.ports["PORT2"]) as c:
        c.send(hello("openssl"))
        assert c.read_until_close().startswith(b"HTTP/1.1 400 "), "nginx does not take the greeting for HTTP"
    assert [one["reused"] for one in records(g, 3) if one["method"] == "TLS"] == [False]


# Refused

@pytest.mark.parametrize("sent, alert, status, fault", [
    ("openssl", UNRECOGNIZED_NAME, 421, "misdirected"), ("openssl-no-name", DECODE_ERROR, 400, "bad-host"),
    ("http", DECODE_ERROR, 400, "not-tls"), ("sslv2", DECODE_ERROR, 400, "bad-hello"), ("two-names", DECODE_ERROR, 400, "bad-hello"),
    ("address", DECODE_ERROR, 400, "bad-hello"),
])
def test_what_has_no_block_gets_an_alert(gatehouse, origin, sent, alert, status, fault):
    o = origin(sink)
    g = gatehouse(LOG + block("one", "host site.test\n to 127.0.0.1:${env.ONE}"), ONE=o.port)
    assert answer_to(g, hello(sent)) == alert
    one = last(g)
    assert (one["status"], one["fault"], one["bytes_in"], one["bytes_out"]) == (status, fault, len(hello(sent)), len(alert))
    assert (one["method"], one["mode"]) == ("TLS", "reverse") and ("url" in one) == (fault == "misdirected")
    assert o.received == []


def test_a_greeting_that_was_only_announced_holds_little_memory(gatehouse, origin):
    o = origin(sink)
    g = gatehouse("log off\n" + block("one", "to 127.0.0.1:${env.ONE}"), ONE=o.port)
    before = traffic(g)
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(g.port)) for _ in range(100)]
        for c in clients:
            c.send(b"\x16\x03\x01\x3f\xf0\x01\x00\x3f\xec\x03\x03")
        until(lambda: traffic(g) > before + 100 * 1024, 10, "all have come")
        assert traffic_when_read(g, clients) < before + 100 * 5000


def test_a_client_sees_the_alert(gatehouse, origin):
    g = gatehouse(LOG + block("one", "host site.test\n to 127.0.0.1:${env.ONE}"), ONE=origin(sink).port)
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{g.port}", "-servername", "other.test"], capture_output=True,
                          timeout=20, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode != 0 and b"unrecognized name" in done.stderr
    r = curl(f"http://127.0.0.1:{g.port}/")
    assert r.status == 0 and r.exit != 0


def test_rules_are_asked_with_the_name_and_the_client(gatehouse, tls_nginx, certificate):
    o = tls_nginx("one")
    rules = """deny as no-www reason "Not $host." if tls-sni(www.site.test)
        deny as nameless if not tls-sni(.test)
        allow as local if source(127.0.0.1)
        deny as others
        to 127.0.0.1:${env.ONE}"""
    g = gatehouse(LOG + block("one", rules), ONE=o.tls_port)
    assert ask(g.port, "site.test", certificate).body == b"one"
    assert last(g)["rule"] == "local"
    assert answer_to(g, hello("openssl")) == ACCESS_DENIED
    one = last(g, 2)
    assert (one["rule"], one["verdict"], one["reason"], one["status"]) == ("no-www", "deny", "Not www.site.test.", 403)
    assert answer_to(g, hello("openssl-no-name")) == ACCESS_DENIED
    assert last(g, 3)["rule"] == "nameless"


def test_a_log_rule_acts(gatehouse, origin):
    g = gatehouse(LOG + block("one", "log off if tls-sni(www.site.test)\n deny\n to 127.0.0.1:${env.ONE}"), ONE=origin(sink).port)
    assert answer_to(g, hello("openssl")) == ACCESS_DENIED
    assert answer_to(g, hello("python")) == ACCESS_DENIED
    assert [one["host"] for one in records(g, 1)] == ["python.test"]


@pytest.mark.parametrize("format, line, nameless", [("combined", '"TLS www.site.test:{port} HTTP/1.1" 421 ', '"TLS - HTTP/1.1" 400 '),
                                                    ("squid", " TLS www.site.test:{port} ", "/400 7 TLS error:invalid-request ")])
def test_other_logs_have_a_line_too(gatehouse, origin, format, line, nameless):
    g = gatehouse(f"log {{ to stdout; format {format} }}\n" + block("one", "host a.test\n to 127.0.0.1:${env.ONE}"), ONE=origin(sink).port)
    answer_to(g, hello("openssl"))
    assert line.format(port=g.port) in g.log_lines(at_least=1)[0]
    answer_to(g, hello("openssl-no-name"))
    assert any(nameless in one for one in g.log_lines(at_least=2))


# Servers

def test_the_next_server_is_tried(gatehouse, tls_nginx, certificate):
    o = tls_nginx("one")
    g = gatehouse(LOG + "pool app { server 127.0.0.1:${env.DEAD}; server 127.0.0.1:${env.ONE} }\n" + block("one", "pool app"),
                  DEAD=free_port(), ONE=o.tls_port)
    for _ in range(4):
        assert ask(g.port, "site.test", certificate).body == b"one"
    assert max(one["tries"] for one in records(g, 4)) == 2


def test_without_a_server_the_client_gets_an_alert(gatehouse):
    g = gatehouse(LOG + block("one", "to 127.0.0.1:${env.DEAD}"), DEAD=free_port())
    assert answer_to(g, hello("openssl")) == INTERNAL_ERROR
    one = last(g)
    assert (one["status"], one["fault"], one["host"]) == (502, "connect-failed", "www.site.test")


# Time

def test_a_hello_has_its_time(gatehouse, origin):
    o = origin(sink)
    g = gatehouse(LOG + block("one", "timeouts { tls-handshake 300ms }\n to 127.0.0.1:${env.ONE}"), ONE=o.port)
    silent, half = Client(g.port), Client(g.port)
    half.send(hello("openssl")[:100])
    assert half.is_closed(10) and silent.is_closed(10)
    assert [(one["fault"], one["method"], one["bytes_in"]) for one in records(g, 1)] == [("client-slow-hello", "TLS", 100)], "who sent nothing has no line"
    assert o.received == []
    silent.close()
    half.close()


def test_a_quiet_connection_is_ended(gatehouse, origin):
    g = gatehouse(LOG + block("one", "timeouts { tunnel-idle 300ms }\n to 127.0.0.1:${env.ONE}"), ONE=origin(sink).port)
    with Client(g.port) as c:
        c.send(hello("openssl"))
        assert c.is_closed(10)
    assert last(g)["fault"] == "tunnel-idle"


def test_a_client_that_breaks_off(gatehouse, origin):
    o = origin(sink)
    g = gatehouse(LOG + block("one", "to 127.0.0.1:${env.ONE}"), ONE=o.port)
    assert answer_to(g, hello("openssl")[:100], end=True) == DECODE_ERROR
    assert last(g)["fault"] == "bad-hello"
    c = Client(g.port)
    c.send(hello("openssl"))
    until(lambda: o.received == [hello("openssl")])
    c.reset()
    until(lambda: last(g, 2).get("fault") == "client-gone")


# Reload and the end

def test_a_reload_may_make_http_of_it_and_back(gatehouse, tls_nginx, certificate):
    o = tls_nginx("one")
    tls = LOG + block("one", "to 127.0.0.1:${env.ONE}")
    plain = LOG + "reverse one { listen 127.0.0.1:${env.PORT}; to 127.0.0.1:${env.HTTP} }\n"
    g = gatehouse(tls, ONE=o.tls_port, HTTP=o.port)
    waiting = Client(g.port)
    assert ask(g.port, "site.test", certificate).body == b"one"
    assert g.reload(plain).returncode == 0
    assert until(lambda: curl(g.url("/name")).body == b"one")
    keep = Client(g.port)
    assert keep.get("/name").body == b"one"
    assert g.reload(tls).returncode == 0
    assert until(lambda: ask(g.port, "site.test", certificate).body == b"one")
    assert keep.is_closed(10) and waiting.is_closed(10)
    keep.close()
    waiting.close()


RETRY = (b"\x16\x03\x03\x00\x32\x02\x00\x00\x2e\x03\x03" + hashlib.sha256(b"HelloRetryRequest").digest()
         + b"\x00\x13\x01\x00\x00\x06\x00\x2b\x00\x02\x03\x04")


@pytest.mark.parametrize("again, passes", [("openssl", True), ("python", False)])
def test_a_second_hello_has_to_name_what_the_first_did(gatehouse, origin, again, passes):
    def retry(conn):
        conn.read_exactly(len(hello("openssl")))
        conn.send(RETRY)
        sink(conn)
    o = origin(retry)
    g = gatehouse(LOG + block("one", "to 127.0.0.1:${env.ONE}"), ONE=o.port)
    with Client(g.port) as c:
        c.send(hello("openssl"))
        assert c.read_exactly(len(RETRY)) == RETRY
        c.send(hello(again))
        if passes:
            until(lambda: o.received == [hello("openssl") * 2])
        else:
            assert c.read_until_close() == b""
    assert last(g).get("fault") == (None if passes else "tunnel-denied")
    assert o.whole() == [hello("openssl") * (2 if passes else 1)]


def test_a_drain_lets_connections_end(gatehouse, origin):
    o = origin(sink)
    g = gatehouse(LOG + block("one", "to 127.0.0.1:${env.ONE}"), ONE=o.port)
    c = Client(g.port)
    c.send(hello("openssl"))
    until(lambda: o.received == [hello("openssl")])
    drained = []
    drain = threading.Thread(target=lambda: drained.append(g.command("drain").returncode))
    drain.start()
    assert until(lambda: not accepts(("127.0.0.1", g.port)))
    c.send(DATA)
    until(lambda: o.received == [hello("openssl") + DATA])
    c.half_close()
    assert c.read_until_close() == b""
    drain.join(30)
    assert drained == [0]


# Told beforehand

def reverse(text, listen="listen 127.0.0.1:1 tls-passthrough"):
    return f"reverse r {{ {listen}; to 127.0.0.1:2\n{text}\n}}\n"


POLICY = reverse("""host .site.test
    deny as no-www if tls-sni(www.site.test)
    test { GET https://www.site.test/; expect deny as no-www }
    test { GET https://site.test/; expect allow }
    test { GET https://site.test/; expect allow as default pool r(127.0.0.1:2) }""")


def test_tests_and_explain_know_of_it():
    done = check(POLICY.replace(" pool r(127.0.0.1:2)", ""))
    assert done.returncode == 0, done.stderr
    done = check(POLICY.replace(" pool r(127.0.0.1:2)", ""), "explain", "https://www.site.test/")
    assert "deny as no-www" in done.stdout, done.stdout + done.stderr
    done = check(POLICY.replace(" pool r(127.0.0.1:2)", ""), "explain", "https://a.site.test/")
    assert "result allow" in done.stdout and "TLS is passed through" in done.stdout


@pytest.mark.parametrize("text, told", [
    (reverse("route /x { }"), "'route' does not belong in a reverse block with tls-passthrough"),
    (reverse("certificate self-signed"), "'certificate' does not belong in a reverse block with tls-passthrough"),
    (reverse("conceal on"), "'conceal' does not belong in a reverse block with tls-passthrough"),
    (reverse("limits { body-size 1M }"), "'limits' does not belong in a reverse block with tls-passthrough"),
    (reverse("set-header request a b"), "'set-header' does not belong in"),
    (reverse("redirect https://x/"), "'redirect' does not belong in"),
    (reverse("files .").replace("to 127.0.0.1:2\n", ""), "'files' does not belong in"),
    (reverse("timeouts { response 1s }"), "'response' does not belong in the timeouts of a reverse block with tls-passthrough"),
    (reverse("deny status 404"), "unexpected 'status' in 'deny'"),
    (reverse("deny if host(a.test)"), "'host' is known in the request phase: never in 'deny' of a reverse block with tls-passthrough"),
    (reverse("allow if path(/x)"), "where TLS is passed through, only 'source' and 'tls-sni' are known"),
    (reverse("deny if host(a.test)", "listen 127.0.0.1:1 tls-passthrough; listen 127.0.0.1:3"), "a block passes TLS through or serves HTTP"),
    (reverse("", "listen 127.0.0.1:1 tls-passthrough forwarded from 10.0.0.0/8"), "'forwarded' is about a field of HTTP"),
    (reverse("") + reverse("host a.test", "listen 127.0.0.1:1").replace("reverse r", "reverse s"), "must agree on what follows the address"),
    ("forward f { listen 127.0.0.1:1 tls-passthrough; allow }\n", "'tls-passthrough' does not belong in a forward block"),
])
def test_mistakes_are_told(text, told):
    done = check(text)
    assert done.returncode == 1 and told in done.stderr, done.stderr
