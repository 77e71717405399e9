"""Certificates that make no work: ordered from an authority (pebble), renewed, and self-signed."""
import datetime, json, os, re, shutil, signal, socket, ssl, stat, subprocess, sys, threading, types

import pytest

from lib import SLOWNESS, Authority, Client, curl, free_port, run, until
from lib.memory import is_in_memory, sanitizer, unsearchable
from lib.pebble import Pebble, missing

needs_memory = pytest.mark.skipif(unsearchable() is not None, reason=str(unsearchable()))
needs_uacme = pytest.mark.skipif(shutil.which("uacme") is None, reason="uacme is not installed")
needs_pebble = pytest.mark.skipif(missing() is not None, reason=str(missing()))

SITE = """
state ${{env.DIR}}/state
reverse site {{
    listen 127.0.0.1:${{env.PORT}}
    listen 127.0.0.1:${{env.TLS_PORT}} tls
    host {hosts}
    certificate auto {{ email admin@site.test; directory ${{env.DIRECTORY}}; agree-terms on }}
    redirect https://$host$uri if scheme(http) and path(/.well-known/*)
    respond 200 body "$scheme"
}}
"""
TLS_ONLY = re.sub(r"    listen .*PORT}}\n", "", SITE, count=1).replace("TLS_PORT", "PORT")


@pytest.fixture
def pebble():
    """pebble(http=, tls=): with the ports that are given, or free ones where nobody listens."""
    made = []

    def start(http=None, tls=None, running=True):
        made.append(Pebble(http or free_port(), tls or free_port()))
        return made[-1].start() if running else made[-1]

    yield start
    for one in made:
        one.remove()


def begin(gatehouse, authority, hosts="site.test", text=SITE, **env):
    return gatehouse(text.format(hosts=hosts), PATH=authority.path, DIRECTORY=authority.directory, **env)


def shown(port, name="site.test"):
    """The certificate that is shown for a name: issuer and the rest, as openssl prints it."""
    made = ssl.create_default_context()
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 10 * SLOWNESS) as plain, made.wrap_socket(plain, server_hostname=name) as c:
        der = c.getpeercert(True)
    return subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-issuer", "-subject", "-serial", "-ext", "subjectAltName", "-pubkey"],
                          input=der, capture_output=True, check=True).stdout.decode()


def is_self_signed(text):
    issuer, subject = re.search(r"issuer=(.*)\n", text)[1], re.search(r"subject=(.*)\n", text)[1]
    return issuer == subject


def is_pebbles(text):
    return "Pebble Intermediate" in text.splitlines()[0]


def orders(g):
    return json.loads(g.command("status", "--json").stdout)["orders"]


def failed_order(g, seconds=30):
    """The first order, when it has failed once."""
    return until(lambda: [one for one in orders(g)[:1] if one["failures"] == 1], seconds, "an order fails")[0]


def wait_for_certificate(g, port, name="site.test"):
    return until(lambda: is_pebbles(found := shown(port, name)) and found, 40, "a certificate of pebble is shown")


def ordered(gatehouse, pebble):
    """One that has a certificate from a pebble of its own, which proved the name by tls-alpn-01."""
    tls = free_port()
    authority = pebble(tls=tls)
    g = begin(gatehouse, authority, text=TLS_ONLY, PORT=tls)
    wait_for_certificate(g, tls)
    return g, authority


def want_more(g):
    """A reload with a name more."""
    with open(g.conf, encoding="utf-8") as file:
        text = file.read().replace("host site.test", "host site.test more.test")
    with open(g.conf, "w", encoding="utf-8") as file:
        file.write(text)
    assert g.reload().returncode == 0


def folder(g, authority):
    return os.path.join(str(g.dir), "state", "acme", re.sub(r"[^A-Za-z0-9.-]", "_", authority.directory[len("https://"):]))


# From nothing to a certificate

@needs_pebble
def test_http_01_from_nothing(gatehouse, pebble):
    http, tls = free_port(), free_port()
    authority = pebble(http=http, running=False)
    g = begin(gatehouse, authority, "site.test www.site.test", PORT=http, TLS_PORT=tls)
    first = shown(tls)
    assert is_self_signed(first) and "DNS:site.test, DNS:www.site.test" in first
    assert curl(g.url()).status == 421 and curl(g.url(), "-H", "Host: site.test").body == b"http"     # it serves meanwhile
    g.stop()

    authority.start()
    g = begin(gatehouse, authority, "site.test www.site.test", PORT=http, TLS_PORT=tls)
    for name in ("site.test", "www.site.test"):
        wait_for_certificate(g, tls, name)
        answer = curl(f"https://{name}:{tls}/", "--cacert", authority.root(), "--resolve", f"{name}:{tls}:127.0.0.1")
        assert answer.status == 200 and answer.body == b"https"
    assert authority.calls[-2:] == ["new admin@site.test", "issue site.test www.site.test"]
    order, = orders(g)
    assert (order["name"], order["names"], order["failures"], order["error"]) == ("site.test", 2, 0, "")
    assert order["until"] > order["next"] > "2026"
    assert "site.test and 1 more: until " in g.command("status").stdout
    assert "gatehouse: certificate for site.test: a new one, until " in g.errors()


@needs_pebble
def test_status_tells_the_stand_in_from_what_was_ordered(gatehouse, pebble):
    def certificate(g):
        told, = json.loads(g.command("status", "--json").stdout)["certificates"]
        return told

    tls = free_port()
    authority = pebble(tls=tls, running=False)                      # connections to it are refused
    g = begin(gatehouse, authority, text=TLS_ONLY, PORT=tls)
    in_place = "site: site.test; self-signed, in place of the one that is ordered; expires in 39"
    for _ in ("at first", "after a reload"):
        told = certificate(g)
        assert told["self_signed"] and told["stand_in"] and told["names"] == ["site.test"] and "file" not in told
        assert in_place in g.command("status").stdout
        assert g.reload().returncode == 0
    g.stop()

    authority.start()
    g = begin(gatehouse, authority, text=TLS_ONLY, PORT=tls)
    wait_for_certificate(g, tls)
    for _ in ("as it came", "after a reload"):
        told = certificate(g)
        assert told["file"] == os.path.join(folder(g, authority), "site.test", "cert.pem")
        assert "self_signed" not in told and "stand_in" not in told and "self-signed" not in g.command("status").stdout
        assert g.reload().returncode == 0


@needs_pebble
def test_files_are_for_nobody_else(gatehouse, pebble):
    g, authority = ordered(gatehouse, pebble)
    top = os.path.join(str(g.dir), "state", "acme")
    paths = [top] + [os.path.join(base, name) for base, folders, names in os.walk(top) for name in folders + names]
    assert len(paths) > 7 and os.path.join(folder(g, authority), "private", "site.test", "key.pem") in paths
    assert stat.S_IMODE(os.stat(top).st_mode) == 0o700
    for path in paths:
        assert os.stat(path).st_mode & 0o077 == 0 or stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700, path
    if os.geteuid() == 0:
        owners = {os.stat(path).st_uid for path in paths}
        users = {os.stat(f"/proc/{pid}").st_uid: open(f"/proc/{pid}/status").read().split("\nUid:\t")[1].split("\t")[0] for pid in g.workers()}
        assert len(owners) == 1 and owners.isdisjoint({0, 65534}) and sorted(map(str, owners))[0] in users.values()


@needs_pebble
@needs_memory
def test_no_part_of_an_ordered_key_is_in_the_worker(gatehouse, pebble):
    g, authority = ordered(gatehouse, pebble)
    told = subprocess.run(["openssl", "ec", "-in", os.path.join(folder(g, authority), "private", "site.test", "key.pem"), "-noout", "-text"],
                          capture_output=True, text=True, check=True).stdout
    secret = bytes.fromhex(re.sub(r"\s|:", "", told.split("priv:")[1].split("pub:")[0]))[-32:]
    parts = [secret, secret[::-1]]                                  # as libraries keep numbers
    names = g.processes()
    assert is_in_memory(names["gatehouse-key"], parts)              # the search works
    assert not any(is_in_memory(pid, parts) for pid in (names["gatehouse"], names["gatehouse-acme"], g.pid))


@needs_pebble
@pytest.mark.parametrize("version", ["1_2", "1_3"])
def test_tls_alpn_01(gatehouse, pebble, version):
    tls = free_port()
    authority = pebble(tls=tls, running=False)
    g = begin(gatehouse, authority, "one.test two.test", text=TLS_ONLY, PORT=tls)
    failed_order(g)
    # Nobody is being proved: the protocol is not spoken.
    made = ssl.create_default_context()
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    made.minimum_version = made.maximum_version = getattr(ssl.TLSVersion, "TLSv" + version)
    made.set_alpn_protocols(["acme-tls/1"])
    with socket.create_connection(("127.0.0.1", tls), 10) as plain, pytest.raises(ssl.SSLError):
        made.wrap_socket(plain, server_hostname="one.test")
    g.stop()
    authority.start()
    g = begin(gatehouse, authority, "one.test two.test", text=TLS_ONLY, PORT=tls)
    found = wait_for_certificate(g, tls, "one.test")
    assert "DNS:one.test, DNS:two.test" in found
    assert curl(f"https://two.test:{tls}/", "--cacert", authority.root(), "--resolve", f"two.test:{tls}:127.0.0.1").status == 200


@needs_pebble
def test_what_fails_on_one_listener_is_tried_on_the_other(gatehouse, pebble):
    tls = free_port()
    authority = pebble(tls=tls)                                     # it looks for http-01 where nobody listens
    g = begin(gatehouse, authority, TLS_PORT=tls)
    wait_for_certificate(g, tls)
    assert authority.calls == ["new admin@site.test", "issue site.test", "issue site.test"]
    assert orders(g)[0]["failures"] == 0


@needs_pebble
def test_a_block_of_its_own_for_plain_requests(gatehouse, pebble):
    http, tls = free_port(), free_port()
    authority = pebble(http=http)
    text = TLS_ONLY.replace("PORT}} tls", "TLS_PORT}} tls") + """
reverse plain {{
    listen 127.0.0.1:${{env.PORT}}
    redirect https://$host$uri
}}"""
    g = begin(gatehouse, authority, text=text, PORT=http, TLS_PORT=tls)
    wait_for_certificate(g, tls)
    assert authority.calls[-1] == "issue site.test" and len(authority.calls) == 2       # http-01 alone
    assert curl(f"http://127.0.0.1:{http}/.well-known/acme-challenge/x", "-H", "Host: site.test").status == 302


# Renewal

def give(g_dir, owner):
    """All that was ordered, to a user."""
    for top, folders, names in os.walk(os.path.join(str(g_dir), "acme")):
        for name in [top] + [os.path.join(top, n) for n in folders + names]:
            os.chown(name, owner, owner)


def place(g_dir, authority, files, mode=0o600):
    """Files in the authority's folder, {path: bytes}, as if uacme had made them; tells where that is."""
    base = os.path.join(str(g_dir), "acme", re.sub(r"[^A-Za-z0-9.-]", "_", authority.directory[len("https://"):]))
    for path, content in files.items():
        os.makedirs(os.path.dirname(os.path.join(base, path)), mode=0o700, exist_ok=True)
        with open(os.path.join(base, path), "wb") as out:
            out.write(content)
        os.chmod(os.path.join(base, path), mode)
    if os.geteuid() == 0:
        give(g_dir, 64731)
    return base


def plant(g_dir, authority, pair):
    """A certificate in the place of one that was ordered."""
    files = {}
    for path, source in (("site.test/cert.pem", pair.certificate), ("private/site.test/key.pem", pair.key)):
        with open(source, "rb") as file:
            files[path] = file.read()
    place(g_dir, authority, files)


NOWHERE = types.SimpleNamespace(directory="https://127.0.0.1:1/dir")     # an authority that is not there


def short_lived(issuer, seconds):
    import datetime
    now = datetime.datetime.now(datetime.timezone.utc)
    pair = issuer.issue("site.test", ends=(now + datetime.timedelta(seconds=seconds)).strftime("%Y%m%d%H%M%SZ"), begins=now.strftime("%Y%m%d%H%M%SZ"))
    return pair


@pytest.fixture
def issuer():
    one = Authority("Old authority")
    yield one
    one.remove()


@needs_pebble
def test_renewal_when_a_third_is_left(gatehouse, pebble, issuer, web_folder):
    tls = free_port()
    authority = pebble(tls=tls)
    plant(web_folder, authority, short_lived(issuer, 24))
    text = TLS_ONLY.replace("${{env.DIR}}/state", str(web_folder))
    g = begin(gatehouse, authority, text=text, PORT=tls)
    before = shown(tls)
    assert "Old authority" in before and authority.calls == []
    made = ssl.create_default_context()
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    with made.wrap_socket(socket.create_connection(("127.0.0.1", tls), 60 * SLOWNESS), server_hostname="site.test") as open_before:
        def is_served():
            open_before.sendall(b"GET / HTTP/1.1\r\nHost: site.test\r\n\r\n")
            return open_before.recv(4096).startswith(b"HTTP/1.1 200")
        assert is_served()
        after = wait_for_certificate(g, tls)
        assert is_served()                                          # no connection is dropped
    assert authority.calls == ["new admin@site.test", "issue site.test"]
    key = "-----BEGIN PUBLIC KEY"
    assert before[before.index(key):] == after[after.index(key):]
    assert orders(g)[0]["failures"] == 0


@needs_pebble
def test_the_account_is_kept(gatehouse, pebble):
    g, authority = ordered(gatehouse, pebble)
    first = shown(g.port)
    account = open(os.path.join(folder(g, authority), "private", "key.pem")).read()
    # A name more: the old certificate stays until the new one is there.
    assert g.reload(None).returncode == 0
    want_more(g)
    assert is_pebbles(shown(g.port))
    until(lambda: "more.test" in shown(g.port), 40)
    assert shown(g.port) != first
    assert open(os.path.join(folder(g, authority), "private", "key.pem")).read() == account
    assert authority.calls == ["new admin@site.test", "issue site.test", "issue site.test more.test"]


@needs_pebble
def test_an_account_that_the_authority_has_lost(gatehouse, pebble):
    g, authority = ordered(gatehouse, pebble)
    authority.stop()
    authority.start()                                               # it remembers nothing
    want_more(g)
    until(lambda: "more.test" in shown(g.port), 40)
    assert authority.calls[2:] == ["issue site.test more.test", "new admin@site.test", "issue site.test more.test"]
    assert orders(g)[0]["failures"] == 0


# What goes wrong

@needs_pebble
def test_an_authority_that_is_down(gatehouse, pebble, issuer, web_folder):
    tls = free_port()
    authority = pebble(tls=tls, running=False)
    plant(web_folder, authority, short_lived(issuer, 3600 * 24 * 30 // 100))
    text = TLS_ONLY.replace("${{env.DIR}}/state", str(web_folder)).replace("host {hosts}", "host {hosts} more.test")
    g = begin(gatehouse, authority, text=text, PORT=tls)
    order = failed_order(g)
    assert "Old authority" in shown(tls)                            # it is served none the less
    assert order["error"] and not order["under_way"]
    said = re.search(r"gatehouse: certificate for site.test: (.*) \(failure 1; the next attempt in 1 min\)\n", g.errors())
    assert said and "failed 1 time: " in g.command("status").stdout
    g.stop()
    # It is remembered: to start again is no way to ask more often.
    calls = len(authority.calls)
    g = begin(gatehouse, authority, text=text, PORT=tls)
    again = until(lambda: orders(g) and orders(g)[0], 10)
    assert again["failures"] == 1 and again["next"] == order["next"] and again["error"] == order["error"]
    assert len(authority.calls) == calls
    g.stop()
    # … and each time it takes twice as long.
    memory = os.path.join(str(web_folder), "acme", os.path.basename(folder(g, authority)), "site.test", "order")
    with open(memory, encoding="utf-8") as file:
        text_of = re.sub(r"failures \d+\nnext \d+", "failures 4\nnext 1", file.read())
    with open(memory, "w", encoding="utf-8") as file:
        file.write(text_of)
    g = begin(gatehouse, authority, text=text, PORT=tls)
    until(lambda: re.search(r"\(failure 5; the next attempt in 1[67] min\)", g.errors()), 20)


@needs_pebble
def test_an_authority_that_refuses(gatehouse, pebble):
    authority = pebble()                                            # both challenges are looked for elsewhere
    g = begin(gatehouse, authority)
    order = failed_order(g)
    assert authority.calls == ["new admin@site.test", "issue site.test", "issue site.test"]
    assert re.fullmatch("http-01: .*onnect.* refused; tls-alpn-01: .*ailed to connect.*", order["error"]) and order["until"] == ""
    assert is_self_signed(shown(g.ports["TLS_PORT"]))
    assert "self-signed so far" in g.command("status").stdout


@needs_pebble
def test_what_fails_behind_the_proof_is_not_tried_on_the_other(gatehouse, pebble, web_folder):
    http = free_port()
    authority = pebble(http=http)
    place(web_folder, authority, {"site.test/cert.pem.tmp/x": b""})
    g = begin(gatehouse, authority, text=SITE.replace("${{env.DIR}}/state", str(web_folder)), PORT=http)
    assert re.fullmatch("failed to create .*/site.test/cert.pem.tmp: Is a directory", failed_order(g)["error"])
    assert authority.calls == ["new admin@site.test", "issue site.test"]


def test_an_authority_that_offers_neither_challenge(gatehouse, web_folder):
    os.chmod(web_folder.put("uacme", """#!/bin/sh
case "$*" in *" -- new "*) exit 0;; esac
/proc/self/fd/4 begin dns-01 site.test token authorization || echo "uacme: no challenge completed"
exit 1
"""), 0o755)
    g = gatehouse(SITE.format(hosts="site.test"), PATH=f"{web_folder}:{os.environ['PATH']}", DIRECTORY="https://127.0.0.1:1/dir")
    assert failed_order(g)["error"] == "http-01: no challenge completed; tls-alpn-01: no challenge completed"


@needs_uacme
def test_why_no_authority_is_reached(gatehouse):
    no_name = "x" * 64 + ".invalid"                                 # no server is asked for so long a label
    reasons = {"https://127.0.0.1:1/dir": "Could.*connect to server", f"https://{no_name}/dir": "Could.*resolve host.*",
               "https://127.0.0.1:${env.TLS_PORT}/dir": "SSL peer certificate .* not OK"}      # the last is its own, self-signed
    begun = {url: gatehouse(SITE.replace("${{env.DIRECTORY}}", url.replace("{", "{{").replace("}", "}}")).format(hosts="site.test")) for url in reasons}
    for url, g in begun.items():
        order = failed_order(g, 60)                                 # uacme tries thrice
        url_there = re.escape(url.replace("${env.TLS_PORT}", str(g.ports["TLS_PORT"])))
        assert re.fullmatch(f"failed to fetch directory at {url_there}: {reasons[url]}", order["error"]), order["error"]
        assert f'gatehouse: certificate for site.test: {order["error"]} (failure 1; ' in g.errors()


@pytest.fixture
def silent():
    """An authority that accepts, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = []

        def accept():
            try:
                while True:
                    taken.append(listener.accept()[0])
            except OSError:
                pass
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1], taken
        listener.shutdown(socket.SHUT_RDWR)
        for one in taken:
            one.close()


def uacmes():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                state = file.read().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if words[0].endswith(b"uacme") and state != "Z":
            found.append((int(pid), b" ".join(words)))
    return found


@needs_pebble
def test_an_authority_that_is_slow(gatehouse, silent):
    port, taken = silent
    text = SITE.replace("${{env.DIRECTORY}}", f"https://127.0.0.1:{port}/dir").format(hosts="site.test")
    g = gatehouse(text)
    until(lambda: taken, 20)
    tls = g.ports["TLS_PORT"]

    def ours():
        return [pid for pid, words in uacmes() if f":{port}/".encode() in words]
    first = until(ours, 10)
    assert orders(g)[0]["under_way"]
    assert is_self_signed(shown(tls)) and curl(g.url(), "-H", "Host: site.test").body == b"http"
    assert "an order is under way" in g.command("status").stdout
    # A reload that still wants it leaves it alone; one that does not, ends it.
    assert g.reload(text + "\n# the same").returncode == 0
    assert ours() == first and orders(g)[0]["under_way"]
    assert g.reload(text.replace("host site.test", "host other.test")).returncode == 0
    until(lambda: first[0] not in ours() and ours(), 10)
    assert orders(g)[0]["name"] == "other.test"
    assert g.reload(text.replace("certificate auto {", "certificate self-signed #")).returncode == 0
    until(lambda: not ours(), 10)
    assert orders(g) == [] and is_self_signed(shown(tls))
    assert g.reload(text).returncode == 0
    until(ours, 10)
    g.stop()                                                        # leaves no process behind
    assert not ours()


@needs_pebble
def test_the_supervisor_is_killed_while_an_order_is_under_way(gatehouse, silent):
    port, taken = silent
    g = gatehouse(SITE.replace("${{env.DIRECTORY}}", f"https://127.0.0.1:{port}/dir").format(hosts="site.test"))
    until(lambda: taken, 20)
    os.kill(g.pid, signal.SIGKILL)
    until(lambda: not [pid for pid, words in uacmes() if f":{port}/".encode() in words], 10, "uacme has ended")
    g.kill()


@pytest.mark.skipif(sanitizer() is not None, reason="a sanitizer needs more memory than uacme may have")
def test_an_uacme_that_wants_all_memory(gatehouse, web_folder):
    os.chmod(web_folder.put("uacme", f"#!/bin/sh\nexec {sys.executable} -c 'bytes(2 << 30)'\n"), 0o755)
    g = gatehouse(SITE.format(hosts="site.test"), PATH=f"{web_folder}:{os.environ['PATH']}", DIRECTORY="https://127.0.0.1:1/dir")
    assert "MemoryError" in failed_order(g)["error"]


def test_an_uacme_that_cannot_ask_any_more(gatehouse, web_folder):
    """One that has let go of its hooks and its output, as one that is being killed does, keeps nobody busy."""
    os.chmod(web_folder.put("uacme", f"#!/bin/sh\nexec 1>&- 2>&- 3>&-\necho $$ >{web_folder}/pid\nexec sleep 1000\n"), 0o755)
    os.chmod(web_folder, 0o777)
    g = gatehouse(SITE.format(hosts="site.test"), PATH=f"{web_folder}:{os.environ['PATH']}", DIRECTORY="https://127.0.0.1:1/dir")
    until(lambda: os.path.exists(f"{web_folder}/pid") and orders(g) and orders(g)[0]["under_way"], 20)
    acme, = [pid for pid in g.workers() if open(f"/proc/{pid}/comm").read().strip() == "gatehouse-acme"]

    def turns():
        """Its state, and whatever moves when it runs."""
        with open(f"/proc/{acme}/stat", encoding="utf-8") as file:
            words = file.read().rsplit(")", 1)[1].split()
        with open(f"/proc/{acme}/status", encoding="utf-8") as file:
            return words[0], words[11:13], [line for line in file if "ctxt_switches" in line]
    seen = []

    def is_at_rest():
        seen.append(turns())
        return seen[-1][0] == "S" and seen[-20:] == seen[-1:] * 20
    until(is_at_rest, 10, "it sleeps")
    assert orders(g)[0]["under_way"]


def test_a_key_that_comes_before_its_certificate_is_no_mistake(gatehouse, authority, web_folder):
    pair = authority.issue("site.test")
    for name, path in (("c.pem", pair.certificate), ("k.pem", pair.key)):
        with open(path, "rb") as file:
            os.chmod(web_folder.put(name, file.read()), 0o644)
    os.chmod(web_folder.put("uacme", f"""#!/bin/sh
case "$*" in *" -- new "*) exit 0;; esac
mkdir -p $2/private/site.test $2/site.test
umask 077
cat {web_folder}/k.pem >$2/private/site.test/key.pem
sleep 2                                                 # the authority takes its time: the files are looked at twice a second
cat {web_folder}/c.pem >$2/site.test/cert.new
mv $2/site.test/cert.new $2/site.test/cert.pem
"""), 0o755)
    g = gatehouse(SITE.format(hosts="site.test"), PATH=f"{web_folder}:{os.environ['PATH']}", DIRECTORY="https://127.0.0.1:1/dir")
    until(lambda: "Test authority" in shown(g.ports["TLS_PORT"]).splitlines()[0], 20, "it is served")
    assert "goes on as it was" not in g.errors() and "cannot read" not in g.errors(), g.errors()


@needs_pebble
def test_whoever_orders_is_started_again(gatehouse, pebble):
    g, authority = ordered(gatehouse, pebble)
    old = g.processes()["gatehouse-acme"]
    os.kill(old, signal.SIGKILL)
    until(lambda: g.processes().get("gatehouse-acme", old) != old, 10)
    until(lambda: orders(g)[0]["until"], 10)
    assert is_pebbles(shown(g.port))


@needs_pebble
def test_a_worker_that_comes_later_is_told(gatehouse, pebble):
    g, authority = ordered(gatehouse, pebble)
    worker = g.processes()["gatehouse"]
    os.kill(worker, signal.SIGKILL)
    until(lambda: g.command("status", "--json").returncode == 0 and orders(g) and orders(g)[0]["until"], 20)
    assert is_pebbles(shown(g.port))


@needs_pebble
def test_a_folder_that_cannot_be_made(gatehouse, pebble):
    authority = pebble(running=False)
    g = begin(gatehouse, authority, text=SITE.replace("/state\n", "/gatehouse.conf/state\n"))
    order = failed_order(g)
    assert "cannot be written: Not a directory" in order["error"]
    assert "gatehouse: state: " in g.errors() and "cannot be made for certificates: Not a directory" in g.errors()
    assert is_self_signed(shown(g.ports["TLS_PORT"]))


def failing_uacme(folder):
    """A PATH with an uacme that only fails, in a folder that others may read."""
    os.chmod(folder.put("uacme", "#!/bin/sh\necho uacme: no way >&2\nexit 1\n"), 0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_folders_above_are_made_too(gatehouse, web_folder):
    g = gatehouse(SITE.format(hosts="site.test").replace("/state\n", "/.local/state/gatehouse\n"), PATH=failing_uacme(web_folder), DIRECTORY=NOWHERE.directory)
    assert failed_order(g)["error"] == "no way"
    assert "cannot be made" not in g.errors()
    assert os.listdir(g.dir / ".local/state/gatehouse") == ["acme"]


@pytest.mark.parametrize("loses", [False, True])
def test_a_reload_makes_the_folder(gatehouse, web_folder, loses):
    """Another one, or one that was taken away; whoever orders runs already."""
    text = SITE.format(hosts="site.test")
    g = gatehouse(text, PATH=failing_uacme(web_folder), DIRECTORY=NOWHERE.directory)
    failed_order(g)
    old = g.processes()["gatehouse-acme"]
    if loses:
        shutil.rmtree(g.dir / "state")
    else:
        text = text.replace("/state\n", "/other/state\n")
    assert g.reload(text + "\n# another").returncode == 0
    until(lambda: g.errors().count("certificate for site.test: no way (failure 1;") == 2, 10, "it is tried again there")
    top = g.dir / ("state" if loses else "other/state")
    assert stat.S_IMODE(os.stat(f"{top}/acme").st_mode) == 0o700 and g.processes()["gatehouse-acme"] == old
    assert "cannot be written" not in g.errors() and len(os.listdir(f"{top}/acme")) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("is_passed_half", [False, True])
def test_files_of_another_number(gatehouse, issuer, web_folder, is_passed_half):
    """The user of the process that orders was made later; `acme` itself may be its own already."""
    plant(web_folder, NOWHERE, issuer.issue("site.test"))
    give(web_folder, 54321)
    if is_passed_half:
        os.chown(web_folder / "acme", 64731, 64731)
    state = f"state {web_folder}\n"
    g = gatehouse(SITE.format(hosts="site.test more.test").replace("state ${env.DIR}/state\n", state), PATH=failing_uacme(web_folder), DIRECTORY=NOWHERE.directory)
    order = failed_order(g)
    assert order["error"] == "no way" and order["until"] != "" and "cannot be written" not in g.errors()
    assert {os.stat(os.path.join(top, name)).st_uid for top, folders, names in os.walk(web_folder / "acme") for name in folders + names} == {64731}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_certificate_that_whoever_orders_cannot_read(gatehouse, issuer, web_folder):
    plant(web_folder, NOWHERE, issuer.issue("site.test"))
    top, = os.listdir(web_folder / "acme")
    os.chown(web_folder / f"acme/{top}/site.test/cert.pem", 0, 0)
    g = gatehouse(SITE.format(hosts="site.test").replace("state ${env.DIR}/state\n", f"state {web_folder}\n"), PATH=failing_uacme(web_folder), DIRECTORY=NOWHERE.directory)
    assert failed_order(g)["until"] == "" and "Old authority" in shown(g.ports["TLS_PORT"])
    said = g.command("status").stdout
    assert "site.test: with a certificate that cannot be read; next order" in said and "self-signed" not in said


@needs_pebble
def test_a_disk_that_is_full(gatehouse, pebble, web_folder):
    """On a file system with no room but for folders."""
    http = free_port()
    authority = pebble(http=http)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,mode=755", "gatehouse-test", str(web_folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a file system cannot be mounted here")
    try:
        with open(os.path.join(str(web_folder), "filler"), "wb") as file:
            file.write(b"x" * 4096)
        g = begin(gatehouse, authority, text=SITE.replace("${{env.DIR}}/state", str(web_folder)), PORT=http)
        order = failed_order(g)
        assert order["error"].endswith("/order cannot be written: No space left on device") and order["error"] in g.errors()
        assert authority.calls == []
        assert is_self_signed(shown(g.ports["TLS_PORT"])) and curl(g.url(), "-H", "Host: site.test").status == 200
        g.stop()
    finally:
        subprocess.run(["umount", str(web_folder)], check=True)


@needs_pebble
def test_a_memory_that_cannot_be_written(gatehouse, pebble, web_folder):
    """Nothing is ordered then, and it waits as after any other failure; what is older in the file counts for nothing."""
    tls = free_port()
    authority = pebble(tls=tls)
    base = place(web_folder, authority, {"site.test/order": b"names site.test\nfailures 0\nnext 0\nerror \n", "site.test/order.new/x": b""})
    g = begin(gatehouse, authority, text=TLS_ONLY.replace("${{env.DIR}}/state", str(web_folder)), PORT=tls)
    order = failed_order(g)
    assert order["error"].endswith("/site.test/order cannot be written: Is a directory") and authority.calls == []
    assert g.reload().returncode == 0
    assert not until(lambda: orders(g), 10)[0]["under_way"]
    assert (orders(g)[0]["failures"], orders(g)[0]["next"], authority.calls) == (1, order["next"], [])
    assert g.errors().count("cannot be written") == 1, g.errors()

    def remembered():
        with open(os.path.join(base, "site.test", "order"), encoding="utf-8") as file:
            return file.read()
    assert "failures 0\n" in remembered()
    shutil.rmtree(os.path.join(base, "site.test", "order.new"))
    assert g.reload().returncode == 0                               # it is looked at now, and each minute
    until(lambda: "failures 1\n" in remembered(), 10)
    assert orders(g)[0]["failures"] == 1
    os.remove(os.path.join(base, "site.test", "order"))
    assert g.reload().returncode == 0
    wait_for_certificate(g, tls)
    assert orders(g)[0]["failures"] == 0 and authority.calls == ["new admin@site.test", "issue site.test"]


@needs_pebble
def test_files_that_were_damaged(gatehouse, pebble, issuer, web_folder):
    tls = free_port()
    authority = pebble(tls=tls, running=False)
    pair = issuer.issue("site.test")
    plant(web_folder, authority, pair)
    base = os.path.join(str(web_folder), "acme", os.listdir(web_folder / "acme")[0])
    with open(os.path.join(base, "site.test", "cert.pem"), "w", encoding="utf-8") as file:
        file.write("rubbish\n")
    g = begin(gatehouse, authority, text=TLS_ONLY.replace("${{env.DIR}}/state", str(web_folder)), PORT=tls)
    assert is_self_signed(shown(tls))
    assert "the certificate that was ordered cannot be used: " in g.errors()
    assert "; self-signed, in place of the one that is ordered; " in g.command("status").stdout
    g.stop()
    # Whoever orders may not lead the supervisor to another file.
    os.remove(os.path.join(base, "site.test", "cert.pem"))
    os.symlink(pair.certificate, os.path.join(base, "site.test", "cert.pem"))
    g = begin(gatehouse, authority, text=TLS_ONLY.replace("${{env.DIR}}/state", str(web_folder)), PORT=tls)
    assert is_self_signed(shown(tls))


@needs_pebble
@pytest.mark.parametrize("paths", [["site.test/cert.pem.tmp"], ["private/site.test/key.pem"], ["private/key.pem"], ["account", "private/key.pem"]])
def test_files_that_were_made_and_not_written(gatehouse, pebble, web_folder, paths):
    """As a full disk leaves them, or an uacme that was killed, which may only read them."""
    tls = free_port()
    authority = pebble(tls=tls)
    place(web_folder, authority, {path: b"admin@site.test" if path == "account" else b"" for path in paths}, 0o400)
    g = begin(gatehouse, authority, text=TLS_ONLY.replace("${{env.DIR}}/state", str(web_folder)), PORT=tls)
    until(lambda: orders(g) and (orders(g)[0]["until"] or orders(g)[0]["failures"]), 40)
    assert orders(g)[0]["error"] == "" and is_pebbles(wait_for_certificate(g, tls))
    assert authority.calls == ["new admin@site.test", "issue site.test"]


def test_without_uacme(gatehouse, web_folder):
    text = "reverse s {\n listen 127.0.0.1:1 tls\n host a.test\n certificate auto { agree-terms on }\n respond 200\n}\n"
    path = web_folder.put("gatehouse.conf", text)
    told = run("check", "-c", path, env={**os.environ, "PATH": "/nowhere"})
    assert told.returncode == 1
    assert "gatehouse.conf:4:14: 'certificate auto' needs the program uacme, which is not in PATH" in told.stderr
    assert "on Debian: apt-get install uacme" in told.stderr


@needs_pebble
def test_check_makes_nothing(web_folder):
    text = f"state {web_folder}/state\n" + "reverse s { listen 127.0.0.1:1 tls; host a.test; certificate auto { agree-terms on }; respond 200 }\n"
    path = web_folder.put("gatehouse.conf", text)
    told = run("check", "-c", path)
    assert told.returncode == 0, told.stderr
    assert os.listdir(web_folder) == ["gatehouse.conf"]


# Self-signed

SELF_SIGNED = """
reverse site {
    listen 127.0.0.1:${env.PORT} tls
    host site.test .below.test
    certificate self-signed
    respond 200 body "$host"
}
reverse rest {
    listen 127.0.0.1:${env.PORT} tls
    certificate self-signed
    respond 200 body "rest"
}
"""


def test_self_signed(gatehouse):
    g = gatehouse(SELF_SIGNED)
    first = shown(g.port)
    assert is_self_signed(first) and "DNS:site.test, DNS:below.test, DNS:*.below.test" in first
    assert "DNS:localhost" in shown(g.port, "elsewhere.test")
    assert curl(f"https://site.test:{g.port}/", "-k", "--resolve", f"site.test:{g.port}:127.0.0.1").body == b"site.test"
    assert g.reload().returncode == 0
    assert shown(g.port) == first                                   # as long as the keeper lives
    site, rest = json.loads(g.command("status", "--json").stdout)["certificates"]
    assert site["block"] == "site" and site["self_signed"] and "stand_in" not in site and site["names"] == ["site.test", "below.test", "*.below.test"]
    assert rest["names"] == ["localhost"] and "file" not in rest
    left = datetime.datetime.fromisoformat(rest["expires"].replace("Z", "+00:00")) - datetime.datetime.now(datetime.timezone.utc)
    assert 396 < left.days < 399
    assert "site: site.test below.test *.below.test; self-signed; expires in 39" in g.command("status").stdout
    assert sorted(name for name in os.listdir(g.dir) if name not in ("control.sock", "gatehouse.conf", "gatehouse.out", "gatehouse.err")) == []


def test_self_signed_for_addresses(gatehouse, web_folder):
    text = SELF_SIGNED[:SELF_SIGNED.index("reverse rest")]
    g = gatehouse(text.replace("site.test .below.test", "127.0.0.1 [2001:db8::7] site.test"))
    assert "IP Address:127.0.0.1, IP Address:2001:DB8:0:0:0:0:0:7, DNS:site.test" in shown(g.port, "site.test")
    made = web_folder.put("made.pem", ssl.get_server_certificate(("127.0.0.1", g.port)))
    for name in ("127.0.0.1", "site.test"):
        assert curl(f"https://{name}:{g.port}/", "--cacert", made, "--resolve", f"site.test:{g.port}:127.0.0.1").body == name.encode()


def test_self_signed_for_very_many_names(gatehouse):
    names = [f"name{i:04}." + "a" * 60 + ".test" for i in range(80)]
    def text(count):
        return SELF_SIGNED[:SELF_SIGNED.index("reverse rest")].replace("site.test .below.test", " ".join(names[:count]))
    few = 4096 // len(names[0] + "\n")
    g = gatehouse(text(few))
    assert f"DNS:{names[few - 1]}" in shown(g.port, names[0]) and "warning" not in g.command("check").stderr
    told = g.reload(text(80))
    assert told.returncode == 0
    found = shown(g.port, names[0])
    assert f"DNS:{names[few - 1]}" in found and f"DNS:{names[few]}" not in found
    said = f"warning: the self-signed certificate is not for '{names[few]}' and what is behind it: it has room for 4096 bytes"
    assert g.command("check").stderr.count(said) == 1 and said in told.stdout + told.stderr + g.errors()


def test_a_keeper_that_dies_takes_its_certificates_along(gatehouse):
    g = gatehouse(SELF_SIGNED)
    first = shown(g.port)
    keeper = g.processes()["gatehouse-key"]
    os.kill(keeper, signal.SIGKILL)

    def other():
        try:
            found = shown(g.port)
        except (ssl.SSLError, OSError):
            return None
        return found if found != first else None
    assert is_self_signed(until(other, 20))


def test_self_signed_for_a_forward_proxy(gatehouse):
    g = gatehouse("""
    forward out {
        listen 127.0.0.1:${env.PORT} tls
        certificate self-signed
        deny
        allow if method(POST)
    }""")
    assert is_self_signed(shown(g.port))


# The one-liner

def printed(*words):
    return run("reverse", "--listen", ":80", "--listen", ":443", "--to", "127.0.0.1:3000", *words, "--print")


def test_the_one_liner_writes_tls():
    auto = printed("--tls", "auto", "site.test", "www.site.test").stdout
    assert auto == """reverse site {
    listen :80
    listen :443 tls
    redirect https://$host$uri status 308 if scheme(http)
    host site.test www.site.test
    certificate auto { agree-terms on }
    to 127.0.0.1:3000
}
"""
    assert "    certificate self-signed\n" in printed("--tls", "self-signed").stdout
    assert f'    certificate "{os.getcwd()}/a.pem" "/b.key"\n' in printed("--tls", "a.pem", "/b.key").stdout


@pytest.mark.parametrize("words", [["auto"], ["self-signed", "x"], ["a.pem"], ["a", "b", "c"]])
def test_the_one_liner_refuses(words):
    told = printed("--tls", *words)
    assert told.returncode == 2 and "--tls takes CERT KEY, auto HOST..., or self-signed" in told.stderr


def test_the_one_liner_speaks_tls(nginx):
    from lib import binary
    port = free_port()
    process = subprocess.Popen([binary(), "reverse", "--listen", f"127.0.0.1:{port}", "--to", f"127.0.0.1:{nginx.port}", "--tls", "self-signed"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: curl(f"https://127.0.0.1:{port}/echo", "-k").status == 200, 10)
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30 * SLOWNESS)
    assert process.returncode == 0, errors
