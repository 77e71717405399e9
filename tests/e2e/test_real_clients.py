"""Programs that people use, through both modes. A test is skipped only when its program is not there."""
import asyncio, hashlib, http.client, os, re, shutil, signal, ssl, subprocess, threading, urllib.request

import pytest
import websockets

from lib import SLOWNESS, curl, free_port, temp_dir, until

REVERSE = """
log { to stdout; format json }
reverse site {
    listen 127.0.0.1:${env.PORT}
    to 127.0.0.1:${env.ORIGIN_PORT}
    route /socket { to 127.0.0.1:${env.SOCKET_PORT} }
    route * { }
}
"""
FORWARD = """
log { to stdout; format json }
forward office {
    listen 127.0.0.1:${env.PORT}
    deny-private except 127.0.0.1/32
    tunnel-ports 443 1025-65535
    allow as local if host(127.0.0.1 localhost)
}
"""


def program(*names):
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip(f"{names[0]} is not installed")
    return path


@pytest.fixture
def reverse(gatehouse, nginx):
    return gatehouse(REVERSE, ORIGIN_PORT=nginx.port, SOCKET_PORT=nginx.port)


@pytest.fixture
def forward(gatehouse):
    return gatehouse(FORWARD)


def execute(*command, timeout=60, **env):
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=timeout * SLOWNESS, stdin=subprocess.DEVNULL,
                          env={**clean, **{name: str(value) for name, value in env.items()}})


# Python

@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_python_keeps_one_connection_for_many_requests(request, nginx, mode):
    g = request.getfixturevalue(mode)
    data = os.urandom(200_000)
    name = nginx.file("python.bin", data)
    conn = http.client.HTTPConnection("127.0.0.1", g.port, timeout=20)
    for i in range(10):
        conn.request("GET", name if mode == "reverse" else nginx.url(name), headers={"Host": f"127.0.0.1:{nginx.port}"})
        answer = conn.getresponse()
        assert answer.status == 200 and answer.read() == data
    conn.request("PUT", ("" if mode == "reverse" else nginx.url("")) + f"/put/python-{os.getpid()}", body=iter([b"one", b"two"]), encode_chunked=True,
                 headers={"Host": f"127.0.0.1:{nginx.port}", "Transfer-Encoding": "chunked"})
    answer = conn.getresponse()
    assert answer.status in (201, 204)
    answer.read()
    conn.close()
    assert curl(nginx.url(f"/put/python-{os.getpid()}")).body == b"onetwo"


def test_pythons_urllib_takes_the_proxy_for_http_and_https(forward, nginx_new, certificate):
    port = free_port()
    n = nginx_new(f"listen 127.0.0.1:{port} ssl; ssl_certificate {certificate.certificate}; ssl_certificate_key {certificate.key};")
    n.file("a.txt", b"urllib")
    proxy = forward.url("")
    context = ssl.create_default_context(cafile=certificate.certificate)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy, "https": proxy}), urllib.request.HTTPSHandler(context=context))
    for url in (n.url("/a.txt"), f"https://127.0.0.1:{port}/a.txt"):
        with opener.open(url, timeout=20) as answer:
            assert answer.read() == b"urllib"


# curl

@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_curl_in_parallel_with_its_environment_variable(request, nginx, mode, tmp_path):
    g = request.getfixturevalue(mode)
    data = [os.urandom(50_000 + i) for i in range(20)]
    urls = []
    for i, content in enumerate(data):
        name = nginx.file(f"parallel-{mode}/{i}", content)
        urls += ["-o", tmp_path / str(i), g.url(name) if mode == "reverse" else nginx.url(name)]
    env = {"http_proxy": g.url("")} if mode == "forward" else {}
    done = execute(program("curl"), "-q", "-sS", "--fail", "--noproxy", "" if env else "*", "-Z", *urls, **env)
    assert done.returncode == 0, done.stderr
    assert [(tmp_path / str(i)).read_bytes() == content for i, content in enumerate(data)] == [True] * 20


# apt

PACKAGE = """Package: hello-gatehouse
Version: 1.0
Architecture: all
Maintainer: Nobody <nobody@example.org>
Description: says hello
"""


@pytest.fixture
def repository(nginx, tmp_path):
    """A flat repository of one package; the URL of it."""
    program("apt-get"), program("dpkg-deb")
    root = tmp_path / "package"
    (root / "DEBIAN").mkdir(parents=True)
    root.chmod(0o755), (root / "DEBIAN").chmod(0o755)
    (root / "DEBIAN/control").write_text(PACKAGE)
    (root / "usr/share/hello").mkdir(parents=True)
    (root / "usr/share/hello/data").write_bytes(os.urandom(300_000))
    deb = tmp_path / "hello.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", root, deb], check=True, capture_output=True)
    content = deb.read_bytes()
    nginx.file("apt/hello-gatehouse_1.0_all.deb", content)
    index = PACKAGE + f"Filename: ./hello-gatehouse_1.0_all.deb\nSize: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n"
    nginx.file("apt/Packages", index.encode())
    nginx.file("apt/Release", (f"Suite: ./\nDate: Wed, 25 Nov 2026 08:00:00 UTC\nSHA256:\n {hashlib.sha256(index.encode()).hexdigest()}"
                               f" {len(index)} Packages\n").encode())
    return nginx.url("/apt/"), content


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_apt_updates_and_downloads(request, repository, mode, tmp_path):
    url, content = repository
    g = request.getfixturevalue(mode)
    if mode == "reverse":
        url = g.url("/apt/")
    root = temp_dir("apt")
    for name in ("lists/partial", "cache/archives/partial", "etc", "dpkg"):
        os.makedirs(root / name)
    with open(root / "dpkg/status", "w", encoding="utf-8"):
        pass
    with open(root / "etc/sources.list", "w", encoding="utf-8") as file:
        file.write(f"deb [trusted=yes] {url} ./\n")
    proxy = g.url("/") if mode == "forward" else "DIRECT"
    options = {"Dir::State::Lists": root / "lists", "Dir::State::status": root / "dpkg/status", "Dir::Cache": root / "cache",
               "Dir::Etc::SourceList": root / "etc/sources.list", "Dir::Etc::SourceParts": "/dev/null", "Dir::Etc::Parts": "/dev/null",
               "Dir::Etc::Main": "/dev/null", "Acquire::http::Proxy": proxy, "APT::Sandbox::User": "root", "Acquire::Languages": "none",
               "Acquire::Retries": "0"}
    command = ["apt-get", *(f"-o{name}={value}" for name, value in options.items())]
    done = execute(*command, "update", APT_CONFIG="/dev/null")
    assert done.returncode == 0 and "Err:" not in done.stdout, done.stdout + done.stderr
    done = subprocess.run([*map(str, command), "download", "hello-gatehouse"], capture_output=True, text=True, cwd=tmp_path, timeout=60 * SLOWNESS,
                          env={**os.environ, "APT_CONFIG": "/dev/null"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "hello-gatehouse_1.0_all.deb").read_bytes() == content
    until(lambda: any("hello-gatehouse_1.0_all.deb" in line for line in g.log_lines()), 10, "it went through gatehouse")
    root.remove()


# git

@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_git_clones(request, nginx, mode, tmp_path):
    git = program("git")
    g = request.getfixturevalue(mode)
    work, bare = tmp_path / "work", os.path.join(nginx.www, f"repo-{mode}.git")
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b", "HOME": tmp_path,
           "GIT_CONFIG_NOSYSTEM": "1"}
    work.mkdir()
    (work / "big").write_bytes(os.urandom(500_000))
    (work / "file").write_text("content\n")
    for command in (["init", "-q", work], ["-C", work, "add", "."], ["-C", work, "commit", "-q", "-m", "one"], ["clone", "-q", "--bare", work, bare],
                    ["-C", bare, "update-server-info"]):
        done = execute(git, *command, **who)
        assert done.returncode == 0, done.stderr
    url = g.url(f"/repo-{mode}.git") if mode == "reverse" else nginx.url(f"/repo-{mode}.git")
    proxy = ["-c", f"http.proxy={g.url('')}"] if mode == "forward" else []
    done = execute(git, *proxy, "clone", "-q", url, tmp_path / "clone", NO_PROXY="" if proxy else "*", **who)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "clone/big").read_bytes() == (work / "big").read_bytes()


# A browser

PAGE = """<!DOCTYPE html><html><head><title>page</title><link rel="stylesheet" href="/browser/style.css"></head><body>
<img id="one" src="/browser/one.png"><img id="two" src="/browser/two.svg">
<script src="/browser/script.js"></script></body></html>
"""
SCRIPT = """
const tell = text => fetch("/browser/result?" + text);      // the test reads it in the log
const wait = element => element.complete ? Promise.resolve() : new Promise(done => element.onload = done);
const socket = new Promise((done, fail) => {
    const s = new WebSocket("ws://SOCKET/socket");
    s.onopen = () => s.send("hello");
    s.onmessage = event => { done(event.data); s.close(); };
    s.onerror = () => fail("socket");
});
Promise.all([socket, wait(one), wait(two), fetch("/browser/data.json").then(r => r.json())]).then(all => {
    const blue = getComputedStyle(document.body).color;
    tell(["DONE", all[0], one.naturalWidth, two.naturalWidth, all[3].value, blue.replace(/[^0-9]+/g, "-")].join("_"));
}, why => tell("FAILED_" + encodeURIComponent(why)));
"""
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001"
                    "a5f645400000000049454e44ae426082")


class SocketServer:
    """Answers each message in capitals."""
    def __enter__(self):
        self.loop, ready = asyncio.new_event_loop(), threading.Event()

        async def serve():
            async def talk(socket, *_):
                async for message in socket:
                    await socket.send(message.upper())
            self.server = await websockets.serve(talk, "127.0.0.1", 0)
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
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_chromium_loads_a_page_with_pictures_scripts_and_a_websocket(gatehouse, nginx, mode):
    browser = program("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    with SocketServer() as server:
        if mode == "reverse":
            g = gatehouse(REVERSE, ORIGIN_PORT=nginx.port, SOCKET_PORT=server.port)
            base, proxy, socket = g.url(""), ["--no-proxy-server"], f"127.0.0.1:{g.port}"
        else:
            g = gatehouse(FORWARD)
            base, proxy, socket = nginx.url(""), [f"--proxy-server={g.url('')}", "--proxy-bypass-list=<-loopback>"], f"127.0.0.1:{server.port}"
        for name, content in {"page.html": PAGE, "script.js": SCRIPT.replace("SOCKET", socket), "style.css": "body { color: rgb(0, 0, 255) }",
                              "data.json": '{"value": 42}', "two.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'}.items():
            nginx.file(f"browser-{mode}/{name}", content.replace("/browser/", f"/browser-{mode}/").encode())
        nginx.file(f"browser-{mode}/one.png", PNG)
        profile = temp_dir("browser")
        with open(profile / "output", "wb") as output:
            process = subprocess.Popen([browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                                        "--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0",
                                        f"--user-data-dir={profile}", *proxy, f"{base}/browser-{mode}/page.html"], stdin=subprocess.DEVNULL,
                                       stdout=output, stderr=output, env={**os.environ, "HOME": str(profile)}, start_new_session=True)
        try:
            def told():
                return re.search(r"/result\?(\w[^\"\s]*)", "\n".join(g.log_lines()))
            assert until(told, 60, "the page's script has told its result")[1] == "DONE_HELLO_1_9_42_-0-0-255-"
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            profile.remove()
