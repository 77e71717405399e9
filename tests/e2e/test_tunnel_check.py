"""What is seen of the TLS inside a forward proxy's tunnels to port 443: the ClientHello, and what becomes of the tunnel then."""
import hashlib, itertools, os, socket, ssl, subprocess
from contextlib import ExitStack, suppress

import pytest

from lib import Client, Origin, check, curl, records, until
from lib.memory import traffic, traffic_when_read

CORPUS = os.path.join(os.path.dirname(__file__), "..", "fuzz", "corpus", "client_hello")
ADDRESSES = itertools.count(1)


def hello(name):
    """A first flight that a real client has sent, or one of those that none would."""
    with open(os.path.join(CORPUS, name), "rb") as file:
        return file.read()


@pytest.fixture
def address():
    """An address of this machine whose port 443 nobody else uses; only root may."""
    one = f"127.{64 + os.getpid() % 64}.{os.getpid() // 64 % 256}.{next(ADDRESSES)}"
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((one, 443))
    except PermissionError:
        pytest.skip("port 443 needs root, or net.ipv4.ip_unprivileged_port_start")
    return one


@pytest.fixture
def site(address, certificate, nginx_new):
    """nginx with TLS on port 443 of the address."""
    one = nginx_new(f"listen {address}:443 ssl; ssl_certificate {certificate.certificate}; ssl_certificate_key {certificate.key};")
    one.address = address
    return one


@pytest.fixture
def raw_site(address):
    """raw_site(script): an origin on port 443 of the address."""
    started = []

    def start(script):
        started.append(Origin(script, port=443, host=address))
        started[-1].address = address
        return started[-1]

    yield start
    for one in started:
        one.stop()
    assert not [failure for one in started for failure in one.failures]


@pytest.fixture
def office(gatehouse, web_folder, address):
    """office(rules): a forward proxy for which all of these names are at the address."""
    names = "site.test www.site.test other.test bad.test front.test a.test old.test python.test"
    hosts = web_folder.put("hosts", f"{address} {names}\n")

    def start(rules="allow as all", before="", **env):
        return gatehouse(f"log {{ to stdout; format json }}\nresolver {{ hosts {hosts} }}\n{before}\n"
                         f"forward office {{ listen 127.0.0.1:${{env.PORT}}; deny-private off\n{rules}\n}}\n", **env)
    return start


def tunnel(g, authority):
    c = Client(g.port)
    c.send(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
    assert c.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    return c


def ended(c):
    """Whether the tunnel was cut without a byte."""
    try:
        return c.read_until_close() == b""
    except ConnectionResetError:
        return True
    finally:
        c.close()


def told(g, at_least=1):
    one = records(g, at_least)[-1]
    return one.get("rule"), one.get("fault"), one.get("verdict")


def sink(conn):
    """Takes what comes until the end."""
    while conn.recv():
        pass


# What passes

def test_curl_reaches_an_https_site(office, site, certificate):
    g = office()
    data = os.urandom(3_000_000)
    site.file("bulk.bin", data)
    r = curl("https://site.test/bulk.bin", "--cacert", certificate.certificate, proxy=g.url(""))
    assert (r.status, hashlib.sha256(r.body).digest()) == (200, hashlib.sha256(data).digest()), r.errors
    one = records(g, 1)[0]
    assert (one["status"], one["verdict"], one["rule"], one["url"]) == (200, "allow", "all", "site.test:443")
    assert one["bytes_out"] > 3_000_000 and "fault" not in one


def test_openssl_and_python_reach_an_https_site(office, site, certificate):
    g = office()
    done = subprocess.run(["openssl", "s_client", "-proxy", f"127.0.0.1:{g.port}", "-connect", "site.test:443", "-servername", "site.test",
                           "-CAfile", certificate.certificate, "-verify_return_error"], capture_output=True, timeout=20, check=False,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and b"Verify return code: 0 (ok)" in done.stdout
    context = ssl.create_default_context(cafile=certificate.certificate)
    c = tunnel(g, "www.site.test:443")
    with context.wrap_socket(c.sock, server_hostname="www.site.test") as tls:
        tls.sendall(b"GET /status/204 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert tls.recv(100).startswith(b"HTTP/1.1 204 ")


@pytest.mark.parametrize("name", ["openssl-no-name", "http"])
def test_what_the_check_allows_by_default_arrives_as_it_was_sent(office, raw_site, name):
    o = raw_site(sink)
    g = office()
    c = tunnel(g, "site.test:443")
    c.send(hello(name))
    c.half_close()
    until(lambda: o.received == [hello(name)])
    c.close()
    assert told(g) == ("all", None, "allow")


def test_a_hello_in_many_pieces_and_records_arrives_as_it_was_sent(office, raw_site):
    o = raw_site(sink)
    g = office()
    c = tunnel(g, "a.test:443")
    sent = hello("small-records")
    for i in range(len(sent)):
        c.send(sent[i:i + 1])
    c.send(b"\x17\x03\x03\x00\x08and more")
    until(lambda: o.received == [sent + b"\x17\x03\x03\x00\x08and more"])
    c.close()


def test_a_hello_that_comes_with_the_connect_is_looked_at(office, raw_site):
    o = raw_site(sink)
    g = office()
    for name, gets in (("a.test", [hello("early-data")]), ("other.test", [hello("early-data"), b""])):
        with Client(g.port) as c:
            c.send(f"CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n".encode() + hello("early-data"))
            until(lambda: o.received == gets)
    assert sorted(one["rule"] for one in records(g, 2)) == ["all", "tunnel-check"]
    assert o.whole(2) == gets


def test_a_server_may_speak_first(office, raw_site):
    def greet(conn):
        conn.send(b"220 hello\r\n")
        sink(conn)
    o = raw_site(greet)
    g = office()
    c = tunnel(g, "site.test:443")
    assert c.read_until(b"\r\n") == b"220 hello\r\n"
    c.send(b"EHLO x\r\n")
    until(lambda: o.received == [b"EHLO x\r\n"])
    c.close()


def test_a_client_that_ends_without_a_word_is_passed_on(office, raw_site):
    def answer(conn):
        sink(conn)
        conn.send(b"bye")
    raw_site(answer)
    g = office("tunnel-check { mismatch deny; no-name deny; not-tls deny; ech deny }\nallow as all")
    c = tunnel(g, "site.test:443")
    c.half_close()
    assert c.read_until_close() == b"bye"
    assert told(g) == ("all", None, "allow")


def test_other_ports_are_not_looked_at(office, raw_site, origin, address):
    o = origin(sink, host=address)
    g = office("tunnel-ports 1-65535\ntunnel-check { not-tls deny; no-name deny }\ndeny if tls-sni(.test)\nallow as all")
    for name in ("http", "openssl"):
        c = tunnel(g, f"other.test:{o.port}")
        c.send(hello(name))
        until(lambda: hello(name) in o.received)
        c.close()


# What does not

REFUSED = [
    ("", "openssl", "names www.site.test"),                      # the tunnel is for site.test
    ("", "two-names", "cannot be read"), ("", "name-twice", "cannot be read"), ("", "address", "cannot be read"),
    ("no-name deny", "openssl-no-name", "names no host"),
    ("not-tls deny", "http", "not TLS"), ("", "sslv2", "of SSL 2.0"),
    ("mismatch allow", "two-names", "cannot be read"), ("mismatch allow", "name-twice", "cannot be read"),
    ("mismatch allow; ech deny", "ech", "may hide"), ("", "ech", "names front.test"),
]


@pytest.mark.parametrize("check, sent, reason", REFUSED)
def test_what_the_check_denies_ends_the_tunnel_before_a_byte_went_on(office, raw_site, check, sent, reason):
    o = raw_site(sink)
    g = office(f"tunnel-check {{ {check} }}\nallow as all" if check else "allow as all")
    c = tunnel(g, "site.test:443")
    c.send(hello(sent))
    assert ended(c)
    one = records(g, 1)[0]
    assert (one["rule"], one["fault"], one["verdict"], one["status"]) == ("tunnel-check", "tunnel-denied", "deny", 200)
    assert reason in one["reason"]
    assert one.get("bytes_in", 0) == 0
    assert o.whole() == [b""]


@pytest.mark.parametrize("sent", ["openssl", "ech"])
def test_what_is_allowed_to_differ_passes(office, raw_site, sent):
    o = raw_site(sink)
    g = office("tunnel-check { mismatch allow }\nallow as all")
    c = tunnel(g, "site.test:443")
    c.send(hello(sent))
    until(lambda: o.received == [hello(sent)])
    c.close()


# A second hello

RETRY_RANDOM = hashlib.sha256(b"HelloRetryRequest").digest()
CHANGE, EARLY, WARNING = b"\x14\x03\x03\x00\x01\x01", b"\x17\x03\x03\x00\x03\x16\x03\x01", b"\x15\x03\x03\x00\x02\x01\x5a"


def server_hello(random):
    message = b"\x03\x03" + random + b"\x00\x13\x01\x00\x00\x06\x00\x2b\x00\x02\x03\x04"
    return b"\x16\x03\x03" + (len(message) + 4).to_bytes(2, "big") + b"\x02" + len(message).to_bytes(3, "big") + message


def answering(first, answer):
    """A script: reads the first hello, answers in single bytes, and takes what comes."""
    def script(conn):
        conn.read_exactly(len(first))
        for byte in answer:
            conn.send(bytes([byte]))
        sink(conn)
    return script


FIRST = hello("openssl")                                        # for www.site.test


@pytest.mark.parametrize("again", [
    CHANGE + FIRST, EARLY + CHANGE + EARLY + FIRST + EARLY, WARNING + FIRST + b"more", WARNING, CHANGE + b"\x15\x03\x03\x00\x02\x02\x2f"])
def test_a_second_hello_that_is_like_the_first_passes(office, raw_site, again):
    o = raw_site(answering(FIRST, WARNING + server_hello(RETRY_RANDOM)))
    g = office()
    c = tunnel(g, "www.site.test:443")
    c.send(FIRST)
    assert c.read_exactly(len(WARNING + server_hello(RETRY_RANDOM)))
    for byte in again:
        c.send(bytes([byte]))
    c.half_close()
    until(lambda: o.received == [FIRST + again])
    assert c.read_until_close() == b""
    until(lambda: told(g) == ("all", None, "allow"))


MUCH_EARLY = (b"\x17\x03\x03\x40\x00" + bytes(0x4000)) * 20


@pytest.mark.parametrize("is_before", [False, True])
def test_early_data_go_on_however_much_they_are(office, raw_site, is_before):
    answer = server_hello(RETRY_RANDOM)
    def script(conn):
        conn.read_exactly(len(FIRST + MUCH_EARLY if is_before else FIRST))
        conn.send(answer)
        sink(conn)
    o = raw_site(script)
    g = office()
    c = tunnel(g, "www.site.test:443")
    c.send(FIRST + (MUCH_EARLY if is_before else b""))
    assert c.read_exactly(len(answer)) == answer
    c.send(MUCH_EARLY + FIRST)
    c.half_close()
    assert c.read_until_close() == b""
    until(lambda: o.received == [FIRST + (MUCH_EARLY if is_before else b"") + MUCH_EARLY + FIRST])
    until(lambda: told(g) == ("all", None, "allow"))


@pytest.mark.parametrize("again, why", [pytest.param(again, why, id=name) for name, again, why in (
    ("cut off", FIRST[:50], "cannot be read: it is cut off"),
    ("hardly begun", FIRST[:6], "cannot be read: it is cut off"),
    ("an empty record", b"\x16\x03\x03\x00\x00", "cannot be read: a record of it has no valid length"),
    ("announced too long", b"\x16\x03\x03\x00\x04\x01\x00\x40\x01", "cannot be read: it has no valid length"),
    ("no record", b"GET / HTTP/1.1\r\n\r\n", "cannot be read: it is broken off"),
    ("too long in records", b"\x16\x03\x03\x00\x04\x01\x00\x3f\xf0" + b"\x16\x03\x03\x00\x01\x03" * 3000, "cannot be read: it is too long"),
    ("another name", hello("python"), "names something else"),
    ("no name", hello("openssl-no-name"), "names something else"))])
def test_what_is_wrong_with_a_second_hello_is_told(office, raw_site, again, why):
    answer = server_hello(RETRY_RANDOM)
    raw_site(answering(FIRST, answer))
    g = office()
    c = tunnel(g, "www.site.test:443")
    c.send(FIRST)
    assert c.read_exactly(len(answer)) == answer
    with suppress(OSError):
        c.send(again)
        c.half_close()
    with suppress(ConnectionResetError):
        c.read_until_close()
    until(lambda: told(g)[1] == "tunnel-denied")
    assert why in records(g, 1)[0]["fault_detail"]


@pytest.mark.parametrize("again, goes_on", [
    (hello("python"), b""), (CHANGE + hello("python"), CHANGE), (EARLY + WARNING + hello("python"), EARLY + WARNING), (hello("openssl-no-name"), b""),
    (hello("two-names"), b""), (b"GET / HTTP/1.1\r\n\r\n", b""), (b"\x16\x03\x03\x00\x04\x10\x00\x00\x00", b"")])
@pytest.mark.parametrize("is_early", [False, True])
def test_a_second_hello_is_no_way_to_another_name(office, raw_site, again, goes_on, is_early):
    answer = server_hello(RETRY_RANDOM)
    o = raw_site(answering(FIRST, answer))
    g = office("tunnel-check { mismatch allow; no-name allow; not-tls allow }\nallow as all")
    c = tunnel(g, "www.site.test:443")
    c.send(FIRST + (again if is_early else b""))
    if not is_early:
        assert c.read_exactly(len(answer)) == answer
        c.send(again)
    with suppress(ConnectionResetError):
        c.read_until_close()
    until(lambda: told(g)[1] == "tunnel-denied")
    assert "has asked for" in records(g, 1)[0]["fault_detail"]
    [got] = o.whole()
    assert got.startswith(FIRST) and (FIRST + goes_on).startswith(got)
    c.close()


@pytest.mark.parametrize("answer", [server_hello(bytes(32)), b"220 hello\r\n", b"\x16\x03\x03\x00\x04\x0e\x00\x00\x00"])
def test_where_none_was_asked_for_all_passes(office, raw_site, answer):
    o = raw_site(answering(FIRST, answer))
    g = office()
    c = tunnel(g, "www.site.test:443")
    c.send(FIRST + b"more")
    assert c.read_exactly(len(answer)) == answer
    c.send(hello("python"))
    until(lambda: o.received == [FIRST + b"more" + hello("python")])
    c.close()


def test_nothing_that_may_be_a_hello_goes_on_before_the_answer(office, raw_site):
    o = raw_site(sink)
    g = office()
    c = tunnel(g, "www.site.test:443")
    c.send(FIRST + EARLY)
    until(lambda: o.received == [FIRST + EARLY])
    c.send(EARLY + hello("python"))
    until(lambda: o.received == [FIRST + EARLY + EARLY])
    c.half_close()                                               # with whom no handshake can end
    until(lambda: o.received == [FIRST + EARLY + EARLY + hello("python")])
    c.close()


def test_a_server_that_wants_another_key_share(office, address, certificate, nginx_new):
    nginx_new(f"listen {address}:443 ssl; ssl_certificate {certificate.certificate}; ssl_certificate_key {certificate.key};"
              f" ssl_protocols TLSv1.3; ssl_ecdh_curve secp384r1;")
    g = office()
    told_by = subprocess.run(["openssl", "s_client", "-proxy", f"127.0.0.1:{g.port}", "-connect", "site.test:443", "-servername", "site.test",
                              "-groups", "X25519:P-384", "-trace"], input=b"Q\n", capture_output=True, timeout=30)
    assert told_by.stdout.count(b"ClientHello, Length") == 2 and b"Finished, Length" in told_by.stdout, told_by
    until(lambda: told(g) == ("all", None, "allow"))


def test_real_clients_cannot_carry_another_name(office, site, certificate):
    g = office()
    r = curl("https://other.test/", "-k", "--connect-to", "other.test:443:site.test:443", proxy=g.url(""))
    assert r.connect_status == 200 and r.exit == 35
    done = subprocess.run(["openssl", "s_client", "-proxy", f"127.0.0.1:{g.port}", "-connect", "site.test:443", "-servername", "other.test"],
                          capture_output=True, timeout=20, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode != 0
    assert [one["rule"] for one in records(g, 2)] == ["tunnel-check"] * 2
    assert "asked for site.test, and the TLS greeting in it names other.test" in records(g, 2)[0]["reason"]


def test_a_name_that_differs_has_to_be_allowed_by_the_rules(office, raw_site, web_folder):
    raw_site(sink)
    listed = web_folder.put("bad", "front.test\n")
    before = f"list bad {{ file {listed} }}"
    g = office("tunnel-check { mismatch allow }\ndeny as listed reason \"$host is bad.\" if listed(bad)\n"
               "deny as by-host if host(old.test)\nallow as few if host(.site.test .front.test .old.test)", before)
    for sent, rule in (("ech", "listed"), ("openssl-tls1", "by-host"), ("python", "default")):
        c = tunnel(g, "site.test:443")
        c.send(hello(sent))
        assert ended(c)
        until(lambda: told(g)[:2] == (rule, "tunnel-denied"))
    one = next(one for one in records(g, 3) if one["rule"] == "listed")
    assert one["reason"] == "front.test is bad." and one["matched"].endswith("bad:1") and one["host"] == "site.test"
    c = tunnel(g, "site.test:443")
    c.send(hello("openssl"))
    c.close()
    until(lambda: told(g) == ("few", None, "allow"))


def test_deny_by_tls_sni_ends_the_tunnel(office, raw_site):
    o = raw_site(sink)
    g = office("deny as no-python if tls-sni(python.test)\ndeny as nameless if not tls-sni(.test)\nallow as all")
    for authority, sent, rule in (("python.test:443", "python", "no-python"), ("site.test:443", "openssl-no-name", "nameless")):
        c = tunnel(g, authority)
        c.send(hello(sent))
        assert ended(c)
        until(lambda: told(g) == (rule, "tunnel-denied", "deny"))
    c = tunnel(g, "www.site.test:443")
    c.send(hello("openssl"))
    until(lambda: o.received == [b"", b"", hello("openssl")])
    c.close()
    r = curl("http://python.test:81/", proxy=g.url(""))
    assert r.status in (403, 502) and told(g)[0] != "no-python", "no tunnel, no hello"


def test_a_tunnel_by_address_has_no_name_to_agree_with(office, raw_site, address):
    raw_site(sink)
    g = office()
    c = tunnel(g, f"{address}:443")
    c.send(hello("openssl"))
    assert ended(c) and told(g)[0] == "tunnel-check"


def test_a_hello_that_does_not_end_in_time_ends_the_tunnel(office, raw_site):
    o = raw_site(sink)
    g = office("timeouts { tls-handshake 300ms }\nallow as all")
    c, silent = tunnel(g, "site.test:443"), tunnel(g, "site.test:443")
    c.send(hello("openssl")[:100])
    assert ended(c)
    assert told(g)[1] == "client-slow-hello"
    silent.send(b"it was silent for longer, and lives")
    until(lambda: b"it was silent for longer, and lives" in o.received)
    silent.close()


def test_a_client_that_says_nothing_is_under_the_idle_time(office, raw_site):
    raw_site(sink)
    g = office("timeouts { tunnel-idle 300ms }\nallow as all")
    c = tunnel(g, "site.test:443")
    assert ended(c) and told(g)[1] == "tunnel-idle"


def test_a_hello_that_is_cut_off_is_none(office, raw_site):
    o = raw_site(sink)
    g = office()
    c = tunnel(g, "site.test:443")
    c.send(hello("openssl")[:50])
    c.half_close()
    assert ended(c) and told(g)[0] == "tunnel-check"
    assert o.whole() == [b""]


def test_a_hello_without_end_is_held_within_bounds(office, raw_site):
    o = raw_site(sink)
    g = office()
    c = tunnel(g, "site.test:443")
    record = b"\x16\x03\x01\x00\x01"
    try:
        c.send(record + b"\x01" + record + b"\x00" + record + b"\x3f" + record + b"\x00" + (record + b"\x00") * 4000)
    except OSError:
        pass
    assert ended(c) and told(g)[0] == "tunnel-check"
    assert o.whole() == [b""]


def test_a_hello_that_was_only_announced_holds_little_memory(office, raw_site):
    o = raw_site(lambda conn: conn.wait_closed(20))
    g = office()
    with ExitStack() as stack:
        tunnels = [stack.enter_context(tunnel(g, f"{o.address}:443")) for _ in range(50)]
        before = traffic(g)
        for c in tunnels:
            c.send(b"\x16\x03\x01\x3f\xf0\x01\x00\x3f\xec\x03\x03")
        assert traffic_when_read(g, tunnels) < before + 50 * 5000
    assert {one["rule"] for one in records(g, 50)} == {"tunnel-check"}, "each had begun"
    assert o.whole(50) == 50 * [b""], "all was held"


def test_a_second_hello_is_waited_for_as_the_first(office, raw_site):
    answer = server_hello(RETRY_RANDOM)
    raw_site(answering(FIRST, answer))
    g = office("timeouts { tls-handshake 500ms }\nallow as all")
    with ExitStack() as stack:
        tunnels = [stack.enter_context(tunnel(g, "www.site.test:443")) for _ in range(50)]
        for c in tunnels:
            c.send(FIRST)
            assert c.read_exactly(len(answer)) == answer
        for c in tunnels:
            c.send(b"\x16\x03\x03")
        for c in tunnels:
            with suppress(ConnectionResetError):
                assert c.read_until_close() == b""
    assert {one.get("fault") for one in records(g, 50)} == {"client-slow-hello"}


def test_a_second_hello_that_was_only_announced_holds_little_memory(office, raw_site):
    answer = server_hello(RETRY_RANDOM)
    o = raw_site(answering(FIRST, answer))
    g = office()
    with ExitStack() as stack:
        tunnels = [stack.enter_context(tunnel(g, "www.site.test:443")) for _ in range(50)]
        for c in tunnels:
            c.send(FIRST)
            assert c.read_exactly(len(answer)) == answer
        before = traffic(g)
        for c in tunnels:
            c.send(b"\x16\x03\x03\x3f\xf0\x01\x00\x3f\xec\x03\x03")
        assert traffic_when_read(g, tunnels) < before + 50 * 5000
    assert {one.get("fault") for one in records(g, 50)} == {"tunnel-denied"}, "each had begun"
    assert o.whole(50) == 50 * [FIRST], "what came then was held"


# Told beforehand

POLICY = """
forward office {
    listen 127.0.0.1:3128
    deny as no-python reason "Not that." if tls-sni(python.test)
    allow as all
    test { GET https://python.test/; expect deny as no-python }
    test { GET https://ok.test/; expect allow as all }
    test { GET http://python.test/; expect allow as all }
    %s
}
"""


def test_tests_and_explain_know_of_it():
    done = check(POLICY % "")
    assert done.returncode == 0, done.stderr
    done = check(POLICY % "tunnel-check { no-name deny }\n    test { GET https://192.0.2.1/; expect deny as tunnel-check }")
    assert done.returncode == 0, done.stderr
    done = check(POLICY % "", "explain", "https://python.test/")
    assert "result deny as no-python (a.conf:4): Not that." in done.stdout and "names python.test" in done.stdout
    done = check(POLICY % "", "explain", "https://ok.test/", "--sni", "Other.Test.")
    assert "result deny as tunnel-check: The tunnel was asked for ok.test, and the TLS greeting in it names other.test." in done.stdout
    assert "result allow as all" in check(POLICY % "", "explain", "https://ok.test/", "--sni", "ok.test").stdout
    assert check(POLICY % "", "explain", "https://ok.test/", "--sni", "a b").returncode == 2


@pytest.mark.parametrize("text, told_so", [
    ("forward f { listen 127.0.0.1:1; allow if tls-sni(a.test) }", "'tls-sni' needs a TLS greeting: it is never known in 'allow' of a forward block"),
    ("forward f { listen 127.0.0.1:1; redirect http://x/ if not tls-sni(a.test); allow }", "only 'deny' of a forward block, and rules with tls-passthrough, can ask it"),
    ("acl s tls-sni a.test\nforward f { listen 127.0.0.1:1; allow if s }", "'s' needs a TLS greeting"),
    ("reverse r { listen 127.0.0.1:1; to :2; deny if tls-sni(a.test) }", "never known in 'deny' of a reverse block"),
    ("reverse r { listen 127.0.0.1:1; to :2; route * if tls-sni(a.test) { } }", "never known in the choice of a route"),
    ("forward f { listen 127.0.0.1:1; deny if tls-sni(192.0.2.1); allow }", "'192.0.2.1' is an address, and TLS clients name none"),
    ("forward f { listen 127.0.0.1:1; deny if tls-sni(a*.test); allow }", "a '*' stands only at the beginning"),
    ("forward f { listen 127.0.0.1:1; tunnel-check { mismatch block }; allow }", "'block' is no value of 'mismatch'"),
    ("forward f { listen 127.0.0.1:1; tunnel-check { names deny }; allow }", "unknown directive 'names' in a tunnel-check block"),
    ("forward f { listen 127.0.0.1:1; tunnel-check deny; allow }", "tunnel-check"),
    ("forward f { listen 127.0.0.1:1; tunnel-ports 8443 22-442; deny if tls-sni(a.test); allow }",
     "1:67: 'tls-sni(a.test)' is never known here: only tunnels to port 443 are looked into"),
    ("acl s tls-sni a.test\nforward f { listen 127.0.0.1:1; deny if method(CONNECT) and not s; tunnel-ports 8443; allow }", "2:65: 's' is never known here"),
    ("forward f { listen 127.0.0.1:1; tunnel-check { no-name deny }; tunnel-ports 444-65535; allow }", "1:33: only tunnels to port 443 are looked into"),
    ("reverse r { listen 127.0.0.1:1; to :2; tunnel-check { } }", "'tunnel-check' does not belong in a reverse block"),
])
def test_mistakes_are_told(text, told_so):
    done = check(text + "\n")
    assert done.returncode == 1 and told_so in done.stderr, done.stderr


@pytest.mark.parametrize("text, told_so", [
    ("tunnel-ports 443 8443; deny if tls-sni(.a.test)", "of tunnels to other ports than 443 'tls-sni(.a.test)' is never known"),
    ("tunnel-ports 400-500; deny if tls-sni(.a.test)", "add 'and port(443)', if that is meant"),
    ("tunnel-ports 443 8443; tunnel-check { no-name deny }", ""),
    ("tunnel-ports 443 8443; deny if tls-sni(.a.test) and port(443)", ""),
    ("tunnel-ports 443; tunnel-check { no-name deny }; deny if tls-sni(.a.test)", ""),
    ("tunnel-ports 8443", ""),
])
def test_tunnels_that_are_not_looked_into_are_warned_of(text, told_so):
    done = check(f"forward f {{ listen 127.0.0.1:1; {text}; allow if source(10.0.0.0/8) }}\n")
    assert done.returncode == 0 and told_so in done.stderr and (done.stderr == "") == (told_so == ""), done.stderr


def test_mistakes_of_ports_are_told_alone():
    done = check("forward f { listen 127.0.0.1:1; tunnel-ports 8443 x; tunnel-check { }; deny if tls-sni(.a.test); allow if source(10.0.0.0/8) }\n")
    assert done.returncode == 1 and done.stderr.count("a.conf:") == 1, done.stderr


def test_a_deny_by_an_exact_name_is_warned_of():
    done = check("forward f { listen 127.0.0.1:1; deny if tls-sni(a.test); allow if source(10.0.0.0/8) }\n")
    assert done.returncode == 0 and "the names below a.test are not denied" in done.stderr
