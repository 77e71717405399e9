"""TLS towards servers: who is believed, who is not, and what the client and the log are told of it."""
import contextlib, json, os, re, signal, socket, ssl, subprocess, threading

import pytest

from lib import SLOWNESS, Authority, Client, curl, free_port, record_of, records, run, until, until_read
from lib.authority import Pair, in_hours, put, rename_over
from lib.openssl import SMALLEST_RECORDS, Tls

ONE = "\nthreads 1\nlog { to stdout; format json }\n"
SITE = "reverse site { listen 127.0.0.1:${env.PORT}; pool app }\n"


@pytest.fixture
def secure(nginx_new):
    """secure(pair, extra): the port of an nginx that speaks TLS with that certificate."""
    def start(pair, extra="", protocols="TLSv1.2 TLSv1.3"):
        port = free_port()
        one = nginx_new(f"""listen 127.0.0.1:{port} ssl; ssl_protocols {protocols}; ssl_certificate {pair.certificate}; ssl_certificate_key {pair.key};
            location = /tls {{ return 200 "$ssl_protocol $ssl_server_name $ssl_session_reused $ssl_alpn_protocol"; }} {extra}""")
        one.tls_port = port
        return one
    return start


def pool(server, inside="", before=""):
    return ONE + before + f"pool app {{ server {server}; {inside} }}\n" + SITE


def refused(g, why, fault="tls-untrusted"):
    """The client learns nothing; the log says why."""
    answer = curl(g.url("/tls"))
    assert answer.status == 502 and why.encode() not in answer.body and b"certificate" not in answer.body.lower()
    record = record_of(g, answer)
    assert record["fault"] == fault and why in record["fault_detail"], record


def test_a_server_is_verified_by_its_name(gatehouse, authority, secure, name_server):
    n = secure(authority.issue("app.test"))
    dns = name_server({"app.test": ["127.0.0.1"]})
    g = gatehouse(pool(f"app.test:{n.tls_port}", f"tls {{ ca {authority.certificate} }}", f"resolver {{ nameserver {dns.address} }}\n"))
    assert curl(g.url("/tls")).body == b"TLSv1.3 app.test . http/1.1"


def test_a_server_is_verified_by_its_address(gatehouse, authority, secure):
    n = secure(authority.issue("app.test", "127.0.0.1"))
    g = gatehouse(pool(f"127.0.0.1:{n.tls_port}", f"tls {{ ca {authority.certificate} }}"))
    assert curl(g.url("/tls")).body.startswith(b"TLSv1.3  ")          # an address is not sent as a name


def test_the_name_can_be_another(gatehouse, authority, secure):
    n = secure(authority.issue("app.test"))
    g = gatehouse(pool(f"127.0.0.1:{n.tls_port}", f"tls {{ ca {authority.certificate}; server-name app.test }}"))
    assert curl(g.url("/tls")).body.startswith(b"TLSv1.3 app.test ")


def test_tls_1_2_and_no_less(gatehouse, authority, secure):
    pair = authority.issue("127.0.0.1")
    n = secure(pair, protocols="TLSv1.2")
    g = gatehouse(pool(f"127.0.0.1:{n.tls_port}", f"tls {{ ca {authority.certificate} }}"))
    assert curl(g.url("/tls")).body.startswith(b"TLSv1.2 ")
    old = secure(pair, "ssl_ciphers DEFAULT@SECLEVEL=0;", "TLSv1 TLSv1.1")
    refused(gatehouse(pool(f"127.0.0.1:{old.tls_port}", f"tls {{ ca {authority.certificate} }}")), "protocol version", "tls-failed")


@pytest.mark.parametrize("inside,why", [
    ("ca {ca}; server-name other.test", "hostname mismatch"),
    ("", "unable to get local issuer certificate"),
    ("ca {other}", "unable to get local issuer certificate"),
])
def test_wrong_name_and_wrong_authority_are_refused(gatehouse, authority, secure, inside, why):
    other = Authority("Another")
    n = secure(authority.issue("127.0.0.1"))
    g = gatehouse(pool(f"127.0.0.1:{n.tls_port}", "tls { %s }" % inside.format(ca=authority.certificate, other=other.certificate)))
    refused(g, why)
    other.remove()


def test_which_server_is_not_believed_is_told(gatehouse, authority, secure):
    """Once a minute on stderr while another server answers, and by name in the line of a request that none could serve; the client learns nothing of it."""
    good, wrong = secure(authority.issue("127.0.0.1")), secure(authority.issue("other.test"))
    named = f"127.0.0.1:{wrong.tls_port}"
    g = gatehouse(pool(f"127.0.0.1:{good.tls_port}; server {named}", f"tls {{ ca {authority.certificate} }}"))
    assert [curl(g.url("/tls"), "-H", "Connection: close").status for _ in range(6)] == [200] * 6
    notice = f"gatehouse: pool app, server {named}: IP address mismatch\n"
    until(lambda: notice in g.errors(), 10, "the notice")
    assert all(line["server"] == f"127.0.0.1:{good.tls_port}" for line in records(g, 6))
    good.stop()
    answer = curl(g.url("/tls"))
    line = record_of(g, answer)
    assert (answer.status, line["pool"], line["tries"]) == (502, "app", 2) and line["server"] in (named, f"127.0.0.1:{good.tls_port}")
    assert ("mismatch" in line.get("fault_detail", "")) == (line["server"] == named)                  # they are the same server's
    assert b"mismatch" not in answer.raw and str(wrong.tls_port).encode() not in answer.raw
    assert g.errors().count("mismatch") == 1 and "left out" not in g.errors()


@pytest.mark.parametrize("kind, fault, why", [("clear", "tls-failed", "wrong version number"), ("silent", "tls-timeout", "no end of the handshake in time"),
                                              ("none", "connect-failed", None)])
def test_a_line_of_a_server_that_was_not_reached_names_it(gatehouse, nginx, kind, fault, why):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = {"clear": nginx.port, "silent": silent.getsockname()[1], "none": free_port()}[kind]
        g = gatehouse(f"timeouts {{ server-tls 300ms }}\n{pool(f'https://127.0.0.1:{port}')[1:]}")
        answer = curl(g.url())
        line = record_of(g, answer)
        assert (line["fault"], line["server"], line.get("fault_detail")) == (fault, f"127.0.0.1:{port}", why)
        assert str(port).encode() not in answer.raw
        if why is not None:
            until(lambda: f"gatehouse: pool app, server 127.0.0.1:{port}: {why}\n" in g.errors(), 10, "the notice")
        else:
            assert "pool app" not in g.errors()


@pytest.mark.parametrize("extension", ["keyUsage=digitalSignature", "subjectAltName=email:admin@app.test"])
def test_a_common_name_is_no_name_of_a_server(gatehouse, authority, secure, extension):
    n = secure(authority.issue("app.test", extensions=[extension]))
    refused(gatehouse(pool(f"127.0.0.1:{n.tls_port}", f"tls {{ ca {authority.certificate}; server-name app.test }}")), "hostname mismatch")


def test_an_expired_certificate_is_refused(gatehouse, authority, secure):
    n = secure(authority.issue("127.0.0.1", ends="20210101000000Z"))
    refused(gatehouse(pool(f"127.0.0.1:{n.tls_port}", f"tls {{ ca {authority.certificate} }}")), "certificate has expired")


def test_a_reason_is_of_the_server_that_is_told_with_it(gatehouse, certificate, secure):
    bad, closed = secure(certificate), free_port()
    g = gatehouse(ONE + f"pool app {{ server https://127.0.0.1:{bad.tls_port}; server https://127.0.0.1:{closed} }}\n" + SITE)
    told = set()
    for _ in range(6):
        answer = curl(g.url("/tls"))
        record = record_of(g, answer)
        assert answer.status == 502
        told.add((record["server"].rpartition(":")[2], record["fault"], "self-signed" in record.get("fault_detail", "")))
    assert told == {(str(bad.tls_port), "tls-untrusted", True), (str(closed), "connect-failed", False)}, told


def test_a_self_signed_certificate_is_refused(gatehouse, certificate, secure):
    n = secure(certificate)
    refused(gatehouse(pool(f"https://127.0.0.1:{n.tls_port}")), "self-signed certificate")


def test_a_chain_with_a_gap_is_refused_and_a_whole_one_is_not(gatehouse, authority, secure):
    middle = Authority("Middle", authority)
    pair = middle.issue("127.0.0.1")
    n = secure(pair)
    g = gatehouse(pool(f"127.0.0.1:{n.tls_port}", f"tls {{ ca {authority.certificate} }}"))
    refused(g, "unable to get local issuer certificate")
    with open(pair.certificate, "a", encoding="utf-8") as out, open(middle.certificate, encoding="utf-8") as chain:
        out.write(chain.read())
    whole = secure(pair)
    g = gatehouse(pool(f"127.0.0.1:{whole.tls_port}", f"tls {{ ca {authority.certificate} }}"))
    assert curl(g.url("/tls")).status == 200
    middle.remove()


def test_a_revoked_certificate_is_refused_when_its_server_staples_that(gatehouse, authority, secure):
    pair = authority.issue("127.0.0.1")
    good = secure(pair, f"ssl_stapling on; ssl_stapling_file {authority.staple(pair)};")
    g = gatehouse(pool(f"127.0.0.1:{good.tls_port}", f"tls {{ ca {authority.certificate} }}"))
    assert curl(g.url("/tls")).status == 200
    authority.revoke(pair)
    revoked = secure(pair, f"ssl_stapling on; ssl_stapling_file {authority.staple(pair)};")
    refused(gatehouse(pool(f"127.0.0.1:{revoked.tls_port}", f"tls {{ ca {authority.certificate} }}")), "certificate revoked")


@pytest.fixture
def middle(authority):
    """An authority below the other."""
    one = Authority("Middle", authority)
    yield one
    one.remove()


def test_an_intermediate_authority_is_believed_for_itself(gatehouse, authority, middle, secure):
    n = secure(middle.issue("127.0.0.1"))
    text = pool(f"127.0.0.1:{n.tls_port}", f"tls {{ ca {middle.certificate} }}")
    g = gatehouse(text)
    assert curl(g.url("/tls")).status == 200
    other = secure(authority.issue("127.0.0.1"))                    # and not all of its root
    refused(gatehouse(text.replace(str(n.tls_port), str(other.tls_port))), "unable to get local issuer certificate")


def test_what_is_refused_below_an_intermediate_authority(gatehouse, middle, secure):
    def trusting(pair, extra="", inside=""):
        return gatehouse(pool(f"127.0.0.1:{secure(pair, extra).tls_port}", f"tls {{ ca {middle.certificate}; {inside} }}"))
    refused(trusting(middle.issue("127.0.0.1"), inside="server-name other.test;"), "hostname mismatch")
    refused(trusting(middle.issue("127.0.0.1", ends="20210101000000Z")), "certificate has expired")
    pair = middle.issue("127.0.0.1")
    staple = "ssl_stapling on; ssl_stapling_file {};"
    assert curl(trusting(pair, staple.format(middle.staple(pair))).url("/tls")).status == 200
    middle.revoke(pair)
    refused(trusting(pair, staple.format(middle.staple(pair))), "certificate revoked")


def test_verifying_can_be_switched_off(gatehouse, certificate, secure):
    n = secure(certificate)
    assert curl(gatehouse(pool(f"127.0.0.1:{n.tls_port}", "tls { verify off }")).url("/tls")).status == 200


def test_a_server_that_speaks_no_tls(gatehouse, nginx):
    g = gatehouse(pool(f"https://127.0.0.1:{nginx.port}"))
    refused(g, "wrong version number", "tls-failed")


def test_a_handshake_that_does_not_end(gatehouse, origin):
    o = origin(lambda conn: conn.wait_closed())
    g = gatehouse(pool(f"https://127.0.0.1:{o.port}", before="timeouts { server-tls 300ms }\n"))
    answer = curl(g.url("/"))
    assert answer.status == 504 and record_of(g, answer)["fault"] == "tls-timeout"


def test_the_next_server_is_asked_when_one_is_not_trusted(gatehouse, authority, certificate, secure):
    bad, good = secure(certificate), secure(authority.issue("127.0.0.1"))
    g = gatehouse(pool(f"127.0.0.1:{bad.tls_port}; server 127.0.0.1:{good.tls_port}", f"tls {{ ca {authority.certificate} }}"))
    for method in ("GET", "POST"):
        assert curl(g.url("/tls"), "-X", method, "-d", "x" if method == "POST" else "").status == 200


def test_connections_are_used_again_and_sessions_are_resumed(gatehouse, authority, secure):
    n = secure(authority.issue("127.0.0.1"), "location = /close { keepalive_timeout 0; return 200 \"$ssl_session_reused\"; }")
    g = gatehouse(pool(f"127.0.0.1:{n.tls_port}", f"tls {{ ca {authority.certificate} }}"))
    with Client(g.port) as c:
        for _ in range(3):
            c.send(b"GET /tls HTTP/1.1\r\nHost: x\r\n\r\n")
            assert c.response().status == 200
        c.send(b"GET /close HTTP/1.1\r\nHost: x\r\n\r\n")
        assert c.response().body == b"."
        c.send(b"GET /close HTTP/1.1\r\nHost: x\r\n\r\n")
        assert c.response().body == b"r"
    assert [r["reused"] for r in records(g, 5)] == [False, True, True, True, False]


def test_large_bodies_both_ways(gatehouse, authority, secure, web_folder):
    n = secure(authority.issue("127.0.0.1"))
    content = os.urandom(8 << 20)
    n.file("large", content)
    g = gatehouse(pool(f"127.0.0.1:{n.tls_port}", f"tls {{ ca {authority.certificate} }}"))
    assert curl(g.url("/large")).body == content
    source = web_folder.put("up", content)
    assert curl(g.url("/put/up"), "-T", source).status in (201, 204)
    assert curl(g.url("/put/up")).body == content


class Cut(threading.Thread):
    """Ends in the middle of an answer that the end of the connection frames, with or without saying so (close_notify)."""
    def __init__(self, pair, is_clean):
        super().__init__(daemon=True)
        self.listener, self.is_clean = socket.create_server(("127.0.0.1", 0)), is_clean
        self.port = self.listener.getsockname()[1]
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pair.certificate, pair.key)
        self.start()

    def run(self):
        conn = self.context.wrap_socket(self.listener.accept()[0], server_side=True)
        conn.recv(65536)
        conn.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf")
        if self.is_clean:
            conn = conn.unwrap()
        conn.shutdown(socket.SHUT_WR) if self.is_clean else conn.close()
        if not self.is_clean:
            return
        conn.close()


@pytest.mark.parametrize("is_clean", [True, False])
def test_an_answer_without_a_length_is_whole_only_when_the_server_says_so(gatehouse, authority, is_clean):
    server = Cut(authority.issue("127.0.0.1"), is_clean)
    g = gatehouse(pool(f"127.0.0.1:{server.port}", f"tls {{ ca {authority.certificate} }}"))
    answer = curl(g.url("/"))
    assert (answer.exit == 0) == is_clean


def test_settings_that_change_by_reload_are_those_of_the_next_request(gatehouse, authority, secure):
    n = secure(authority.issue("127.0.0.1"))
    text = pool(f"127.0.0.1:{n.tls_port}", f"tls {{ ca {authority.certificate} }}")
    g = gatehouse(text)
    assert curl(g.url("/tls")).status == 200
    assert g.reload(text.replace("ca ", "server-name other.test; ca ")).returncode == 0
    refused(g, "hostname mismatch")
    assert g.reload(text).returncode == 0
    assert curl(g.url("/tls")).status == 200


@pytest.mark.parametrize("name", ["2001:db8::7", "[2001:DB8:0::7]"])
def test_the_name_can_be_an_ipv6_address(gatehouse, authority, secure, name):
    n = secure(authority.issue("2001:db8::7"))
    g = gatehouse(pool(f"127.0.0.1:{n.tls_port}", f"tls {{ ca {authority.certificate}; server-name {name} }}"))
    assert curl(g.url("/tls")).body.startswith(b"TLSv1.3  ")          # an address is not sent as a name
    other = secure(authority.issue("2001:db8::8"))
    refused(gatehouse(pool(f"127.0.0.1:{other.tls_port}", f"tls {{ ca {authority.certificate}; server-name {name} }}")), "IP address mismatch")


# Certificates that are shown to servers

ASKING = 'ssl_verify_client {}; ssl_client_certificate {}; location = /who {{ return 200 "$ssl_client_s_dn $ssl_client_verify"; }} location = /again {{ keepalive_timeout 0; return 200 "$ssl_client_s_dn $ssl_session_reused"; }}'


def shown(authority, pair):
    return f"tls {{ ca {authority.certificate}; certificate {pair.certificate} {pair.key} }}"


@pytest.mark.parametrize("protocol", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize("key", ["ec", "rsa:2048"])
def test_a_server_that_asks_for_a_certificate(gatehouse, authority, secure, key, protocol):
    n = secure(authority.issue("127.0.0.1"), ASKING.format("on", authority.certificate), protocols=protocol)
    g = gatehouse(pool(f"127.0.0.1:{n.tls_port}", shown(authority, authority.issue("front", key=key))))
    assert curl(g.url("/who")).body == b"CN=front SUCCESS"
    assert curl(gatehouse(pool(f"127.0.0.1:{n.tls_port}", f"tls {{ ca {authority.certificate} }}")).url("/who")).status in (400, 502)


@pytest.mark.parametrize("protocol, fault, why", [
    (ssl.TLSVersion.TLSv1_2, "tls-failed", "alert unknown ca"), (ssl.TLSVersion.TLSv1_3, "server-closed", "alert unknown ca")])
def test_a_server_that_refuses_ours_is_quoted(gatehouse, authority, protocol, fault, why):
    mine = authority.issue("127.0.0.1")
    strict = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    strict.minimum_version = strict.maximum_version = protocol
    strict.verify_mode = ssl.CERT_REQUIRED
    strict.load_cert_chain(mine.certificate, mine.key)
    strict.load_verify_locations(authority.certificate)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listening, listening.accept()[0] as one, contextlib.suppress(OSError):
            strict.wrap_socket(one, server_side=True).recv(1)
    threading.Thread(target=serve, daemon=True).start()
    another = Authority("another")
    try:
        g = gatehouse(pool(f"127.0.0.1:{listening.getsockname()[1]}", shown(authority, another.issue("front"))))
        answer = curl(g.url("/"))
        assert answer.status == 502 and b"unknown" not in answer.body
        record = record_of(g, answer)
        assert (record["fault"], why in record["fault_detail"]) == (fault, True), record
    finally:
        another.remove()


def test_the_keeper_signs_for_servers_too(gatehouse, authority, secure):
    n = secure(authority.issue("127.0.0.1"), ASKING.format("on", authority.certificate) + " ssl_session_tickets off; ssl_session_cache off;")
    g = gatehouse(pool(f"127.0.0.1:{n.tls_port}", shown(authority, authority.issue("front"))))
    names = g.processes()
    assert curl(g.url("/again")).status == 200
    os.kill(names["gatehouse-key"], signal.SIGKILL)
    for _ in range(3):
        assert curl(g.url("/again")).body.startswith(b"CN=front")
    until(lambda: len(g.workers()) == 2, 10, "another keeper")
    assert curl(g.url("/again")).body.startswith(b"CN=front")


def test_a_keeper_that_stands_still_holds_up_that_server_alone(gatehouse, authority, secure, nginx):
    n = secure(authority.issue("127.0.0.1"), ASKING.format("on", authority.certificate))
    g = gatehouse(pool(f"127.0.0.1:{n.tls_port}", shown(authority, authority.issue("front")), "timeouts { server-tls 500ms }\n").replace("pool app }", f"route /echo {{ to 127.0.0.1:{nginx.port} }} route * {{ pool app }} }}"))
    keeper = g.processes()["gatehouse-key"]
    os.kill(keeper, signal.SIGSTOP)
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(curl(g.url("/who")).status), daemon=True)
    waiting.start()
    for _ in range(3):
        assert curl(g.url("/echo")).status == 200
    waiting.join(20 * SLOWNESS)
    assert answers == [504]
    os.kill(keeper, signal.SIGCONT)
    until(lambda: curl(g.url("/who")).status == 200, 10, "it is served again")


def test_a_session_is_not_resumed_with_another_certificate(gatehouse, authority, secure):
    n = secure(authority.issue("127.0.0.1"), ASKING.format("on", authority.certificate))
    text = lambda pair: pool(f"127.0.0.1:{n.tls_port}", shown(authority, pair))
    front = authority.issue("front")
    g = gatehouse(text(front))
    assert curl(g.url("/again")).body == b"CN=front ."
    assert curl(g.url("/again")).body == b"CN=front r"
    assert g.reload(text(front)).returncode == 0
    assert curl(g.url("/again")).body == b"CN=front r"
    assert g.reload(text(authority.issue("back"))).returncode == 0
    assert curl(g.url("/again")).body == b"CN=back ."


def followed(folder):
    return Pair(f"{folder}/c.pem", f"{folder}/k.pem", folder)


@pytest.mark.parametrize("protocol", ["TLSv1.2", "TLSv1.3"])
def test_a_certificate_that_changes_on_the_disk(gatehouse, authority, secure, web_folder, protocol):
    n = secure(authority.issue("127.0.0.1"), ASKING.format("on", authority.certificate), protocols=protocol)
    front, back = authority.issue("front"), authority.issue("back")
    put(web_folder, front)
    text = pool(f"127.0.0.1:{n.tls_port}", shown(authority, followed(web_folder)))
    g = gatehouse(text)
    before = g.workers()
    assert curl(g.url("/again")).body == b"CN=front ."
    for pair, name in ((back, b"back"), (front, b"front")):
        put(web_folder, pair)
        answers = []
        until(lambda: answers.append(curl(g.url("/again")).body) or name in answers[-1], 10, "the new certificate is shown")
        assert answers[-1] == b"CN=" + name + b" ."                 # no session of the old one
        assert curl(g.url("/again")).body == b"CN=" + name + b" r"
    told = f"the certificate {web_folder}/c.pem has changed, and the new one is served\n"
    until(lambda: g.errors().count(told) == 2, 10, "it is told")
    assert g.workers() == before and "generation 1," in g.command("status").stdout
    assert g.reload(text).returncode == 0
    assert curl(g.url("/again")).body == b"CN=front r"              # a reload finds what is shown already


class Held:
    """A way to a server that nothing passes before it is let go."""
    def __init__(self, port):
        self._way, self._arrived, self._let_go = port, threading.Event(), threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        with self._listening, self._listening.accept()[0] as client:
            assert client.recv(1, socket.MSG_PEEK)
            self._arrived.set()
            self._let_go.wait(20 * SLOWNESS)
            with socket.create_connection(("127.0.0.1", self._way)) as server:
                back = threading.Thread(target=self._pass, args=(server, client), daemon=True)
                back.start()
                self._pass(client, server)
                back.join(20 * SLOWNESS)

    def _pass(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def wait(self):
        assert self._arrived.wait(10 * SLOWNESS)

    def let_go(self):
        self._let_go.set()


@pytest.mark.parametrize("change", ["files", "reload", "another worker"])
def test_a_key_that_was_replaced_signs_what_had_begun_with_it(gatehouse, authority, secure, web_folder, change):
    """Whatever happens to the keeper meanwhile."""
    held = Held(secure(authority.issue("127.0.0.1"), ASKING.format("on", authority.certificate)).tls_port)
    put(web_folder, authority.issue("front"))
    text = pool(f"127.0.0.1:{held.port}", shown(authority, followed(web_folder)))
    g = gatehouse(text)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(curl(g.url("/who"))), daemon=True)
    asking.start()
    held.wait()
    put(web_folder, authority.issue("back"))
    if change == "files":
        until(lambda: "has changed, and the new one is served" in g.errors(), 10, "the new certificate is in force")
    else:
        assert g.reload(text.replace("threads 1", "threads 2") if change == "another worker" else text).returncode == 0
    keeper = g.processes()["gatehouse-key"]
    os.kill(keeper, signal.SIGKILL)
    until(lambda: g.processes().get("gatehouse-key", keeper) != keeper, 10, "another keeper")
    held.let_go()
    asking.join(20 * SLOWNESS)
    assert [answer.body for answer in answers] == [b"CN=front SUCCESS"]
    assert "cannot be taken again" not in g.errors()


def test_the_end_of_one_is_shown_and_told(gatehouse, authority, web_folder):
    """Beside those that clients are shown, and as they are."""
    site, front = authority.issue("site.test"), authority.issue("front", "other.test", ends=in_hours(5 * 24 - 1))
    put(web_folder, front)
    text = pool("app.test", shown(authority, followed(web_folder))).replace("${env.PORT}", f"${{env.PORT}} tls; certificate {site.certificate} {site.key}")
    checked = run("check", "-c", web_folder.put("g.conf", text.replace("${env.PORT}", "8443")))
    assert checked.returncode == 0 and f"the certificate '{web_folder}/c.pem' expires in 4 days, on 20" in checked.stderr
    g = gatehouse(text)
    until(lambda: f"the certificate '{web_folder}/c.pem' expires in 4 days, on 20" in g.errors(), 10, "it is told at start")
    lines = re.search(r"^certificates +(site: .*)\n +(.*)\n", g.command("status").stdout, re.M)
    assert re.fullmatch(r"site: site\.test; expires in \d+ days, on 20\d\d-\d\d-\d\d", lines[1])
    assert re.fullmatch(r"app, to servers: front other\.test; expires in 4 days, on 20\d\d-\d\d-\d\d", lines[2])
    to_clients, to_servers = json.loads(g.command("status", "--json").stdout)["certificates"]
    assert (to_clients["block"], to_clients["shown_to"], to_clients["file"]) == ("site", "clients", site.certificate)
    assert (to_servers["block"], to_servers["shown_to"], to_servers["file"]) == ("app", "servers", f"{web_folder}/c.pem")
    assert to_servers["names"] == ["front", "other.test"] and re.match(r"20\d\d-\d\d-\d\dT", to_servers["expires"])
    put(web_folder, authority.issue("back", extensions=["subjectAltName=email:front@site.test"], ends=in_hours(20 * 24 - 1)))
    until(lambda: " app, to servers: back; expires in 19 days, on 20" in g.command("status").stdout, 10, "the new one is shown")


def test_a_certificate_that_is_written_by_halves_is_not_shown(gatehouse, authority, secure, web_folder):
    n = secure(authority.issue("127.0.0.1"), ASKING.format("on", authority.certificate))
    front, back = authority.issue("front"), authority.issue("back")
    put(web_folder, front)
    g = gatehouse(pool(f"127.0.0.1:{n.tls_port}", shown(authority, followed(web_folder))))
    refusals = lambda: g.errors().count(f"the certificate {web_folder}/c.pem goes on as it was, until its files change again")
    with open(back.certificate, "rb") as source:
        web_folder.put("c.pem", source.read()[:200])
    until(lambda: refusals() == 1, 10, "half a certificate is refused")
    assert g.errors().count("there is no whole certificate in") == 1
    assert curl(g.url("/again")).body.startswith(b"CN=front ")
    rename_over(back.certificate, f"{web_folder}/c.pem")
    until(lambda: refusals() == 2, 10, "a certificate without its key is refused")
    assert g.errors().count("the certificate does not match the key") == 1
    assert curl(g.url("/again")).body.startswith(b"CN=front ")
    os.unlink(web_folder / "k.pem")
    until(lambda: refusals() == 3, 10, "a key that is gone is told")
    rename_over(back.key, f"{web_folder}/k.pem")
    until(lambda: curl(g.url("/again")).body.startswith(b"CN=back "), 10, "the new certificate is shown")
    assert refusals() == 3


def test_a_certificate_that_changes_while_connections_are_made(gatehouse, authority, secure, web_folder):
    n = secure(authority.issue("127.0.0.1"), ASKING.format("on", authority.certificate))
    pairs = {name: authority.issue(name) for name in ("one", "two", "three")}
    put(web_folder, pairs["three"])
    g = gatehouse(pool(f"127.0.0.1:{n.tls_port}", shown(authority, followed(web_folder))).replace("threads 1", "threads 4"))
    seen, faults, end = set(), [], threading.Event()
    def client():
        while not end.is_set():
            with Client(g.port) as c:
                answer = c.get("/again")
            seen.add(answer.body.split()[0])
            if answer.status != 200:
                faults.append(answer)
    clients = [threading.Thread(target=client, daemon=True) for _ in range(4)]
    for one in clients:
        one.start()
    for name, pair in pairs.items():
        put(web_folder, pair)
        until(lambda: curl(g.url("/again")).body.startswith(f"CN={name} ".encode()), 10, "the new certificate is shown")
    end.set()
    for one in clients:
        one.join(20 * SLOWNESS)
    assert not faults, faults[:5]
    assert seen == {f"CN={name}".encode() for name in pairs}


def test_a_certificate_of_a_block_and_two_pools(gatehouse, authority, secure, web_folder):
    n = secure(authority.issue("127.0.0.1"), ASKING.format("on", authority.certificate) + " ssl_session_cache off; ssl_session_tickets off;")
    front, back = authority.issue("front"), authority.issue("back")
    put(web_folder, front)
    inside = shown(authority, followed(web_folder))
    g = gatehouse(f"""
pool other {{ server 127.0.0.1:{n.tls_port}; tls {{ ca {authority.certificate} }} }}
pool one {{ server 127.0.0.1:{n.tls_port}; {inside} }}
pool two {{ server 127.0.0.1:{n.tls_port}; {inside} }}
reverse site {{
    listen 127.0.0.1:${{env.PORT}} tls
    certificate {web_folder}/c.pem {web_folder}/k.pem
    route * if header(x-pool one) {{ pool one }}
    route * if header(x-pool two) {{ pool two }}
    route * {{ pool other }}
}}
""")
    def seen():
        told = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{g.port}"], input=b"", capture_output=True, timeout=20 * SLOWNESS).stdout
        return [b"CN = back" in told or b"CN=back" in told] + [curl(f"https://127.0.0.1:{g.port}/again", "-k", "-H", f"X-Pool: {name}").body == b"CN=back ." for name in ("one", "two")]
    assert seen() == [False] * 3
    put(web_folder, back)
    until(lambda: seen() == [True] * 3, 10, "all show it")
    assert curl(f"https://127.0.0.1:{g.port}/again", "-k").status == 400
    os.unlink(web_folder / "k.pem")
    until(lambda: "goes on as it was" in g.errors(), 10, "a key that is gone is told")
    for process in g.workers():                                     # what comes in their place has what was shown, whatever the files are
        os.kill(process, signal.SIGKILL)
        until(lambda: process not in g.workers() and len(g.workers()) == 2, 10, "another process")
        until(lambda: seen() == [True] * 3, 10, "all show it again")


def test_the_certificate_of_a_pool_must_match_its_key(web_folder, authority):
    one, other = authority.issue("one"), authority.issue("other")
    path = web_folder.put("g.conf", f"pool app {{ server app.test; tls {{ certificate {one.certificate} {other.key} }} }}\nreverse r {{ listen 127.0.0.1:8080; pool app }}\n")
    result = run("check", "-c", path)
    assert result.returncode == 1 and "does not match the key" in result.stdout + result.stderr


@pytest.mark.parametrize("inside,expected", [
    ("tls { ca /nowhere/ca.pem }", "the file of authorities cannot be read"),
    ("tls { ca EMPTY }", "there is no certificate in the file of authorities"),
    ("tls { ca BROKEN }", "a certificate in the file of authorities is broken"),
    ("tls { server-name a/b }", "is no name of a server"),
    ("tls { certificate a b }", "cannot read the certificate 'a': No such file"),
    ("tls { certificate a a }", "certificate and key need files of their own"),
])
def test_mistakes(web_folder, authority, inside, expected):
    inside = inside.replace("EMPTY", web_folder.put("empty.pem", "nothing\n"))
    inside = inside.replace("BROKEN", web_folder.put("broken.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"))
    path = web_folder.put("g.conf", f"pool app {{ server app.test; {inside} }}\nreverse r {{ listen 127.0.0.1:8080; pool app }}\n")
    result = run("check", "-c", path)
    assert result.returncode == 1 and expected in result.stdout + result.stderr, result.stdout + result.stderr


def test_a_unix_socket_needs_a_name_to_be_verified(web_folder):
    path = web_folder.put("g.conf", "reverse r { listen 127.0.0.1:8080; pool app }\npool app { server unix:/run/app.sock; tls }\n")
    result = run("check", "-c", path)
    assert result.returncode == 1 and "a unix socket has no name to verify" in result.stdout + result.stderr


# What a server can do in its handshake, with openssl's own server

class Openssl:
    """openssl s_server -www with these options."""
    def __init__(self, pair, *options):
        self.port = free_port()
        self.process = subprocess.Popen(["openssl", "s_server", "-quiet", "-www", "-accept", f"127.0.0.1:{self.port}", "-cert", pair.certificate, "-key", pair.key,
                                         *map(str, options)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: self.is_listening(), 10, "openssl listens")

    def is_listening(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def openssl_server():
    started = []

    def start(*arguments):
        started.append(Openssl(*arguments))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_staple_that_says_nothing_changes_nothing(gatehouse, authority, openssl_server, web_folder, version):
    try_later = web_folder.put("staple", bytes.fromhex("30030a0103"))
    server = openssl_server(authority.issue("127.0.0.1"), version, "-status_file", try_later)
    g = gatehouse(pool(f"127.0.0.1:{server.port}", f"tls {{ ca {authority.certificate} }}"))
    assert curl(g.url("/")).status == 200


def test_a_flood_of_session_tickets_ends_the_connection(gatehouse, authority, openssl_server):
    server = openssl_server(authority.issue("127.0.0.1"), "-tls1_3", "-num_tickets", 3000)
    g = gatehouse(pool(f"127.0.0.1:{server.port}", f"tls {{ ca {authority.certificate} }}"))
    assert curl(g.url("/")).status == 502
    few = openssl_server(authority.issue("127.0.0.1"), "-tls1_3", "-num_tickets", 8)
    assert curl(gatehouse(pool(f"127.0.0.1:{few.port}", f"tls {{ ca {authority.certificate} }}")).url("/")).status == 200


def test_verify_off_blames_no_certificate(gatehouse, authority, openssl_server):
    server = openssl_server(authority.issue("127.0.0.1"), "-tls1_2", "-Verify", 2)       # wants one of ours
    g = gatehouse(pool(f"127.0.0.1:{server.port}", "tls { verify off }"))
    answer = curl(g.url("/"))
    assert answer.status == 502 and record_of(g, answer)["fault"] == "tls-failed"


def test_the_next_address_of_a_name_is_tried_when_one_speaks_no_tls(gatehouse, authority, secure, name_server):
    good = secure(authority.issue("app.test"))
    plain = socket.create_server(("127.0.0.2", good.tls_port))
    def speak():
        while True:
            try:
                conn, _ = plain.accept()
            except OSError:
                return
            conn.recv(4096)
            conn.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            conn.close()
    threading.Thread(target=speak, daemon=True).start()
    dns = name_server({"app.test": ["127.0.0.1", "127.0.0.2"]})
    g = gatehouse(pool(f"app.test:{good.tls_port}", f"tls {{ ca {authority.certificate} }}", f"resolver {{ nameserver {dns.address} }}\n"))
    assert [curl(g.url("/tls")).status for _ in range(6)] == [200] * 6
    plain.close()


def test_the_systems_authorities_are_read_again(gatehouse, authority, secure, web_folder):
    other = Authority("Another")
    n = secure(authority.issue("127.0.0.1"), "keepalive_timeout 0; ssl_session_tickets off;")
    with open(authority.certificate, encoding="utf-8") as ours, open(other.certificate, encoding="utf-8") as theirs:
        bundle = web_folder.put("bundle.pem", ours.read())
        g = gatehouse(pool(f"https://127.0.0.1:{n.tls_port}"), SSL_CERT_FILE=bundle)
        assert curl(g.url("/tls")).status == 200
        web_folder.put("bundle.pem", theirs.read())
    assert g.reload().returncode == 0
    refused(g, "unable to get local issuer certificate")
    other.remove()


def test_half_a_ticket_holds_no_upload(gatehouse, authority, origin):
    """The library writes nothing while it has read half a message, which is no failure: the rest may be a while in coming."""
    pair, size = authority.issue("127.0.0.1"), 3_000_000
    is_half_sent, is_rest_wanted = threading.Event(), threading.Event()
    uploads = []

    def script(conn):
        tls = Tls(pair, ticket_size=SMALLEST_RECORDS)
        tls.shake_hands_over(conn)
        tickets = tls.take()
        first = 5 + int.from_bytes(tickets[3:5], "big")
        assert SMALLEST_RECORDS < first < len(tickets)
        conn.send(tickets[:first])
        is_half_sent.set()
        assert is_rest_wanted.wait(20 * SLOWNESS)
        conn.send(tickets[first:])
        head, _, body = tls.read_from(conn).partition(b"\r\n\r\n")
        while len(body) < size:
            body += tls.read_from(conn)
        uploads.append(body)
        tls.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        conn.send(tls.take())
        conn.wait_closed(20)

    o = origin(script)
    g = gatehouse(pool(f"127.0.0.1:{o.port}", f"tls {{ ca {authority.certificate} }}"))
    content = os.urandom(size)
    with Client(g.port) as c:
        c.send(f"PUT / HTTP/1.1\r\nHost: site.test\r\nContent-Length: {size}\r\n\r\n".encode() + content[:1000])
        assert is_half_sent.wait(20 * SLOWNESS)
        worker = o.connections[0].sock.getpeername()[1]
        until_read(worker, [o.port])
        c.send(content[1000:2000])
        until_read(g.port, [c.sock.getsockname()[1]])
        assert g.command("status").returncode == 0               # by the one thread, which has tried to write meanwhile
        is_rest_wanted.set()
        c.send(content[2000:])
        assert c.response().status == 200
    assert uploads == [content]
