"""`tls { … }` of listeners: versions, ciphers, certificates of clients, tickets, HSTS; and what is told of handshakes that fail."""
import base64, datetime, json, os, re, shutil, signal, socket, ssl, subprocess

import pytest

from lib import SLOWNESS, Authority, Client, curl, record_of, records, run, until
from lib.authority import Pair
from lib.tls import VERSIONS, connect, context as strict_context


@pytest.fixture(scope="module")
def pairs(authority):
    """Certificates of servers, by name."""
    return {name: authority.issue(name, "127.0.0.1") for name in ("site.test", "a.test", "b.test")}


@pytest.fixture(scope="module")
def clients():
    """An authority for clients, and another that nobody knows."""
    both = Authority("Clients"), Authority("Strangers")
    yield both
    for one in both:
        one.remove()


@pytest.fixture(scope="module")
def ann(clients):
    return clients[0].issue("ann")


def block(name, pair, tls="", inside='respond 200 body "$host $client_certificate"', listen="listen 127.0.0.1:${env.PORT} tls"):
    return (f"reverse {name.split('.')[0]} {{\n    {listen}\n    host {name}\n    certificate {pair.certificate} {pair.key}\n"
            f"    tls {{ {tls} }}\n    {inside}\n}}\n")


def site(pairs, *args, **more):
    return "\n" + block("default", pairs["site.test"], *args, **more)


def two(pairs, a="", b="", **more):
    return "\n" + block("a.test", pairs["a.test"], a, **more) + block("b.test", pairs["b.test"], b, **more)


def context(*args):
    """Of a client that takes any name, or none."""
    made = strict_context(*args)
    made.check_hostname = False
    return made


def ask(c, host="site.test", path="/", *fields):
    """One request; the head and as much of the body as says its length."""
    c.sendall("".join([f"GET {path} HTTP/1.1\r\nHost: {host}\r\n", *(f"{f}\r\n" for f in fields), "\r\n"]).encode())
    got = b""
    while b"\r\n\r\n" not in got:
        piece = c.recv(65536)
        assert piece, got
        got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    length = int(re.search(rb"content-length: (\d+)", head, re.I)[1])
    while len(body) < length:
        body += c.recv(65536)
    return head.decode(), body


def exchange(g, made, name="site.test", host=None, session=None):
    """(status, body, reused, session) of one request on one connection."""
    with connect(g, made, name, session) as c:
        head, body = ask(c, host or name or "site.test")
        return int(head.split()[1]), body, c.session_reused, c.session


def s_client(g, *options, data=b"GET / HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n"):
    return subprocess.run(["openssl", "s_client", "-ign_eof", "-connect", f"127.0.0.1:{g.port}", *map(str, options)], input=data, capture_output=True, timeout=20 * SLOWNESS)


# Versions and ciphers

@pytest.mark.parametrize("only", ["1.2", "1.3"])
def test_versions(gatehouse, authority, pairs, only):
    g = gatehouse(site(pairs, f"versions {only}"))
    for version in VERSIONS:
        made = context(authority, version)
        if version == only:
            assert exchange(g, made)[0] == 200
        else:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                connect(g, made)


@pytest.mark.parametrize("joint", [" ", ",", ":"])
def test_versions_and_ciphers_of_the_block_that_is_asked_for(gatehouse, authority, pairs, joint):
    g = gatehouse(two(pairs, "versions 1.2; ciphers ECDHE-ECDSA-AES256-GCM-SHA384", f"ciphers ECDHE-ECDSA-CHACHA20-POLY1305{joint}TLS_CHACHA20_POLY1305_SHA256"))
    def spoken(name, version=None):
        with connect(g, context(authority, version), name) as c:
            return c.version(), c.cipher()[0]
    assert spoken("a.test") == ("TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384")
    assert spoken("b.test") == ("TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256")
    assert spoken("b.test", "1.2") == ("TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305")
    assert spoken(None) == ("TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384")         # no name: the first block's
    with pytest.raises(ssl.SSLError):
        connect(g, context(authority, "1.3"), "a.test")
    with pytest.raises(ssl.SSLError):
        connect(g, context(authority, "1.3"), None)


def test_the_first_block_is_not_in_force_for_another(gatehouse, authority, pairs):
    """What the first has narrower must not narrow the second."""
    g = gatehouse(two(pairs, "versions 1.3", "versions 1.2"))
    assert exchange(g, context(authority, "1.2"), "b.test")[0] == 200
    assert exchange(g, context(authority, "1.3"), "a.test")[0] == 200
    for version, name in (("1.3", "b.test"), ("1.2", "a.test")):
        with pytest.raises(ssl.SSLError):
            connect(g, context(authority, version), name)


@pytest.mark.parametrize("inside,expected", [
    ("versions 1.1", "'1.1' is no version of TLS that is spoken here"),
    ("versions 1.1 1.2 1.3", "'1.1' is no version of TLS that is spoken here"),
    ("hsts 365d includeSubDomains", "unexpected 'includeSubDomains' in 'hsts'"),
    ("versions 1.2 1.3 1.2", "unexpected '1.2'"),
    ("ciphers ECDHE+AESGCM:ECHDE+CHACHA20", "there is no cipher 'ECHDE+CHACHA20'"),
    ("ciphers ECDHE+AESGCM:!SAH1", "there is no cipher '!SAH1'"),
    ("ciphers TLS_AES_256_GCM_SHA385", "there is no cipher 'TLS_AES_256_GCM_SHA385'"),
    ("ciphers HIGH:@SECLEVEL=0", "there is no cipher '@SECLEVEL=0'"),
    ("ciphers DEFAULT@SECLEVEL=0", "there is no cipher '@SECLEVEL=0'"),
    ("ciphers HIGH!aNULL@SECLEVEL=1", "there is no cipher '@SECLEVEL=1'"),
    ("ciphers HIGH:@SECLEVEL=2@SECLEVEL=0", "there is no cipher '@SECLEVEL=0'"),
    ("ciphers DEFAULTHIGHEST", "there is no cipher 'HIGHEST'"),
    ("ciphers ECDHE+AESGCM::HIGH", "there is no cipher ''"),
    ("ciphers :", "there is no cipher ''"),
    ("ciphers ECDHE-RSA-AES128-GCM-SHA256,NONSENSE", "there is no cipher 'NONSENSE'"),
    ("ciphers ECDHE+AESGCM,!SAH1:HIGH", "there is no cipher '!SAH1'"),
    ("ciphers \"ECDHE+AESGCM; ECHDE+CHACHA20 ,HIGH\"", "there is no cipher 'ECHDE+CHACHA20'"),
    ("ciphers \"ECDHE+AESGCM HIHG\"", "there is no cipher 'HIHG'"),
    ("ciphers \" ,\"", "there is no cipher ' ,'"),
    ("ciphers HIGH,@SECLEVEL=0", "there is no cipher '@SECLEVEL=0'"),
    ("ciphers ECDHE+AESGCM:!TLS_AES_128_GCM_SHA256", "'!TLS_AES_128_GCM_SHA256' does nothing: '!' is for ciphers of TLS 1.2"),
    ("ciphers ECDHE+AESGCM -TLS_AES_128_GCM_SHA256", "'-TLS_AES_128_GCM_SHA256' does nothing: '-' is for"),
    ("ciphers ECDHE+AESGCM:!TLS_AES_128_GCM_SHA257", "there is no cipher '!TLS_AES_128_GCM_SHA257'"),
    ("ciphers HIGH:!aNULL:!ECDHE-ECDSA-AES256-GCM-SHA348", "there is no cipher '!ECDHE-ECDSA-AES256-GCM-SHA348'"),
    ("ciphers HIGH:!aNULL:!ECDHE-ECDSA-AES512-SHA", "there is no cipher '!ECDHE-ECDSA-AES512-SHA'"),
    ("ciphers HIGH:!aNULL:!DHE-RSA-AES256-SHA257:-RC4-SHAA", "there is no cipher '-RC4-SHAA'"),
    ("ciphers HIGH:!aNULL:!AES128-SHA-ECDHE", "there is no cipher '!AES128-SHA-ECDHE'"),
    ("ciphers HIGH:!aNULL:!kRSA+CAMELIA", "there is no cipher '!kRSA+CAMELIA'"),
    ("ciphers ECDHE-ECDSA-CHACHA20-POLY1305:DEFAULT", "'DEFAULT' does nothing here"),
    ("ciphers HIGH:!aNULL:!DEFAULT", "'!DEFAULT' does nothing here"),
    ("ciphers !aNULL:DEFAULT", "'DEFAULT' does nothing here"),
    ("ciphers HIGH SUITEB128", "'SUITEB128' does nothing here"),
    ("ciphers eNULL", "does not encrypt"),
    ("ciphers ALL", "exclude such ciphers: !aNULL:!eNULL"),
    ("ciphers \"\"", "there is no cipher ''"),
    ("ciphers ECDHE+AESGCM:!AESGCM", "leave none to choose from"),
    ("client-ca /nowhere/ca.pem", "cannot read the authorities for clients '/nowhere/ca.pem': No such file"),
    ("client-ca EMPTY", "there is no certificate in"),
    ("client-ca BROKEN", "a certificate is broken in"),
    ("client-certificate required", "'client-certificate' needs to know which authorities are believed"),
    ("client-certificate perhaps; client-ca CA", "'perhaps' is no value of 'client-certificate'"),
    ("hsts 5", "unit"),
    ("hsts 4000d", "'4000d' is too much"),
    ("tickets maybe", "expected 'on' or 'off'"),
])
def test_mistakes(web_folder, authority, pairs, inside, expected):
    inside = inside.replace("EMPTY", web_folder.put("empty.pem", "nothing\n")).replace("CA", str(authority.certificate), inside.count("client-ca CA"))
    inside = inside.replace("BROKEN", web_folder.put("broken.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"))
    path = web_folder.put("g.conf", site(pairs, inside, listen="listen 127.0.0.1:8443 tls"))
    result = run("check", "-c", path)
    told = result.stdout + result.stderr
    assert result.returncode == 1 and expected in told, told
    assert ":6:" in told, told


@pytest.mark.parametrize("inside,at", [
    ("ciphers HIGH:!aNULL:!SAH1:!MD5", "!SAH1"),
    ("ciphers HIGH !aNULL,!SAH1,!MD5", "!SAH1"),
    ('ciphers "HIGH, NONSENSE"', "NONSENSE"),
    ("ciphers DEFAULT@SECLEVEL=1", "@SECLEVEL=1"),
    ("ciphers HIGH:!aNULL:!TLS_AES_128_GCM_SHA256", "!TLS_AES_128_GCM_SHA256"),
    ("ciphers ECDHE+AESGCM:eNULL:!MD5", "eNULL"),
    ("ciphers ECDHE+AESGCM TLS_AES_128_GCM_SHA256:aNULL", "aNULL"),
    ("versions 1.2; ciphers ECDHE+AESGCM:TLS_AES_128_GCM_SHA256:HIGH:!aNULL", "TLS_AES_128_GCM_SHA256"),
    ("versions 1.3; ciphers TLS_AES_128_GCM_SHA256:ECDHE+AESGCM", "ECDHE+AESGCM"),
])
def test_the_caret_is_at_the_cipher(web_folder, pairs, inside, at):
    lines = run("check", "-c", web_folder.put("g.conf", site(pairs, inside, listen="listen 127.0.0.1:8443 tls"))).stderr.split("\n")
    carets = [(line, shown) for line, shown in zip(lines, lines[1:]) if re.match(r" *\| *\^~*", shown)]
    assert len(carets) == 1, lines
    line, shown = carets[0]
    from_, to = re.search(r"\^~*", shown).span()
    assert line[from_:to] == at, lines


def test_each_mistake_of_a_list_is_told(web_folder, pairs):
    told = run("check", "-c", web_folder.put("g.conf", site(pairs, "ciphers HIHG:!aNULL,!SAH1 LWO", listen="listen 127.0.0.1:8443 tls"))).stderr
    assert re.findall(r"there is no cipher '(.*?)'", told) == ["HIHG", "!SAH1", "LWO"], told


@pytest.mark.parametrize("text,expected", [
    ("reverse r { listen 127.0.0.1:8443; tls { tickets off }; respond 200 }", "no 'listen' of this block speaks TLS"),
    ("reverse r { listen 127.0.0.1:8443 tls; listen 127.0.0.1:8080; certificate C K; tls { client-ca CA }; respond 200 }", "nobody can show a certificate here"),
    ("reverse r { listen 127.0.0.1:8443 tls; certificate C K; deny if client-certificate(CN=x) }", "'client-certificate(CN=x)' is about certificates of clients"),
    ("acl staff client-certificate CN=x\nreverse r { listen 127.0.0.1:8443 tls; certificate C K; respond 200; route / if staff { } }", "'staff' is about certificates of clients"),
    ("reverse r { listen 127.0.0.1:8443 tls; certificate C K; route / { respond 200 if not client-certificate(x) } }", "is about certificates of clients"),
    ("forward f { listen 127.0.0.1:8443 tls; certificate C K; allow; tls { hsts 1h } }", "'hsts' does not belong in a forward block"),
    ("pool p { server https://a.test }\nreverse r { listen 127.0.0.1:8443 tls-passthrough; pool p }", "the client's TLS is passed through, and 'https://a.test' is spoken to by TLS of our own"),
    ("reverse r { listen 127.0.0.1:8443 tls-passthrough; to https://a.test }", "the client's TLS is passed through"),
    ("pool p { server a.test:443; tls { verify off } }\nreverse r { listen 127.0.0.1:8443 tls-passthrough; pool p }", "the client's TLS is passed through"),
])
def test_mistakes_of_a_block(web_folder, authority, pairs, text, expected):
    words = {"C": pairs["a.test"].certificate, "K": pairs["a.test"].key, "CA": authority.certificate}
    text = re.sub(r"\b(CA|C|K)\b(?=[ ;])", lambda m: str(words[m[1]]), text)
    result = run("check", "-c", web_folder.put("g.conf", text + "\n"))
    told = result.stdout + result.stderr
    assert result.returncode == 1 and expected in told, told


@pytest.mark.parametrize("ciphers", ["ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!MD5:!RC4", "HIGH:!aNULL:!MD5", "ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256",
                                     "DEFAULT:@SECLEVEL=2", "DEFAULT@SECLEVEL=2", "DEFAULT-SHA!PSK", "TLS_AES_256_GCM_SHA384 DEFAULT:!SHA", "SUITEB128",
                                     "HIGH:!aNULL:!EDH-DSS-DES-CBC3-SHA:!KRB5-DES-CBC3-SHA:!ECDHE-RSA-RC4-SHA:!EXP-RC4-MD5:!RC4+RSA:!PSK-RC4-SHA",
                                     "ECDHE+AESGCM,ECDHE+CHACHA20,!RC4,!EDH-RSA-DES-CBC3-SHA", '"ECDHE+AESGCM, ECDHE+CHACHA20; !aNULL"',
                                     "ECDHE+AESGCM,TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384"])
def test_lists_that_people_have(web_folder, pairs, ciphers):
    result = run("check", "-c", web_folder.put("g.conf", site(pairs, f"ciphers {ciphers}", listen="listen 127.0.0.1:8443 tls")))
    assert result.returncode == 0, result.stdout + result.stderr


# Certificates of clients

@pytest.mark.parametrize("version", VERSIONS)
def test_required(gatehouse, authority, pairs, clients, ann, version):
    g = gatehouse(site(pairs, f"client-ca {clients[0].certificate}"))
    assert exchange(g, context(authority, version, ann))[:2] == (200, b"site.test CN=ann")
    flag = "-tls1_" + version[2]
    none = s_client(g, flag)
    assert (b"certificate required" if version == "1.3" else b"handshake failure") in none.stderr and b"HTTP/1.1" not in none.stdout
    stranger = clients[1].issue("ann")
    bad = s_client(g, flag, "-cert", stranger.certificate, "-key", stranger.key)
    assert b"unknown ca" in bad.stderr and b"HTTP/1.1" not in bad.stdout
    old = clients[0].issue("ann", ends="20210101000000Z")
    expired = s_client(g, flag, "-cert", old.certificate, "-key", old.key)
    assert b"certificate expired" in expired.stderr and b"HTTP/1.1" not in expired.stdout


@pytest.mark.parametrize("version", VERSIONS)
def test_optional(gatehouse, authority, pairs, clients, ann, version):
    g = gatehouse(site(pairs, f"client-ca {clients[0].certificate}; client-certificate optional"))
    assert exchange(g, context(authority, version, ann))[:2] == (200, b"site.test CN=ann")
    assert exchange(g, context(authority, version))[:2] == (200, b"site.test ")
    stranger = clients[1].issue("ann")
    bad = s_client(g, "-tls1_" + version[2], "-cert", stranger.certificate, "-key", stranger.key)
    assert b"unknown ca" in bad.stderr and b"HTTP/1.1" not in bad.stdout


def test_the_authorities_are_named_to_the_client(gatehouse, pairs, clients):
    g = gatehouse(site(pairs, f"client-ca {clients[0].certificate}; client-certificate optional"))
    assert b"CN = Clients" in s_client(g).stdout.split(b"Acceptable client certificate CA names")[1]


def test_an_authority_below_another_is_enough(gatehouse, authority, pairs, clients):
    below, beside = Authority("Below", clients[0]), Authority("Beside", clients[0])
    g = gatehouse(site(pairs, f"client-ca {below.certificate}"))
    assert exchange(g, context(authority, None, below.issue("bob")))[1] == b"site.test CN=bob"
    for other in (beside, clients[0]):
        pair = other.issue("bob")
        bad = s_client(g, "-tls1_2", "-cert", pair.certificate, "-key", pair.key)
        assert b"alert" in bad.stderr
    below.remove()
    beside.remove()


def test_rules_by_subject(gatehouse, authority, pairs, clients, ann):
    rules = """deny as outsiders if path(/staff/*) and not client-certificate(CN=ann "CN=b*")
    respond 200 body "$client_certificate" """
    g = gatehouse("\nlog { to stdout; format json }\n" + site(pairs, f"client-ca {clients[0].certificate}; client-certificate optional", rules)[1:])
    for pair, status in ((None, 403), (ann, 200), (clients[0].issue("bob"), 200), (clients[0].issue("carl"), 403)):
        with connect(g, context(authority, None, pair)) as c:
            assert int(ask(c, "site.test", "/staff/x")[0].split()[1]) == status
            assert int(ask(c, "site.test", "/")[0].split()[1]) == 200
    lines = [r for r in records(g, 8) if "client_certificate" in r]
    assert sorted(r["client_certificate"] for r in lines) == ["CN=ann"] * 2 + ["CN=bob"] * 2 + ["CN=carl"] * 2


def test_a_comma_in_a_name_is_none_of_the_pattern(gatehouse, authority, pairs, clients):
    """Who may choose a name of his own does not become another part of the subject with it."""
    rules = """deny as outsiders if not client-certificate("CN=*,OU=admins")
    respond 200 body "$client_certificate" """
    g = gatehouse(site(pairs, f"client-ca {clients[0].certificate}", rules))
    eve = clients[0].issue("eve,OU=admins", extensions=["subjectAltName=DNS:eve"])
    with connect(g, context(authority, None, eve)) as c:
        head, body = ask(c)
    assert head.split()[1] == "403" and b"CN=eve" not in body
    for subject, verdict in (("CN=eve\\,OU=admins", "deny as outsiders"), ("CN=eve,OU=admins", "respond")):
        said = g.command("explain", "https://site.test/", "--client-certificate", subject)
        assert f"result {verdict} " in said.stdout, said.stdout


def test_a_star_stays_in_its_part_of_the_subject(gatehouse, authority, pairs, clients):
    rules = """deny as outsiders if not client-certificate("CN=*,OU=admins,O=Example")
    respond 200 body "$client_certificate" """
    g = gatehouse(site(pairs, f"client-ca {clients[0].certificate}", rules))
    for subject, status, shown in (("/O=Example/OU=admins/CN=ann", 200, "CN=ann,OU=admins,O=Example"),
                                   ("/O=Example/OU=admins/OU=guests/CN=eve", 403, "CN=eve,OU=guests,OU=admins,O=Example"),
                                   ("/O=Example/CN=eve,OU=admins", 403, r"CN=eve\,OU=admins,O=Example")):
        with connect(g, context(authority, None, clients[0].issue("person", subject=subject))) as c:
            head, body = ask(c)
        assert int(head.split()[1]) == status and (status != 200 or body == shown.encode()), subject
        said = g.command("explain", "https://site.test/", "--client-certificate", shown).stdout
        assert f"result {'respond' if status == 200 else 'deny as outsiders'} " in said, said


def test_check_warns_of_a_pattern_that_begins_inside_of_a_name(web_folder, pairs, clients):
    def told(rule):
        text = site(pairs, f"client-ca {clients[0].certificate}", f"deny if not client-certificate({rule})\n    respond 200", "listen 127.0.0.1:8443 tls")
        result = run("check", "-c", web_folder.put("g.conf", text))
        assert result.returncode == 0, result.stderr
        return result.stdout + result.stderr
    for rule in ("*CN=ann*", '"*CN=ann*"'):
        lines = told(rule).split("\n")
        at = next(i for i, line in enumerate(lines) if "'*CN=ann*' is true of a certificate that has 'CN=' inside of a name" in line)
        line, caret = lines[at + 1], lines[at + 2]
        assert caret.index("^~~ ") == line.index("CN=ann"), lines
    assert "inside of a name" not in told(r"*,CN=ann* CN=ann,* CN=\*CN=x")


def test_explain_says_what_becomes_of_a_certificate(gatehouse, authority, pairs, clients, ann):
    rules = """deny as nobody status 451 if path(/staff/*) and not client-certificate(*)
    deny as outsiders if path(/staff/*) and not client-certificate(CN=ann "CN=b*")
    respond as insiders 200 body "$client_certificate" if path(/staff/*)
    respond as all 200 body "" """
    g = gatehouse("\nlog { to stdout; format json }\n" + site(pairs, f"client-ca {clients[0].certificate}; client-certificate optional", rules)[1:])
    pairs_shown = [None, ann, clients[0].issue("bob"), clients[0].issue("carl")]
    for number, pair in enumerate(pairs_shown):
        for path in ("/staff/x", "/"):
            options = ("--cert", pair.certificate, "--key", pair.key) if pair else ()
            answer = curl(g.url(path).replace("http:", "https:"), "--cacert", authority.certificate, *options)
            record = record_of(g, answer)
            subject = record.get("client_certificate")
            assert (subject is None) == (pair is None)
            said = g.command("explain", f"https://site.test{path}", *(["--client-certificate", subject] if pair else []))
            assert said.returncode == 0, said.stderr
            assert f"result {record['verdict']} as {record['rule']} " in said.stdout, (number, said.stdout)
            assert said.stdout.splitlines()[-1].endswith(f", status {answer.status}")
            assert (f'from 127.0.0.1, certificate "{subject}"\n' in said.stdout) == (pair is not None)


def test_explain_knows_where_a_certificate_is_shown(web_folder, pairs, clients):
    ca = f"client-ca {clients[0].certificate}"
    rules = 'deny as known if client-certificate(CN=a)\n respond as rest 200'
    def explain(tls, url, *options, kind="reverse", inside=rules):
        pair = pairs["site.test"]
        text = f"{kind} one {{ listen 127.0.0.1:8443 tls; certificate {pair.certificate} {pair.key}; tls {{ {tls} }}\n {inside}\n}}\n"
        return run("explain", url, "-c", web_folder.put("g.conf", text), *options)
    assert "result deny as known " in explain(ca, "https://a.test/", "--client-certificate", "CN=a").stdout
    assert "result respond as rest " in explain(ca, "https://a.test/", "--client-certificate=CN=x").stdout
    for name in ("O=Müller", "O=M\\c3\\bcller", "O=M\\C3\\BCller"):       # each is the same subject, and the last is how it is written
        for glob in ("CN=x,O=Müller", "CN=*,O=M\\\\c3\\\\bcller", "*,O=M\\\\C3\\\\BCller"):
            inside = rules.replace("CN=a", f'"{glob}"')
            assert "result deny as known " in explain(ca, "https://a.test/", "--client-certificate", f"CN=x,{name}", inside=inside).stdout
    required = explain(ca, "https://a.test/")
    assert required.returncode == 0 and required.stdout == ("the block one requires a certificate of the client: without one the TLS handshake ends; "
                                                            "say --client-certificate SUBJECT\n")
    unseen = explain(ca, "http://a.test/")
    assert unseen.returncode == 0 and unseen.stdout == ("the block one requires a certificate of the client: in clear the TLS handshake ends; "
                                                        "say https://… and --client-certificate SUBJECT\n")
    for empty in (["--client-certificate", ""], ["--client-certificate="]):
        refused = explain(ca, "https://a.test/", *empty)
        assert refused.returncode == 2 and "explain: --client-certificate: the subject is empty; without the option" in refused.stderr
    none = explain("versions 1.3", "https://a.test/", "--client-certificate", "CN=x", inside="respond 200")
    assert none.returncode == 2 and "explain: --client-certificate: the block asks clients for none\n" in none.stderr
    clear = explain(ca, "http://a.test/", "--client-certificate", "CN=x")
    assert clear.returncode == 2 and "explain: --client-certificate: it is shown by TLS only: write https://…\n" in clear.stderr
    forward = explain(ca, "http://a.test/", "--client-certificate", "CN=x", kind="forward", inside="allow as staff if client-certificate(CN=x)")
    assert "result allow as staff " in forward.stdout


def test_a_policy_says_what_it_makes_of_certificates(web_folder, pairs, clients):
    inside = """deny as outsiders if not client-certificate(CN=ann,*)
    respond 200
    test { client-certificate CN=ann,O=x; GET https://site.test/; expect respond }
    test { client-certificate CN=bob; GET https://site.test/; expect deny as outsiders }
    test { GET https://site.test/; expect deny as outsiders }"""
    ca = f"client-ca {clients[0].certificate}"
    text = site(pairs, f"{ca}; client-certificate optional", inside, "listen 127.0.0.1:8443 tls")
    assert run("check", "-c", web_folder.put("g.conf", text)).returncode == 0
    result = run("check", "-c", web_folder.put("g.conf", text.replace("CN=bob", "CN=ann,CN=bob")))
    assert result.returncode == 1 and "expected deny as outsiders, got respond" in result.stdout + result.stderr
    def refused(tls, test, where):
        result = run("check", "-c", web_folder.put("g.conf", site(pairs, tls, f"respond 200\n    test {{ {test} }}", "listen 127.0.0.1:8443 tls")))
        return result.returncode == 1 and where in result.stderr
    assert refused(ca, "GET https://site.test/; expect respond", "without one the TLS handshake ends")
    assert refused(ca, "GET http://site.test/; expect respond", "that goes by TLS only")
    assert refused(f"{ca}; client-certificate optional", "client-certificate CN=a; GET http://site.test/; expect respond", "that goes by TLS only")
    assert refused("versions 1.3", "client-certificate CN=a; GET https://site.test/; expect respond", "this block asks for none")


def test_what_the_server_is_told(gatehouse, authority, pairs, clients, ann, origin):
    o = origin(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    inside = f'to 127.0.0.1:{o.port}\n    set-header request x-subject "$client_certificate"'
    g = gatehouse(site(pairs, f"client-ca {clients[0].certificate}; client-certificate optional", inside))
    forged = ("Client-Cert: :AAAA:", "client_cert: :AAAA:", "Client-Cert-Chain: :AAAA:", "X-Subject: CN=root", "x_subject: CN=root")
    with open(ann.certificate, encoding="ascii") as file:
        shown = ":" + base64.b64encode(ssl.PEM_cert_to_DER_cert(file.read())).decode() + ":"
    for pair, certificate, subject in ((None, [], ""), (ann, [shown], "CN=ann")):
        with connect(g, context(authority, None, pair)) as c:
            ask(c, "site.test", "/", *forged)
        fields = o.requests[-1].fields
        assert [value for name, value in fields if name.replace("_", "-").startswith("client-cert")] == certificate
        assert [value for name, value in fields if name.replace("_", "-") == "x-subject"] == [subject]


def test_a_forged_certificate_is_dropped_without_tls_too(gatehouse, origin):
    o = origin(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    g = gatehouse(f"reverse r {{ listen 127.0.0.1:${{env.PORT}}; to 127.0.0.1:{o.port} }}\n")
    assert curl(g.url("/"), "-H", "Client-Cert: :AAAA:", "-H", "Client_Cert_Chain: :AAAA:").status == 200
    assert b"AAAA" not in o.received[0]


def test_each_block_has_its_rules(gatehouse, authority, pairs, clients, ann):
    """Whoever was greeted by a block that asks for nothing is nobody in one that does, whatever the Host; and the other way round."""
    g = gatehouse("\nthreads 1\nlog { to stdout; format json }" + two(pairs, "", f"client-ca {clients[0].certificate}"))
    open_, shut = context(authority), context(authority, None, ann)
    assert exchange(g, open_, "a.test")[:2] == (200, b"a.test ")
    assert exchange(g, shut, "a.test")[:2] == (200, b"a.test ")
    assert exchange(g, shut, "b.test")[:2] == (200, b"b.test CN=ann")
    assert exchange(g, open_, "a.test", "b.test")[0] == 421
    assert exchange(g, open_, None, "b.test")[0] == 421             # no name: the first block's certificate, and its rules
    assert exchange(g, shut, None, "b.test")[0] == 421
    assert exchange(g, open_, None, "a.test")[0] == 200
    assert exchange(g, shut, "b.test", "a.test")[0] == 421
    assert [line["fault_detail"] for line in records(g, 8) if line["status"] == 421] == [
        "the TLS greeting was for a.test, another block's"] + ["the TLS greeting was under other rules on certificates of clients"] * 2 + [
        "the TLS greeting was for b.test, another block's"]
    g = gatehouse(two(pairs, f"client-ca {clients[0].certificate}", ""))
    assert exchange(g, shut, None, "b.test")[0] == 421
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        exchange(g, open_, None, "a.test")
    assert exchange(g, open_, "b.test")[0] == 200


def test_a_reload_that_changes_the_rules_ends_what_was_verified_before(gatehouse, authority, pairs, clients, ann):
    g = gatehouse(site(pairs))
    with connect(g, context(authority)) as c:
        assert " 200 " in ask(c)[0]
        assert g.reload(site(pairs, f"client-ca {clients[0].certificate}")).returncode == 0
        assert " 421 " in ask(c)[0]
    with connect(g, context(authority, None, ann)) as c:
        assert " 200 " in ask(c)[0]
        assert g.reload(site(pairs, f"client-ca {clients[1].certificate}")).returncode == 0
        assert " 421 " in ask(c)[0]


def test_a_certificate_that_is_renewed_changes_no_rules(gatehouse, authority, pairs, clients, ann, web_folder):
    """It has another context in the library than those that began before."""
    def put(pair):
        for path, name in ((pair.key, "k.pem"), (pair.certificate, "c.pem")):
            shutil.copy(path, web_folder / (name + "~"))
            os.rename(web_folder / (name + "~"), web_folder / name)
    put(pairs["a.test"])
    shown = Pair(web_folder / "c.pem", web_folder / "k.pem", web_folder)
    g = gatehouse(site({"site.test": shown}, f"client-ca {clients[0].certificate}; versions 1.2; ciphers ECDHE-ECDSA-AES256-GCM-SHA384; tickets off"))
    known = context(authority, None, ann)
    def serial():
        with connect(g, known) as c:
            ask(c)
            assert c.cipher()[:2] == ("ECDHE-ECDSA-AES256-GCM-SHA384", "TLSv1.2")
            assert not c.session or not c.session.has_ticket
            return c.getpeercert()["serialNumber"]
    before = serial()
    put(pairs["b.test"])
    until(lambda: serial() != before, 15, "the new certificate")
    assert exchange(g, known)[1] == b"site.test CN=ann"
    none = s_client(g)
    assert b"handshake failure" in none.stderr and b"HTTP/1.1" not in none.stdout
    assert b"CN = Clients" in none.stdout.split(b"Acceptable client certificate CA names")[1]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_outlives_a_certificate(gatehouse, authority, pairs, web_folder, version):
    for path, name in ((pairs["a.test"].key, "k.pem"), (pairs["a.test"].certificate, "c.pem")):
        shutil.copy(path, web_folder / name)
    g = gatehouse(site({"site.test": Pair(web_folder / "c.pem", web_folder / "k.pem", web_folder)}))
    made = context(authority, version)
    session = exchange(g, made)[3]
    for path, name in ((pairs["b.test"].key, "k.pem"), (pairs["b.test"].certificate, "c.pem")):
        shutil.copy(path, web_folder / name)
    until(lambda: "and the new one is served" in g.errors(), 15, "the new certificate")
    assert exchange(g, made, session=session)[2]


def test_of_a_forward_block(gatehouse, authority, pairs, clients, ann, nginx):
    g = gatehouse(f"\nforward f {{ listen 127.0.0.1:${{env.PORT}} tls; certificate {pairs['site.test'].certificate} {pairs['site.test'].key}; deny-private off; ports {nginx.port}\n"
                  f"tls {{ client-ca {clients[0].certificate}; client-certificate optional; versions 1.3 }}\n allow if client-certificate(CN=ann) }}\n")
    def through(*options):
        return curl(nginx.url("/echo"), "--proxy-cacert", authority.certificate, *options, proxy=f"https://127.0.0.1:{g.port}")
    answer = through("--proxy-cert", ann.certificate, "--proxy-key", ann.key)
    assert answer.status == 200 and b"client-cert" not in answer.body.lower()
    assert through().status == 403


# Tickets

@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_is_known_to_all_threads_and_after_a_reload(gatehouse, authority, pairs, version):
    g = gatehouse("\nthreads 4\n" + site(pairs)[1:])
    made = context(authority, version)
    session = exchange(g, made)[3]
    for _ in range(12):
        assert exchange(g, made, session=session)[2]
    other = {**pairs, "site.test": authority.issue("site.test")}
    assert g.reload("\nthreads 4\n" + site(other)[1:]).returncode == 0              # another certificate
    assert exchange(g, made, session=session)[2]
    assert g.reload("\nthreads 3\n" + site(other)[1:]).returncode == 0              # another worker
    assert exchange(g, made, session=session)[2]


def test_a_session_outlives_the_worker(gatehouse, authority, pairs):
    g = gatehouse(site(pairs))
    made = context(authority)
    session = exchange(g, made)[3]
    until(lambda: g.command("status").returncode == 0, 10, "all threads serve")        # a worker that dies before is a start that has failed
    worker = g.processes()["gatehouse"]
    os.kill(worker, signal.SIGKILL)
    until(lambda: worker not in g.workers() and len(g.workers()) == 2, 10, "another worker")
    assert exchange(g, made, session=session)[2]


def test_a_session_does_not_outlive_the_process(gatehouse, authority, pairs):
    made = context(authority)
    session = exchange(gatehouse(site(pairs)), made)[3]
    assert not exchange(gatehouse(site(pairs)), made, session=session)[2]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("b", ["client-ca CA", "client-ca CA; client-certificate optional", "client-ca OTHER", "versions 1.2 1.3"])
def test_a_ticket_is_good_in_its_own_block_only(gatehouse, authority, pairs, clients, ann, version, b):
    """CVE-2025-23419"""
    b = b.replace("CA", str(clients[0].certificate)).replace("OTHER", str(clients[1].certificate))
    stranger = clients[1].issue("ann")
    g = gatehouse(two(pairs, f"client-ca {clients[0].certificate}; client-certificate optional", b))
    of_a = context(authority, version)
    session = exchange(g, of_a, "a.test")[3]
    assert exchange(g, of_a, "a.test", session=session)[2]
    try:
        assert not exchange(g, of_a, "b.test", session=session)[2] and "required" not in b
    except (ssl.SSLError, ConnectionError, AssertionError):
        assert "client-ca" in b and "optional" not in b                             # a full handshake, in which there is no certificate
    known = context(authority, version, ann)
    with_ann = exchange(g, known, "a.test")[3]
    assert exchange(g, known, "a.test", session=with_ann)[1:3] == (b"a.test CN=ann", True)
    try:
        assert not exchange(g, known, "b.test", session=with_ann)[2]
    except (ssl.SSLError, ConnectionError, AssertionError):
        assert str(clients[1].certificate) in b
    other = context(authority, version, stranger)
    if str(clients[1].certificate) in b:
        with_stranger = exchange(g, other, "b.test")[3]
        with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
            assert exchange(g, other, "a.test", session=with_stranger)[2]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_ticket_is_not_good_under_other_rules(gatehouse, authority, pairs, clients, ann, version):
    rules = f"client-ca {clients[0].certificate}; client-certificate optional"
    g = gatehouse(site(pairs, rules))
    known = context(authority, version, ann)
    session = exchange(g, known)[3]
    assert exchange(g, known, session=session)[1:3] == (b"site.test CN=ann", True)
    assert g.reload(site(pairs, rules.replace("optional", "required"))).returncode == 0
    assert exchange(g, known, session=session)[1:3] == (b"site.test CN=ann", False)


@pytest.mark.parametrize("version", VERSIONS)
def test_without_tickets(gatehouse, authority, pairs, version):
    g = gatehouse(two(pairs, "", "tickets off"))
    made = context(authority, version)
    session = exchange(g, made, "a.test")[3]
    assert exchange(g, made, "a.test", session=session)[2]
    assert not exchange(g, made, "b.test", session=session)[2]
    with connect(g, made, "b.test") as c:
        ask(c, "b.test")
        assert not c.session or not c.session.has_ticket
    told = s_client(g, "-tls1_" + version[2], "-servername", "b.test", data=b"GET / HTTP/1.1\r\nHost: b.test\r\nConnection: close\r\n\r\n").stdout
    assert b"TLS session ticket:" not in told
    ids = re.findall(rb"Session-ID: *(\w*)", told)
    assert version == "1.3" or ids == [b""]                                         # no session of TLS 1.2 that is kept here, either


@pytest.mark.parametrize("version", VERSIONS)
def test_without_tickets_in_the_first_block_alone(gatehouse, authority, pairs, version):
    """Each connection begins with the first block's rules, whoever is asked for then."""
    g = gatehouse(two(pairs, "tickets off", "tickets on"))
    made = context(authority, version)
    status, body, reused, session = exchange(g, made, "b.test")
    assert (status, body, reused) == (200, b"b.test ", False) and session.has_ticket
    for _ in range(3):
        status, body, reused, session = exchange(g, made, "b.test", session=session)
        assert (status, body, reused) == (200, b"b.test ", True)
    for name in ("a.test", None):                                                   # no name: the first block's
        assert not exchange(g, made, name, "a.test", session=session)[2]
        with connect(g, made, name) as c:
            ask(c, "a.test")
            assert not c.session or not c.session.has_ticket
    told = s_client(g, "-tls1_" + version[2], "-servername", "a.test").stdout
    assert b"New, TLSv1." in told and b"TLS session ticket:" not in told
    assert b"TLS session ticket:" in s_client(g, "-tls1_" + version[2], "-servername", "b.test").stdout


def test_a_ticket_ends_with_the_certificate_that_was_shown(gatehouse, authority, pairs, clients):
    """Nobody looks at a certificate when a session is resumed: so one that has run out since ends it."""
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=6 * SLOWNESS)
    pair = clients[0].issue("brief", ends=soon.strftime("%Y%m%d%H%M%SZ"))
    g = gatehouse(site(pairs, f"client-ca {clients[0].certificate}"))
    made = context(authority, "1.2", pair)
    session = exchange(g, made)[3]
    assert exchange(g, made, session=session)[2]
    def is_over():
        try:
            return not exchange(g, made, session=session)[2]
        except (ssl.SSLError, ConnectionError, AssertionError):
            return True
    until(is_over, 20, "the session is refused")


def allow_early_data(path):
    """Has the session in the file say that its ticket was for early data (RFC 8446 4.6.1): `max_early_data`, which openssl
    writes as [15], between the tick's age [14] and the protocol [16]."""
    at = ssl.PEM_cert_to_DER_cert(path.read_text().replace("SSL SESSION PARAMETERS", "CERTIFICATE"))
    assert at[:2] == b"\x30\x82"
    fields, rest = [], at[4:]
    while rest:
        more = rest[1] & 0x7f if rest[1] & 0x80 else 0                                # bytes of the length
        length = 2 + more + (int.from_bytes(rest[2:2 + more], "big") if more else rest[1])
        fields.append(rest[:length])
        rest = rest[length:]
    assert not any(field[0] == 0xaf for field in fields), "the ticket is for early data"
    behind = next((i for i, field in enumerate(fields) if field[0] > 0xaf), len(fields))
    inside = b"".join(fields[:behind] + [b"\xaf\x04\x02\x02\x40\x00"] + fields[behind:])
    made = base64.encodebytes(b"\x30\x82" + len(inside).to_bytes(2, "big") + inside).decode()
    path.write_text(f"-----BEGIN SSL SESSION PARAMETERS-----\n{made}-----END SSL SESSION PARAMETERS-----\n")


@pytest.mark.parametrize("fill", [0, 10000])
def test_early_data_are_passed_over(gatehouse, pairs, tmp_path, fill):
    """They could be sent again by anybody who has seen them (RFC 8446 8): so no ticket is for them, and where a client
    sends them all the same the handshake goes on as if they had not come."""
    g = gatehouse(site(pairs, inside='respond 200 body "asked for $uri."'))
    options = ("-tls1_3", "-servername", "site.test", "-sess_out", tmp_path / "session")
    def request(path):
        return f"GET {path} HTTP/1.1\r\nHost: site.test\r\nX-Fill: {'x' * fill}\r\nConnection: close\r\n\r\n".encode()
    assert b"asked for /first." in s_client(g, *options, data=request("/first")).stdout
    allow_early_data(tmp_path / "session")
    (tmp_path / "early").write_bytes(request("/early"))
    told = s_client(g, *options[:3], "-sess_in", tmp_path / "session", "-early_data", tmp_path / "early", data=request("/late")).stdout
    assert b"Reused, TLSv1.3" in told and b"Early data was rejected" in told
    assert re.findall(rb"asked for (\S+)\.", told) == [b"/late"]
    assert json.loads(g.command("status", "--json").stdout)["requests"] == 2


# HSTS

def test_hsts(gatehouse, authority, pairs, nginx_new):
    n = nginx_new('location = /hsts { add_header Strict-Transport-Security "max-age=1" always; return 200 "x"; }')
    inside = f"""host b.test
    listen 127.0.0.1:${{env.PLAIN}}
    redirect https://b.test/ if path(/redirect)
    deny if path(/deny)
    route /off {{ to off }}
    route * {{ to 127.0.0.1:{n.port} }}"""
    g = gatehouse(site(pairs, "hsts 365d", inside).replace("    host default\n", "    host site.test\n"))
    def of(url, *options):
        return curl(url, "-k", "--resolve", f"site.test:{g.port}:127.0.0.1", *options)["strict-transport-security"]
    for path in ("/hsts", "/redirect", "/deny", "/off", "/echo"):
        assert of(f"https://site.test:{g.port}{path}") == "max-age=31536000", path
    with connect(g, context(authority)) as c:
        head, _ = ask(c, "site.test", "/", "Bad Field: x")
        assert " 400 " in head and "max-age=31536000" in head
    for path, expected in (("/hsts", "max-age=1"), ("/redirect", None), ("/deny", None)):
        assert curl(f"http://127.0.0.1:{g.ports['PLAIN']}{path}", "-H", "Host: site.test")["strict-transport-security"] == expected
    assert g.reload(site(pairs, "hsts 0", inside).replace("    host default\n", "    host site.test\n")).returncode == 0
    assert of(f"https://site.test:{g.port}/deny") == "max-age=0"


@pytest.mark.parametrize("hsts, passed", [("hsts 365d", b"X-Sum: 7\r\n"), ("", b"X-Sum: 7\r\nStrict-Transport-Security: max-age=9\r\n")])
def test_hsts_is_not_contradicted_in_a_trailer(gatehouse, authority, pairs, origin, hsts, passed):
    o = origin(b"HTTP/1.1 200 OK\r\nTrailer: X-Sum, Strict-Transport-Security\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"2\r\nhi\r\n0\r\nX-Sum: 7\r\nStrict-Transport-Security: max-age=9\r\n\r\n")
    g = gatehouse(site(pairs, hsts, f"to 127.0.0.1:{o.port}"))
    with connect(g, strict_context(authority)) as c:
        c.sendall(b"GET / HTTP/1.1\r\nHost: site.test\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n")
        answer = b"".join(iter(lambda: c.recv(65536), b""))
    assert answer.endswith(b"\r\n0\r\n" + passed + b"\r\n")


def test_hsts_is_of_the_block_that_answers(gatehouse, authority, pairs):
    g = gatehouse(two(pairs, "hsts 1h", ""))
    def field(name, host):
        with connect(g, context(authority), name) as c:
            return "max-age" in ask(c, host)[0]
    assert field("a.test", "a.test") and not field("b.test", "b.test")
    assert not field("a.test", "b.test")                                            # misdirected: not for b.test


# What is told of connections that come to nothing

def test_failed_handshakes_are_told_and_silence_is_not(gatehouse, authority, pairs, clients):
    g = gatehouse(site(pairs, f"client-ca {clients[0].certificate}"))
    port = g.port
    socket.create_connection(("127.0.0.1", port)).close()                           # a browser's preconnect
    s_client(g, "-tls1_2", "-servername", "site.test")
    until(lambda: f"gatehouse: 127.0.0.1 at 127.0.0.1:{port}: no TLS handshake for site.test: peer did not return a certificate" in g.errors(), 10, "the notice")
    with Client(port) as c:
        c.send(b"GET / HTTP/1.1\r\n\r\n")
        c.is_closed(5)
    until(lambda: f"127.0.0.1 at 127.0.0.1:{port}: no TLS handshake: http request" in g.errors(), 10, "the notice")
    s_client(g, "-tls1_2", "-servername", "no name")
    until(lambda: "no TLS handshake: the name in its hello is not one of a host" in g.errors(), 10, "the notice")
    assert g.errors().count("no TLS handshake") == 3


@pytest.mark.parametrize("name, told", [("Shop.Example", " for shop.example: no site has the name that was asked for"), ("127.0.0.1", " for 127.0.0.1: the name in its hello is not one of a host"),
                                        ("::1", ": the name in its hello is not one of a host"), ("x" * 70, ": the name in its hello is not one of a host")])
def test_the_name_that_no_site_has_is_told(gatehouse, pairs, name, told):
    g = gatehouse(two(pairs))
    s_client(g, "-tls1_2", "-servername", name)
    until(lambda: f"gatehouse: 127.0.0.1 at 127.0.0.1:{g.port}: no TLS handshake{told}\n" in g.errors(), 10, "the notice")


def test_refused_proxy_headers_are_told(gatehouse):
    g = gatehouse("\ntimeouts { client-header 300ms }\nreverse r { listen 127.0.0.1:${env.PORT} proxy-protocol from 127.0.0.1; respond 200 }\n")
    for data, why in ((b"GET / HTTP/1.1\r\n\r\n", "what was sent is none"), (b"PROXY TCP4 1.2", "it was not whole in time")):
        with Client(g.port) as c:
            c.send(data)
            assert c.is_closed(5)
        until(lambda: f"127.0.0.1 at 127.0.0.1:{g.port}: no PROXY header: {why}" in g.errors(), 10, why)
    with Client(g.port) as c:
        assert c.is_closed(5)
    until(lambda: json.loads(g.command("status", "--json").stdout)["headers_refused"] >= 3, 10, "the count")
    assert g.errors().count("no PROXY header") == 2


def test_notices_are_bounded_and_private(gatehouse, pairs):
    g = gatehouse("\nlog { to stdout; addresses masked }\n" + site(pairs)[1:])
    for _ in range(60):
        with Client(g.port) as c:
            c.send(b"GET / HTTP/1.1\r\n\r\n")
            c.is_closed(5)
    until(lambda: "no TLS handshake" in g.errors(), 10, "a notice")
    assert "127.0.0.0 at" in g.errors() and "127.0.0.1 at" not in g.errors()
