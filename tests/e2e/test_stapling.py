"""OCSP staples: what clients are shown with a certificate, and responders that are dead, slow or lie."""
import os, shutil, subprocess

import pytest

from lib import SLOWNESS, Authority, free_port, run, temp_dir, until
from lib.wait import Process

SITE = """
resolver {{ nameserver 127.0.0.1:{2}; timeout 1s }}
reverse site {{
    listen 127.0.0.1:${{env.PORT}} tls
    certificate {0}/c.pem {0}/k.pem
    {1}
    respond 200
}}
"""


@pytest.fixture
def folder():
    one = temp_dir("stapling")
    yield one
    one.remove()


@pytest.fixture
def responder(folder):
    """responder(authority, port, *options): openssl's own."""
    started = []

    def start(authority, port, *options):
        options = options or ("-rsigner", authority.certificate, "-rkey", authority.key)
        one = Process("responder", ["openssl", "ocsp", "-index", authority.dir / "index", "-port", str(port), "-CA", str(authority.certificate), "-ndays", "2",
                                    *map(str, options)], folder, dict(os.environ))
        started.append(one)
        until(lambda: "ACCEPT" in one.output() + one.errors(), 10, "the responder listens")    # it stands still over a connection without a question
        return one

    yield start
    for one in started:
        one.kill_group()


def issue(authority, url):
    return authority.issue("site.test", extensions=["subjectAltName=DNS:site.test", f"authorityInfoAccess=OCSP;URI:{url}"])


def put(folder, authority, pair, with_issuer=True):
    with open(folder / "new.pem", "w", encoding="utf-8") as out:
        for path in (pair.certificate, *([authority.certificate] if with_issuer else [])):
            with open(path, encoding="utf-8") as part:
                out.write(part.read())
    os.replace(folder / "new.pem", folder / "c.pem")
    shutil.copy(pair.key, folder / "new.key")
    os.replace(folder / "new.key", folder / "k.pem")


def site(folder, more="", nameserver=1):
    return SITE.format(folder.path, more, nameserver)


def shown(g, *options):
    """What a handshake shows; without a staple it says "no response sent"."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{g.port}", "-servername", "site.test", "-status", *options], input=b"", capture_output=True,
                          timeout=20 * SLOWNESS)
    assert b"New, TLSv1." in done.stdout, done.stdout[-800:] + done.stderr[-800:]
    return done.stdout.decode("latin-1")


def is_stapled(g, *options):
    text = shown(g, *options)
    assert ("Cert Status: good" in text) != ("no response sent" in text)
    return "Cert Status: good" in text


def answer(body, status=200):
    return b"HTTP/1.1 %d X\r\nContent-Type: application/ocsp-response\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body


def staple_of(authority, pair):
    with open(authority.staple(pair), "rb") as file:
        return file.read()


def forged(authority, pair):
    """By an authority that has the same name, and another key."""
    other = Authority()
    subprocess.run(["openssl", "ocsp", "-index", authority.dir / "index", "-CA", authority.certificate, "-rsigner", other.certificate, "-rkey", other.key,
                    "-issuer", authority.certificate, "-cert", pair.certificate, "-ndays", "2", "-respout", other.dir / "forged"], check=True, capture_output=True)
    with open(other.dir / "forged", "rb") as file:
        text = file.read()
    other.remove()
    return text


def told(g, what):
    until(lambda: what in g.errors(), 15, what)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_staple_of_openssls_responder(gatehouse, authority, folder, responder, version):
    port = free_port()
    put(folder, authority, issue(authority, f"http://127.0.0.1:{port}"))
    one = responder(authority, port)
    g = gatehouse(site(folder))
    until(lambda: is_stapled(g, version), 15, "a staple")
    one.kill_group()                                          # what is there goes on without it
    assert is_stapled(g, version)
    assert g.reload().returncode == 0
    assert is_stapled(g, version)
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{g.port}"], input=b"", capture_output=True, timeout=20 * SLOWNESS)
    assert b"OCSP" not in done.stdout                         # who does not ask gets none


def test_a_responder_that_the_issuer_has_named(gatehouse, authority, folder, responder):
    port = free_port()
    named = authority.issue("Responder", extensions=["extendedKeyUsage=OCSPSigning"])
    put(folder, authority, issue(authority, f"http://127.0.0.1:{port}/ocsp"))
    responder(authority, port, "-rsigner", named.certificate, "-rkey", named.key)
    g = gatehouse(site(folder))
    until(lambda: is_stapled(g), 15, "a staple")


def test_a_responder_that_nobody_has_named(gatehouse, authority, folder, responder):
    port = free_port()
    other = authority.issue("other.test")                     # of the same issuer, but for something else
    put(folder, authority, issue(authority, f"http://127.0.0.1:{port}"))
    responder(authority, port, "-rsigner", other.certificate, "-rkey", other.key)
    g = gatehouse(site(folder))
    told(g, "its signature is not of the issuer")
    assert not is_stapled(g)


def test_a_responder_by_its_name_and_what_it_is_asked(gatehouse, authority, folder, origin, name_server):
    names = name_server({"ocsp.test": ["127.0.0.1"]})
    given = {}
    one = origin(lambda conn: conn.request() and conn.send(answer(given["staple"])))
    pair = issue(authority, f"http://ocsp.test:{one.port}/a/b?c=d")
    given["staple"] = staple_of(authority, pair)
    put(folder, authority, pair)
    g = gatehouse(site(folder, nameserver=names.port))
    until(lambda: is_stapled(g), 15, "a staple")
    asked = one.requests[0]
    assert asked.line == "POST /a/b?c=d HTTP/1.1" and asked["host"] == f"ocsp.test:{one.port}" and asked["content-type"] == "application/ocsp-request"
    assert asked["via"] is None and asked["user-agent"] is None
    with open(folder / "request", "wb") as file:
        file.write(asked.body)
    read = subprocess.run(["openssl", "ocsp", "-reqin", folder / "request", "-req_text", "-noverify"], capture_output=True, text=True, check=False)
    assert "Serial Number" in read.stdout and read.stdout.count("Issuer Name Hash") == 1
    assert len(one.requests) == 1                             # not again, before half of its time is over


def chunked(body):
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 100]), body[i:i + 100]) for i in range(0, len(body), 100)) + b"0\r\n\r\n"


@pytest.mark.parametrize("form", [answer, chunked, lambda body: b"HTTP/1.0 200 OK\r\n\r\n" + body], ids=["length", "chunked", "until the end"])
def test_answers_of_every_framing(gatehouse, authority, folder, origin, form):
    given = {}
    one = origin(lambda conn: conn.request() and conn.send(form(given["staple"])))
    pair = issue(authority, f"http://127.0.0.1:{one.port}")
    given["staple"] = staple_of(authority, pair)
    put(folder, authority, pair)
    until(lambda g=gatehouse(site(folder)): is_stapled(g), 15, "a staple")


@pytest.mark.parametrize("make,expected", [
    (lambda a, p: answer(b"hello"), "it is no answer of OCSP"),
    (lambda a, p: answer(b""), "it is no answer of OCSP"),
    (lambda a, p: answer(bytes.fromhex("30030a0103")), "trylater"),
    (lambda a, p: answer(staple_of(a, p) + b"x"), "something stands behind it"),
    (lambda a, p: answer(staple_of(a, a.issue("other.test"))), "it is about another certificate"),
    (lambda a, p: answer(staple_of(a, p).replace(bytes.fromhex("180f"), bytes.fromhex("1810"), 1)), "it is no answer of OCSP"),
    (lambda a, p: answer(forged(a, p)), "its signature is not of the issuer"),
    (lambda a, p: answer(b"x" * 70000), "its answer is too long"),
    (lambda a, p: b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 70000, "its answer is too long"),
    (lambda a, p: answer(b"x" * 1000)[:-1], "its answer is broken off"),
    (lambda a, p: answer(b"", 503), "its status is not 200"),
    (lambda a, p: b"HTTP/1.1 301 X\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n", "its status is not 200"),
    (lambda a, p: b"\x00\x01", "it gives no answer"),
    (lambda a, p: b"", "it gives no answer"),
])
def test_answers_that_are_of_no_use(gatehouse, authority, folder, origin, make, expected):
    given = {}
    one = origin(lambda conn: conn.request() and conn.send(given["answer"]))
    pair = issue(authority, f"http://127.0.0.1:{one.port}")
    given["answer"] = make(authority, pair)
    put(folder, authority, pair)
    g = gatehouse(site(folder))
    told(g, expected)
    assert not is_stapled(g)


HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"


@pytest.mark.parametrize("before", [HINTS, b"HTTP/1.1 100 Continue\r\n\r\n", HINTS * 8], ids=["103", "100", "as many as may be"])
def test_what_a_responder_says_before_its_answer(gatehouse, authority, folder, origin, before):
    given = {}
    one = origin(lambda conn: conn.request() and conn.send(before + answer(given["staple"])))
    pair = issue(authority, f"http://127.0.0.1:{one.port}")
    given["staple"] = staple_of(authority, pair)
    put(folder, authority, pair)
    g = gatehouse(site(folder))
    until(lambda: is_stapled(g), 15, "a staple")
    assert len(one.requests) == 1


@pytest.mark.parametrize("before", [HINTS, b"HTTP/1.1 100 Continue\r\n\r\n"], ids=["103", "100"])
def test_a_responder_that_comes_to_no_answer(gatehouse, authority, folder, origin, before):
    """One that says without end that it is about to answer is given up, and not listened to any longer."""
    ended = []

    def say(conn):
        conn.request()
        try:
            while True:
                conn.send(before)
        except OSError:
            ended.append(conn)

    one = origin(say)
    put(folder, authority, issue(authority, f"http://127.0.0.1:{one.port}"))
    g = gatehouse(site(folder))
    told(g, "its status is not 200")
    until(lambda: ended, 10, "its connection is closed")
    assert not is_stapled(g) and g.errors().count("its status is not 200") == 1


def test_a_responder_that_recovers(gatehouse, authority, folder, origin):
    given = {"answer": answer(b"", 503)}
    one = origin(lambda conn: conn.request() and conn.send(given["answer"]))
    pair = issue(authority, f"http://127.0.0.1:{one.port}")
    put(folder, authority, pair)
    g = gatehouse(site(folder))
    one.wait(2, 15)                                           # it is asked again …
    assert g.errors().count("its status is not 200") == 1     # … which is not told again
    given["answer"] = answer(staple_of(authority, pair))
    until(lambda: is_stapled(g), 30, "a staple")
    assert "a new OCSP staple for the certificate" in g.errors()


def test_a_revoked_certificate_is_told_and_not_stapled(gatehouse, authority, folder, responder):
    port = free_port()
    pair = issue(authority, f"http://127.0.0.1:{port}")
    put(folder, authority, pair)
    authority.revoke(pair)
    responder(authority, port)
    g = gatehouse(site(folder))
    told(g, "the certificate was revoked")
    assert not is_stapled(g)


def test_responders_that_are_dead_or_say_nothing(gatehouse, authority, folder, origin):
    dead = free_port()
    put(folder, authority, issue(authority, f"http://127.0.0.1:{dead}"))
    g = gatehouse(site(folder))
    told(g, "it cannot be connected to")
    assert not is_stapled(g)
    silent = origin(lambda conn: conn.request() and conn.is_closed(60))
    put(folder, authority, issue(authority, f"http://127.0.0.1:{silent.port}"))
    silent.wait(1)
    assert not is_stapled(g)                                  # while it is waited for
    told(g, "it takes too long")
    put(folder, authority, issue(authority, "http://nobody.invalid/"))
    until(lambda: "http://nobody.invalid/: it cannot be connected to" in g.errors(), 15, "a name that does not exist is told")
    assert not is_stapled(g)


def test_without_an_issuer_or_switched_off_nobody_is_asked(gatehouse, authority, folder, origin):
    given = {}
    one = origin(lambda conn: conn.request() and conn.send(answer(given["staple"])))
    pair = issue(authority, f"http://127.0.0.1:{one.port}")
    given["staple"] = staple_of(authority, pair)
    put(folder, authority, pair, with_issuer=False)
    g = gatehouse(site(folder))
    assert not is_stapled(g)
    assert g.reload(site(folder, "tls { ocsp-stapling off }")).returncode == 0
    put(folder, authority, pair)
    until(lambda: "has changed, and the new one is served" in g.errors(), 10, "the chain is served")
    assert not is_stapled(g) and not one.requests
    assert g.reload(site(folder, "tls { ocsp-stapling on }")).returncode == 0
    until(lambda: is_stapled(g), 15, "a staple")
    assert g.reload(site(folder, "tls { ocsp-stapling off }")).returncode == 0
    assert not is_stapled(g)


def test_a_certificate_that_is_replaced_gets_a_staple_of_its_own(gatehouse, authority, folder, responder):
    port = free_port()
    put(folder, authority, issue(authority, f"http://127.0.0.1:{port}"))
    one = responder(authority, port)
    g = gatehouse(site(folder))
    until(lambda: is_stapled(g), 15, "a staple")
    def serial():
        text = shown(g)
        return text.split("Serial Number: ")[1].split()[0] if "Cert Status: good" in text else None
    old = serial()
    new = issue(authority, f"http://127.0.0.1:{port}")
    one.kill_group()
    responder(authority, port)                                # which reads its index when it starts
    put(folder, authority, new)
    until(lambda: serial() not in (None, old), 15, "a staple for the new certificate")


def test_certificates_that_are_replaced_together_all_get_staples(gatehouse, authority, folder, origin):
    names, staples = [f"s{i}.test" for i in range(4)], {}

    def serve(conn):
        request = conn.request()
        conn.send(answer(staples[request.target]))

    one = origin(serve)

    def put_all(turn):
        serials = {}
        for name in names:
            path = f"/{turn}/{name}"
            pair = authority.issue(name, extensions=[f"subjectAltName=DNS:{name}", f"authorityInfoAccess=OCSP;URI:http://127.0.0.1:{one.port}{path}"])
            staples[path] = staple_of(authority, pair)
            for suffix, parts in (("c", (pair.certificate, authority.certificate)), ("k", (pair.key,))):
                with open(folder / "new.pem", "wb") as out:
                    for part in parts:
                        with open(part, "rb") as file:
                            out.write(file.read())
                os.replace(folder / "new.pem", folder / f"{name}.{suffix}")
            told = subprocess.run(["openssl", "x509", "-in", pair.certificate, "-noout", "-serial"], capture_output=True, text=True, check=True).stdout
            serials[name] = told.strip().partition("=")[2]
        return serials

    def stapled():
        """The serial numbers in the staples, by name."""
        found = {name: shown(g, "-servername", name) for name in names}
        return {name: text.split("Serial Number: ")[1].split()[0] for name, text in found.items() if "Cert Status: good" in text}

    first = put_all(1)
    g = gatehouse("\n" + "".join(f"reverse r{i} {{ listen 127.0.0.1:${{env.PORT}} tls; host {name}; certificate {folder}/{name}.c {folder}/{name}.k; respond 200 }}\n"
                                 for i, name in enumerate(names)))
    until(lambda: stapled() == first, 15, "staples")
    second = put_all(2)
    until(lambda: stapled() == second, 20, "staples of the new ones")
    assert sorted(request.target for request in one.requests) == sorted(staples)


def test_both_certificates_of_a_block_have_theirs(gatehouse, authority, folder, responder):
    port = free_port()
    url = f"authorityInfoAccess=OCSP;URI:http://127.0.0.1:{port}"
    put(folder, authority, issue(authority, f"http://127.0.0.1:{port}"))
    os.mkdir(folder / "rsa")
    class Rsa:
        def __truediv__(self, name):
            return folder / f"rsa/{name}"
    put(Rsa(), authority, authority.issue("site.test", extensions=["subjectAltName=DNS:site.test", url], key="rsa:2048"))
    responder(authority, port)
    g = gatehouse(site(folder, "certificate {0} {1}".format(folder / "rsa/c.pem", folder / "rsa/k.pem")))
    for algorithm in ("ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256"):
        until(lambda: is_stapled(g, "-sigalgs", algorithm, "-tls1_3"), 15, "a staple")


@pytest.mark.parametrize("text,expected", [
    ("tls { ocsp-stapling maybe }", "expected 'on' or 'off'"),
    ("tls { stapling on }", "unknown directive 'stapling'"),
    ("tls", "tls"),
])
def test_mistakes(authority, folder, text, expected):
    put(folder, authority, authority.issue("site.test"))
    with open(folder / "g.conf", "w", encoding="utf-8") as file:
        file.write(site(folder, text).replace("${env.PORT}", "8443"))
    done = run("check", "-c", folder / "g.conf")
    assert done.returncode == 1 and expected in done.stdout + done.stderr, done.stdout + done.stderr


def test_a_tls_block_needs_a_certificate(folder):
    with open(folder / "g.conf", "w", encoding="utf-8") as file:
        file.write("reverse r { listen 127.0.0.1:8443; tls { ocsp-stapling on }; respond 200 }\n")
    done = run("check", "-c", folder / "g.conf")
    assert done.returncode == 1 and "'r' has a tls block, but no certificate" in done.stdout + done.stderr
