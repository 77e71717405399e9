"""Certificates that live: files that change under a running configuration."""
import contextlib, json, os, pathlib, re, shutil, signal, socket, ssl, subprocess, threading, time
from concurrent import futures

import pytest

from lib import SLOWNESS, run, temp_dir, until
from lib.authority import Pair, in_hours, put, rename_over
from lib.tls import connect, context

SITE = """
reverse site {{
    listen 127.0.0.1:${{env.PORT}} tls
    certificate {0}/c.pem {0}/k.pem
    respond 200 body "one"
}}
"""


@pytest.fixture(scope="module")
def pairs(authority):
    return [authority.issue("site.test") for _ in range(3)]


@pytest.fixture
def folder():
    one = temp_dir("certificates")
    os.chmod(one, 0o755)
    yield one
    one.remove()


def serial_of(pair):
    told = subprocess.run(["openssl", "x509", "-in", pair.certificate, "-noout", "-serial"], capture_output=True, text=True, check=True)
    return told.stdout.strip().partition("=")[2]


def ask(connection):
    connection.sendall(b"GET / HTTP/1.1\r\nHost: site.test\r\n\r\n")
    return connection.recv(4096)


def serial(g, authority, **options):
    with connect(g, context(authority), **options) as c:
        assert b"200" in ask(c)
        return c.getpeercert()["serialNumber"]


def served(g, authority, pair, **options):
    until(lambda: serial(g, authority, **options) == serial_of(pair), 10, "the new certificate is served")


def renewals(g):
    return g.errors().count("has changed, and the new one is served")


def refusals(g):
    return g.errors().count("goes on as it was, until its files change again")


def shown(g, authority, name, version=None, ciphers=None):
    """The serial number of the certificate, whatever names it is for."""
    made = context(authority, version)
    made.check_hostname = False
    if ciphers:
        made.set_ciphers(ciphers)
    with connect(g, made, name=name) as c:
        return c.getpeercert()["serialNumber"]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_of_several_certificates_those_that_are_for_the_name(gatehouse, authority, folder, version):
    first, second, wild = authority.issue("one.test"), authority.issue("two.test", "also.test"), authority.issue("*.wild.test")
    rsa = authority.issue("two.test", "rsa.test", key="rsa:2048")
    issued = dict(first=first, second=second, wild=wild, rsa=rsa)
    lines = "".join(f"    certificate {p.certificate} {p.key}\n" for p in issued.values())
    g = gatehouse(SITE.replace("    certificate {0}/c.pem {0}/k.pem\n", lines).replace("{{", "{").replace("}}", "}"))
    for name, wanted in (("one.test", first), ("two.test", second), ("ALSO.test", second), ("a.wild.test", wild), ("rsa.test", rsa),
                         ("wild.test", first), ("a.b.wild.test", first), ("other.test", first), (None, first)):
        assert shown(g, authority, name, version) == serial_of(wanted), name
    for name, wanted in (("two.test", rsa), ("rsa.test", rsa), ("other.test", rsa)):
        assert shown(g, authority, name, "1.2", "ECDHE-RSA-AES128-GCM-SHA256") == serial_of(wanted), name
    with pytest.raises(ssl.SSLError):                       # it has none for that name, and another would be wrong
        shown(g, authority, "one.test", "1.2", "ECDHE-RSA-AES128-GCM-SHA256")


def test_one_of_several_certificates_changes_its_names(gatehouse, authority, folder):
    put(folder, authority.issue("one.test"))
    other = authority.issue("two.test")
    g = gatehouse(SITE.replace("k.pem\n", f"k.pem\n    certificate {other.certificate} {other.key}\n").format(folder))
    assert shown(g, authority, "two.test") == serial_of(other)
    changed = authority.issue("one.test", "two.test")
    put(folder, changed)
    until(lambda: shown(g, authority, "two.test") == serial_of(changed), 10, "the first that is for it")
    assert shown(g, authority, "one.test") == serial_of(changed)
    put(folder, authority.issue("other.test"))
    until(lambda: shown(g, authority, "two.test") == serial_of(other), 10, "the other again")


def failures(g):
    return int(g.command("status").stdout.split("TLS handshakes that failed")[1].split()[0])


def generation(g):
    return [line for line in g.command("status").stdout.splitlines() if line.startswith("configuration")][0].split(",")[0]


def test_files_that_are_replaced(gatehouse, authority, pairs, folder):
    put(folder, pairs[0])
    g = gatehouse(SITE.format(folder))
    before = generation(g)
    with connect(g, context(authority)) as old:
        assert b"200" in ask(old)
        g.write(SITE.format(folder).replace('"one"', '"two"').replace("respond", "nonsense"))   # not what is to be applied
        for pair in pairs[1:]:
            put(folder, pair)
            served(g, authority, pair)
        assert b"one" in ask(old)                                                                # the same connection
    with connect(g, context(authority)) as new:
        assert b"one" in ask(new)
    assert generation(g) == before


def test_links_that_are_swapped(gatehouse, authority, pairs, folder):
    """As certbot keeps them: live/ holds links into archive/."""
    os.mkdir(folder / "archive")
    os.mkdir(folder / "live")
    for i, pair in enumerate(pairs):
        shutil.copy(pair.certificate, folder / f"archive/c{i}.pem")
        shutil.copy(pair.key, folder / f"archive/k{i}.pem")
    def link(i):
        for letter in "ck":
            os.symlink(f"../archive/{letter}{i}.pem", folder / f"live/{letter}.new")
            os.replace(folder / f"live/{letter}.new", folder / f"live/{letter}.pem")
    link(0)
    g = gatehouse(SITE.format(folder / "live"))
    for i in (1, 2, 0):
        link(i)
        served(g, authority, pairs[i])
    os.symlink("live", folder / "current")                    # a folder that is a link, as volumes of containers are
    g.reload(SITE.format(folder / "current"))
    os.mkdir(folder / "other")
    shutil.copy(pairs[1].certificate, folder / "other/c.pem")
    shutil.copy(pairs[1].key, folder / "other/k.pem")
    os.symlink("other", folder / "next")
    os.replace(folder / "next", folder / "current")
    served(g, authority, pairs[1])


def test_files_that_are_written_in_place_and_by_halves(gatehouse, authority, pairs, folder):
    put(folder, pairs[0])
    g = gatehouse(SITE.format(folder))
    with open(pairs[1].certificate, "rb") as source:
        text = source.read()
    with open(folder / "c.pem", "wb") as file:
        file.write(text[:len(text) // 2])
        file.flush()
        until(lambda: refusals(g) == 1, 10, "half a certificate is refused")
        assert "there is no whole certificate in" in g.errors()
        assert serial(g, authority) == serial_of(pairs[0])
        file.write(text[len(text) // 2:])
    until(lambda: refusals(g) == 2, 10, "a certificate without its key is refused")
    assert g.errors().count("does not match the key") == 1
    assert serial(g, authority) == serial_of(pairs[0])
    shutil.copy(pairs[1].key, folder / "k.pem")
    served(g, authority, pairs[1])
    assert refusals(g) == 2 and renewals(g) == 1


def test_a_byte_order_mark_hides_no_certificate(gatehouse, authority, pairs, folder):
    """OpenSSL, and so `check`, does not mind it: nor must whoever runs lose the first certificate by it."""
    put(folder, pairs[0])
    g = gatehouse(SITE.format(folder))
    for path, name in ((pairs[1].key, "k.pem"), (pairs[1].certificate, "c.pem")):
        with open(path, "rb") as source, open(folder / name, "wb") as file:
            file.write(b"\xef\xbb\xbf" + source.read())
    served(g, authority, pairs[1])
    g.reload(SITE.format(folder))
    served(g, authority, pairs[1])


def test_files_that_are_gone_for_a_while(gatehouse, authority, pairs, folder):
    put(folder, pairs[0])
    g = gatehouse(SITE.format(folder))
    os.unlink(folder / "k.pem")
    until(lambda: "cannot take the key" in g.errors(), 10, "a missing key is told")
    os.unlink(folder / "c.pem")
    until(lambda: "cannot read the certificate" in g.errors(), 10, "a missing certificate is told")
    assert serial(g, authority) == serial_of(pairs[0])
    put(folder, pairs[1])
    served(g, authority, pairs[1])


def test_what_is_refused_is_told_once(gatehouse, authority, pairs, folder):
    put(folder, pairs[0])
    g = gatehouse(SITE.format(folder))
    with open(folder / "k.pem", "w", encoding="utf-8") as file:
        file.write("no key\n")
    until(lambda: refusals(g) == 1, 10, "what is no key is told")
    os.utime(folder / "c.pem")                               # a second look at it is a second refusal; between them there was none
    until(lambda: refusals(g) == 2, 10, "it is looked at again when it changes")
    shutil.copy(pairs[0].key, folder / "k.pem")              # as it was: nothing to tell
    put(folder, pairs[2])
    served(g, authority, pairs[2])
    assert refusals(g) == 2


def test_a_certificate_whose_public_key_nobody_can_read(gatehouse, authority, pairs, folder):
    put(folder, pairs[0])
    g = gatehouse(SITE.format(folder))
    processes = g.processes()
    with open(pairs[0].certificate, encoding="ascii") as file:
        der = ssl.PEM_cert_to_DER_cert(file.read())
    unknown = der.replace(bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d0209"))     # no algorithm has this number
    with open(folder / "c.new", "w", encoding="ascii") as file:
        file.write(ssl.DER_cert_to_PEM_cert(unknown))
    assert unknown != der
    os.replace(folder / "c.new", folder / "c.pem")
    until(lambda: refusals(g) == 1, 10, "it is refused")
    assert "the public key cannot be read in" in g.errors()
    assert run("check", "-c", g.conf, env=g.env).returncode == 1
    assert g.processes() == processes
    assert serial(g, authority) == serial_of(pairs[0])


def test_a_change_while_many_handshakes_are_under_way(gatehouse, authority, pairs, folder):
    put(folder, pairs[0])
    g = gatehouse(SITE.format(folder))
    until(lambda: failures(g) == 1, 10, "the look whether it listens is counted: no handshake came of it")
    faults, seen, end = [], set(), threading.Event()
    made = context(authority)
    def client():
        while not end.is_set():
            try:
                with made.wrap_socket(socket.create_connection(("127.0.0.1", g.port), 20 * SLOWNESS), server_hostname="site.test") as c:
                    assert b"200" in ask(c)
                    seen.add(c.getpeercert()["serialNumber"])
            except (OSError, AssertionError) as fault:
                faults.append(repr(fault))
    clients = [threading.Thread(target=client, daemon=True) for _ in range(4)]
    for one in clients:
        one.start()
    for pair in (*pairs[1:], *pairs):
        put(folder, pair)
        served(g, authority, pair)
    end.set()
    for one in clients:
        one.join(20 * SLOWNESS)
    assert not faults, faults[:5]
    assert seen == {serial_of(pair) for pair in pairs}
    assert failures(g) == 1


@pytest.mark.parametrize("name", ["gatehouse", "gatehouse-key"])
def test_a_process_that_dies_while_files_change(gatehouse, authority, pairs, folder, name):
    put(folder, pairs[0])
    g = gatehouse(SITE.format(folder))
    put(folder, pairs[1])
    served(g, authority, pairs[1])
    rename_over(pairs[2].certificate, folder / "c.pem")       # the key is to follow
    until(lambda: refusals(g) == 1, 10, "half of the pair is refused")
    before = g.processes().get(name)
    os.kill(before, signal.SIGKILL)
    until(lambda: g.processes().get(name) not in (before, None), 10, "another process")
    def answered():
        try:
            return serial(g, authority)
        except OSError:
            return None
    assert until(answered, 10, "handshakes") == serial_of(pairs[1])
    rename_over(pairs[2].key, folder / "k.pem")
    served(g, authority, pairs[2])


def test_one_pair_for_two_blocks_and_two_pairs_for_one(gatehouse, authority, folder):
    ec, rsa = folder / "ec", folder / "rsa"
    def both(number):
        put(ec, authority.issue("site.test"))
        put(rsa, authority.issue("site.test", key="rsa:2048"))
    for one in (ec, rsa):
        os.mkdir(one)
        os.chmod(one, 0o755)
    both(1)
    block = "reverse {0} {{{{ listen 127.0.0.1:${{{{env.{0}}}}} tls; certificate {{0}}/c.pem {{0}}/k.pem; certificate {{1}}/c.pem {{1}}/k.pem; respond 200 }}}}\n"
    g = gatehouse("\n" + "".join(block.format(name).format(ec, rsa) for name in ("PORT", "OTHER")))
    def shown(port, kind):
        made = context(authority)
        made.maximum_version = ssl.TLSVersion.TLSv1_2
        made.set_ciphers(kind)
        with made.wrap_socket(socket.create_connection(("127.0.0.1", port), 10 * SLOWNESS), server_hostname="site.test") as c:
            return c.getpeercert()["serialNumber"]
    def all_shown():
        return [shown(port, kind) for port in g.ports.values() for kind in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256")]
    old = all_shown()
    assert old[:2] == old[2:] and old[0] != old[1]
    both(2)
    until(lambda: renewals(g) == 2, 10, "both pairs are renewed")
    new = all_shown()
    assert new[:2] == new[2:] and not set(new) & set(old)


@pytest.mark.parametrize("shared", ["k.pem", "c.pem"])
def test_one_file_in_two_pairs_of_which_one_is_renewed(gatehouse, authority, pairs, folder, shared):
    """The other goes on with what it has, also in a process that is started later."""
    other = authority.issue("site.test", key_of=pairs[0])
    put(folder, pairs[0])
    for source, name in ((other.certificate, "other-c.pem"), (other.key, "other-k.pem")):
        rename_over(source, folder / name)
    second = ("other-c.pem", "k.pem") if shared == "k.pem" else ("c.pem", "other-k.pem")
    g = gatehouse(SITE.format(folder) + f"""
reverse other {{
    listen 127.0.0.1:${{env.OTHER}} tls
    certificate {folder}/{second[0]} {folder}/{second[1]}
    respond 200 body "one"
}}
""")
    before = serial_of(other if shared == "k.pem" else pairs[0])
    def both_served():
        served(g, authority, pairs[1])
        assert serial(g, authority, port=g.ports["OTHER"]) == before
    put(folder, pairs[1])
    both_served()
    until(lambda: refusals(g) >= 1, 10, "the other pair is refused")
    both_served()
    for victim in ("gatehouse", "gatehouse-key"):
        pid = g.processes()[victim]
        os.kill(pid, signal.SIGKILL)
        until(lambda: g.processes().get(victim, pid) != pid, 10, "it is started again")
        both_served()


def test_nothing_is_left_of_an_old_pair_after_a_reload(gatehouse, authority, pairs, folder):
    put(folder, pairs[0])
    g = gatehouse(SITE.format(folder))
    put(folder, pairs[1])
    served(g, authority, pairs[1])
    for _ in range(2):
        assert g.reload().returncode == 0
        assert serial(g, authority) == serial_of(pairs[1])
    assert renewals(g) == 1


def test_a_reverse_and_a_forward_block_of_one_name(gatehouse, authority, pairs, folder):
    """They share neither certificates, after a reload, nor sessions."""
    put(folder, pairs[0])
    inside = f"tls; certificate {folder}/c.pem {folder}/k.pem"
    g = gatehouse(f"""
reverse main {{ listen 127.0.0.1:${{env.PORT}} {inside}; respond 200 body "one" }}
forward main {{ listen 127.0.0.1:${{env.OTHER}} {inside}; allow }}
""")
    made = context(authority, "1.2")
    def session(port, known=None):
        with connect(g, made, session=known, port=port) as c:
            return c.session, c.session_reused
    of_first = session(g.port)[0]
    assert session(g.port, of_first)[1]
    assert not session(g.ports["OTHER"], of_first)[1]
    worker = g.processes()["gatehouse"]
    assert g.reload().returncode == 0
    put(folder, pairs[1])
    served(g, authority, pairs[1])
    with connect(g, context(authority), port=g.ports["OTHER"]) as c:
        assert c.getpeercert()["serialNumber"] == serial_of(pairs[1])
    assert g.processes()["gatehouse"] == worker


def half_a_hello(g, authority):
    """A connection whose handshake goes on when the function that is returned too is called: it returns what the client sees."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context(authority).wrap_bio(incoming, outgoing, server_hostname="site.test")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()
    connection = socket.create_connection(("127.0.0.1", g.port), 10 * SLOWNESS)
    connection.sendall(hello[:100])
    def go_on():
        connection.sendall(hello[100:])
        with connection:
            while (got := connection.recv(65536)):
                incoming.write(got)
                with contextlib.suppress(ssl.SSLWantReadError):
                    client.do_handshake()
                    return client.getpeercert()["serialNumber"]
        return "the end"
    return go_on


@pytest.mark.parametrize("wrong_first", [False, True])
def test_a_handshake_that_lasts_longer_than_two_configurations(gatehouse, authority, pairs, folder, wrong_first):
    """A reload that is refused counts generations, too."""
    texts = []
    for number, pair in enumerate(pairs):
        os.mkdir(folder / str(number))
        os.chmod(folder / str(number), 0o755)
        put(folder / str(number), pair)
        texts.append(SITE.format(folder / str(number)))
    g = gatehouse(texts[0])
    go_on = half_a_hello(g, authority)
    if wrong_first:
        assert g.reload("nonsense\n").returncode != 0
    else:
        assert g.reload(texts[1]).returncode == 0
    assert g.reload(texts[2]).returncode == 0
    assert go_on() == serial_of(pairs[0])
    assert serial(g, authority) == serial_of(pairs[2])


def test_a_key_that_the_keeper_does_not_have_is_told(gatehouse, authority, pairs, folder):
    """One that is started later than a certificate was replaced, for a handshake that began before."""
    put(folder, pairs[0])
    g = gatehouse(SITE.format(folder))
    kept = len(memory_files(g.pid))
    go_on = half_a_hello(g, authority)
    os.mkdir(folder / "other")
    os.chmod(folder / "other", 0o755)
    put(folder / "other", pairs[1])
    assert g.reload(SITE.format(folder / "other")).returncode == 0
    until(lambda: len(memory_files(g.pid)) == kept, 10, "the copy of the old key is given back")
    keeper = g.processes()["gatehouse-key"]
    os.kill(keeper, signal.SIGKILL)
    until(lambda: g.processes().get("gatehouse-key", keeper) != keeper, 10, "another keeper")
    with pytest.raises(ssl.SSLError):
        go_on()
    until(lambda: "no TLS handshake for site.test: the keeper does not have the key" in g.errors(), 5, "it is told why")


def check(folder, text, *options):
    with open(folder / "g.conf", "w", encoding="utf-8") as file:
        file.write(text)
    result = run("check", *options, "-c", folder / "g.conf")
    return result.returncode, result.stdout + result.stderr


BLOCK = "reverse r {{ listen 127.0.0.1:8443 tls; certificate {0.certificate} {0.key}; {1}; respond 200 }}\n"


@pytest.mark.parametrize("hours,expected", [
    (-24 * 400, "has expired, on 20"),
    (20, "expires in less than a day, on 20"),
    (25, "expires in 1 day, on 20"),
    (14 * 24 - 1, "expires in 13 days, on 20"),
    (14 * 24 + 1, None),
])
def test_check_tells_what_has_expired_or_will_soon(authority, folder, hours, expected):
    pair = authority.issue("site.test", ends=in_hours(hours))
    status, told = check(folder, BLOCK.format(pair, "host site.test"))
    strict, _ = check(folder, BLOCK.format(pair, "host site.test"), "--strict")
    assert (status, strict) == (0, 0 if expected is None else 1), told
    assert expected in told if expected else "warning" not in told


@pytest.mark.parametrize("hours,expected", [(-24, " has expired, on 20"), (25, " expires in 1 day, on 20"), (14 * 24 + 1, None)])
def test_check_tells_which_authority_ends(authority, folder, hours, expected):
    pair, good = authority.issue("site.test"), authority.issue("good.test")
    ending = authority.issue("Ending, Inc", extensions=["subjectAltName=DNS:x.test"], ends=in_hours(hours))
    file = folder / "people.pem"
    with open(file, "w", encoding="ascii") as both:
        both.write("".join(pathlib.Path(p.certificate).read_text(encoding="ascii") for p in (good, ending)))
    for text in (BLOCK.format(pair, f"tls {{ client-ca {file} }}"),
                 f"pool p {{ server 127.0.0.1:1; tls {{ ca {file} }} }}\nreverse r {{ listen 127.0.0.1:1; pool p }}\n"):
        status, told = check(folder, text)
        assert status == 0 and told.count("the authority ") == (expected is not None), told
        assert expected is None or f"the authority CN=Ending\\, Inc in '{file}'{expected}" in told


@pytest.mark.parametrize("key,tls,expected", [
    ("ec", "ciphers ECDHE-RSA-AES128-GCM-SHA256", "none of these ciphers goes with a certificate of the block"),
    ("ec", "ciphers ECDHE-RSA-AES128-GCM-SHA256; versions 1.2", "none of these ciphers goes with a certificate of the block"),
    ("rsa:2048", "ciphers ECDHE-RSA-AES128-GCM-SHA256", None),
    ("ec", "ciphers ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256", None),
    ("ec", "versions 1.3; ciphers ECDHE+AESGCM", "these ciphers are of TLS 1.2 only"),
    ("ec", "versions 1.2; ciphers TLS_AES_128_GCM_SHA256 ECDHE+AESGCM", "suites called TLS_"),
    ("ec", "versions 1.3; ciphers TLS_AES_128_GCM_SHA256", None),
    ("ec", "ciphers HIGH:!aNULL:!MD5:!3DES:!MEDIUM:!aECDH:!ECDH+3DES:!EDH-RSA-DES-CBC3-SHA:!KRB5-DES-CBC3-SHA:!EXPORT40", None),
])
def test_check_tells_ciphers_that_are_of_no_use(authority, folder, key, tls, expected):
    pair = authority.issue("site.test", key=key)
    status, told = check(folder, BLOCK.format(pair, f"tls {{ {tls} }}"))
    assert status == 0 and ("warning" in told) == (expected is not None), told
    assert expected is None or expected in told


@pytest.mark.parametrize("source", ["self-signed", "auto { email a@site.test; agree-terms on }"])
@pytest.mark.parametrize("ciphers,is_told", [("ECDHE+AESGCM", False), ("ECDHE-RSA-AES128-GCM-SHA256", True)])
def test_check_knows_ciphers_for_certificates_that_are_still_to_be_made(folder, source, ciphers, is_told):
    """They have ECDSA keys."""
    text = f"host site.test; certificate {source}; tls {{ ciphers {ciphers} }}"
    status, told = check(folder, f"state {folder}/state; reverse site {{ listen 127.0.0.1:8443 tls; listen 127.0.0.1:80; {text}; respond 200 }}\n")
    assert status == 0 and ("none of these ciphers goes with a certificate" in told) == is_told, told


def test_check_tells_a_curve_that_few_take(authority, folder):
    openssl = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-days", "30", "-subj", "/CN=site.test", "-addext", "subjectAltName=DNS:site.test"]
    for curve, is_told in (("secp256k1", True), ("P-384", False)):
        pair = Pair(folder / f"{curve}.pem", folder / f"{curve}.key", folder)
        subprocess.run([*openssl, "-pkeyopt", f"ec_paramgen_curve:{curve}", "-keyout", pair.key, "-out", pair.certificate], check=True, capture_output=True)
        assert ("is on a curve that few clients take" in check(folder, BLOCK.format(pair, ""))[1]) == is_told


def test_check_tells_hosts_that_none_of_several_certificates_is_for(authority, folder):
    one, other = authority.issue("one.test", "two.test"), authority.issue("*.two.test")
    text = BLOCK.format(one, f"certificate {other.certificate} {other.key}; host one.test .two.test three.test")
    told = check(folder, text)[1]
    assert told.count("is not for") == 1 and ", as the others of this block, is not for 'three.test'" in told, told


@pytest.mark.parametrize("names,hosts,missing", [
    (["site.test"], "site.test", []),
    (["*.site.test", "site.test"], ".site.test", []),
    (["*.site.test"], "*.site.test a.site.test", []),
    (["*.site.test"], ".site.test", [".site.test"]),
    (["site.test"], "*.site.test other.test site.test", ["*.site.test", "other.test"]),
    (["127.0.0.1"], "127.0.0.1", []),
    (["site.test"], "127.0.0.1", ["127.0.0.1"]),
    (["site.test"], "default", []),
])
def test_check_tells_hosts_that_a_certificate_is_not_for(authority, folder, names, hosts, missing):
    pair = authority.issue(*names)
    status, told = check(folder, BLOCK.format(pair, "host " + hosts))
    assert status == 0
    assert told.count("is not for") == len(missing)
    for name in missing:
        assert f"is not for '{name}'" in told
    assert (check(folder, BLOCK.format(pair, "host " + hosts), "--strict")[0] == 1) == bool(missing)


def test_check_tells_that_a_common_name_is_no_host(authority, folder):
    """Browsers look at subjectAltName alone."""
    pair = authority.issue("site.test", extensions=["keyUsage=digitalSignature"])
    status, told = check(folder, BLOCK.format(pair, "host site.test"))
    assert status == 0 and told.count("is not for 'site.test'") == 1


def test_a_renewed_certificate_that_is_not_for_the_hosts_is_told(gatehouse, authority, folder):
    """It goes into force all the same, as it does at a start."""
    names = dict(first=authority.issue("site.test", "b.test"), other=authority.issue("other.test"))
    put(folder, names["first"])
    pair = Pair(f"{folder}/c.pem", f"{folder}/k.pem", folder)
    g = gatehouse(BLOCK.format(pair, "host site.test b.test").replace("8443", "${env.PORT}"))
    put(folder, names["other"])
    until(lambda: renewals(g) == 1, 10, "the renewal")
    until(lambda: g.errors().count("is not for") == 2, 10, "the warnings")
    for name in ("site.test", "b.test"):
        assert f"warning: the certificate '{pair.certificate}' is not for '{name}'" in g.errors()
    put(folder, names["first"])
    until(lambda: renewals(g) == 2, 10, "the next renewal")
    assert g.errors().count("is not for") == 2


def test_a_key_that_others_can_read_is_told(gatehouse, authority, pairs, folder):
    put(folder, pairs[0])
    os.chmod(folder / "k.pem", 0o644)
    status, told = check(folder, SITE.format(folder).replace("${env.PORT}", "8443"))
    assert status == 0 and "k.pem': others can read the file" in told
    g = gatehouse(SITE.format(folder))
    until(lambda: "k.pem': others can read the file" in g.errors(), 10, "it is told at start")
    os.chmod(folder / "k.pem", 0o640)                         # a group may
    assert "others" not in check(folder, SITE.format(folder).replace("${env.PORT}", "8443"))[1]


def test_expiry_is_told_at_start_reload_and_renewal(gatehouse, authority, pairs, folder):
    ending = authority.issue("site.test", ends=in_hours(5 * 24 - 1))
    put(folder, ending)
    g = gatehouse(SITE.format(folder))
    until(lambda: g.errors().count("expires in 4 days, on 20") == 1, 10, "it is told at start")
    told = g.reload()
    assert told.returncode == 0 and "expires in 4 days, on 20" in told.stdout + told.stderr
    put(folder, pairs[0])
    served(g, authority, pairs[0])
    before = g.errors().count("expires in")
    put(folder, ending)
    served(g, authority, ending)
    until(lambda: g.errors().count("expires in") == before + 1, 10, "it is told again")


def test_status_shows_names_and_ends(gatehouse, authority, folder):
    put(folder, authority.issue("site.test", "www.site.test", "127.0.0.1", ends=in_hours(40 * 24 - 1)))
    g = gatehouse(SITE.format(folder))
    line = [one for one in g.command("status").stdout.splitlines() if one.startswith("certificates")][0]
    assert re.fullmatch(r"certificates +site: site\.test www\.site\.test 127\.0\.0\.1; expires in 39 days, on 20\d\d-\d\d-\d\d", line)
    shown, = json.loads(g.command("status", "--json").stdout)["certificates"]
    assert shown["block"] == "site" and shown["file"] == folder / "c.pem" and shown["names"] == ["site.test", "www.site.test", "127.0.0.1"]
    assert re.match(r"20\d\d-\d\d-\d\dT", shown["expires"])
    put(folder, authority.issue("site.test", ends=in_hours(20 * 24 - 1)))
    until(lambda: "certificates" in g.command("status").stdout and "expires in 19 days" in g.command("status").stdout, 10, "the new one is shown")


def memory_files(pid):
    """What the supervisor keeps of keys."""
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found += [fd] if "memfd" in os.readlink(f"/proc/{pid}/fd/{fd}") else []
        except FileNotFoundError:                             # closed meanwhile
            pass
    return found


def test_a_keeper_that_stands_still_over_a_change(gatehouse, authority, pairs, folder):
    put(folder, pairs[0])
    g = gatehouse(SITE.format(folder))
    keeper = g.processes().get("gatehouse-key")
    os.kill(keeper, signal.SIGSTOP)
    put(folder, pairs[1])
    until(lambda: len(memory_files(g.pid)) == 2, 10, "the new pair is read")
    os.kill(keeper, signal.SIGCONT)
    served(g, authority, pairs[1])
    for pair in (pairs[2], pairs[0]):                         # answers are those to the questions
        put(folder, pair)
        served(g, authority, pair)
    assert refusals(g) == 0
    until(lambda: len(memory_files(g.pid)) == 1, 10, "of old pairs nothing is left")


def test_a_reload_waits_for_a_keeper_that_stands_still_once_only(gatehouse, authority, pairs, folder):
    put(folder, pairs[0])
    block = SITE.format(folder).replace("reverse site {", "reverse b{0} {{\n    host b{0}.test")
    g = gatehouse("\n" + "".join(block.replace("{0}", str(i)).replace("{{", "{") for i in range(5)) + SITE.format(folder))
    keeper = g.processes()["gatehouse-key"]
    os.kill(keeper, signal.SIGSTOP)
    began = time.monotonic()
    done = g.command("reload", timeout=60)
    assert done.returncode == 1 and "the keeper does not answer" in done.stdout + done.stderr
    assert time.monotonic() - began < 12 * SLOWNESS            # five seconds for each of the six would be thirty
    os.kill(keeper, signal.SIGCONT)
    until(lambda: g.reload().returncode == 0, 10, "it answers again")
    put(folder, pairs[1])
    served(g, authority, pairs[1])
    assert g.processes()["gatehouse-key"] == keeper


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's supervisor changes how nice the keeper is, which tells that it is waited for")
@pytest.mark.parametrize("source", ["{0}/c.pem {0}/k.pem", "self-signed"])
def test_a_keeper_that_dies_while_a_reload_waits_for_it(gatehouse, pairs, folder, source):
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    put(folder, pairs[0])
    g = gatehouse(SITE.replace("{0}/c.pem {0}/k.pem", source).format(folder))
    assert connect(g, anybody).version() == "TLSv1.3"         # from its first signature on it is nice

    def niceness():
        return os.getpriority(os.PRIO_PROCESS, keeper)
    keeper, own = g.processes()["gatehouse-key"], os.getpriority(os.PRIO_PROCESS, g.pid)
    assert niceness() > own
    os.kill(keeper, signal.SIGSTOP)
    with futures.ThreadPoolExecutor() as pool:
        reload = pool.submit(g.reload)
        until(lambda: niceness() == own, 10, "it is waited for")
        os.kill(keeper, signal.SIGKILL)
        assert reload.result().returncode == 0
    assert connect(g, anybody).version() == "TLSv1.3"
    assert g.errors().count("was ended by signal 9") == 1


def test_a_keeper_that_dies_twice_while_a_certificate_changes_has_all_keys(gatehouse, authority, pairs, folder):
    """The second death is one for which there is no other at once: the changed pair's key asks for one before."""
    put(folder, pairs[0])
    other = authority.issue("other.test")
    g = gatehouse(SITE.format(folder).replace("{", "{ host site.test;", 1)
                  + SITE.format(folder).replace("reverse site {", "reverse other { host other.test;")
                  .replace(f"{folder}/c.pem {folder}/k.pem", f"{other.certificate} {other.key}"))

    def end_keeper():
        keeper = until(lambda: g.processes().get("gatehouse-key"), 10, "a keeper")
        os.kill(keeper, signal.SIGKILL)
        return keeper

    for attempt in range(1, 6):
        time.sleep(2)                                         # long enough for one that dies now not to be an early death
        put(folder, pairs[attempt % 2])
        time.sleep(attempt * 0.12)                            # somewhere between the change and its being seen
        keeper = end_keeper()
        until(lambda: g.processes().get("gatehouse-key", keeper) != keeper, 10, "another keeper")
        end_keeper()
        served(g, authority, pairs[attempt % 2])
        with connect(g, context(authority), "other.test") as c:
            c.sendall(b"GET / HTTP/1.1\r\nHost: other.test\r\n\r\n")
            assert b"200" in c.recv(4096)

    def ticks():
        with open(f"/proc/{g.pid}/stat", encoding="utf-8") as file:
            return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))
    before = ticks()
    time.sleep(1)
    assert ticks() - before < 25                              # a hundred a second are all of a processor


def test_the_keeper_signs_no_faster_than_it_may(gatehouse, authority, pairs, folder):
    """However many ask at once. A reload changes it."""
    put(folder, pairs[0])
    slow = "\nlimits { signatures-per-second 4 }\ntimeouts { tls-handshake 60s }\n" + SITE.format(folder)
    g = gatehouse(slow)

    def greet(count):
        """How long it took all of them."""
        began = time.monotonic()
        with contextlib.ExitStack() as stack, futures.ThreadPoolExecutor(count) as pool:
            for c in pool.map(lambda _: stack.enter_context(connect(g, context(authority))), range(count)):
                assert b"200" in ask(c)
        return time.monotonic() - began

    assert greet(8) > 7 / 4 - 0.1
    assert "more than 4 signatures a second are asked for; handshakes wait" in g.errors()
    assert g.reload(slow.replace("signatures-per-second 4", "signatures-per-second off")).returncode == 0
    assert greet(80) < 79 / 4
    assert g.reload(slow).returncode == 0
    os.kill(g.processes()["gatehouse-key"], signal.SIGKILL)
    assert greet(8) > 7 / 4 - 0.1                             # another keeper is told, too
