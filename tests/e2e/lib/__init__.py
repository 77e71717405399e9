"""What the end-to-end tests are written with: real servers, real clients, the built binary, each in a folder of its own and
on free ports, so that tests run beside one another. Nothing sleeps for a fixed time: conditions are waited for, within bounds.

    def test_get(gatehouse, nginx):                     # fixtures of conftest.py
        g = gatehouse('''
            reverse site {
                listen 127.0.0.1:${env.PORT}
                to 127.0.0.1:${env.ORIGIN_PORT}
            }''', ORIGIN_PORT=nginx.port)
        nginx.file("hello.txt", b"hello")
        assert curl(g.url("/hello.txt")).body == b"hello"

Gatehouse   the process. `gatehouse(text, NAME=value...)` writes the text (plus `threads 2` and a `control` socket when it has
            none), starts `gatehouse run -c FILE` and returns when every address of a `listen` accepts. Each ${env.X} of a
            `listen` that is not given becomes a free port; ${env.DIR} is its folder. The fixture stops what a test left
            running, and so checks each: exit status 0, no sanitizer report, no process left behind.
              .port .ports["PORT2"] .dir .conf .pid .url(path)
              .workers()                pids of the children; .processes() has their names, too
              .reload(text=None)        by the command; a CompletedProcess. The text is written first
              .command("status", ...)   any command to the running one
              .log_lines(path=None, at_least=0)   lines of the access log: stdout, or a file of .dir; waits for so many
              .errors()                 what it wrote on stderr
              .stop() .kill()
Nginx       a real origin, or the second proxy of a chain. Fixture `nginx` (one for all tests of a worker) or `nginx_new(extra)`:
              .port .url(path) .file(name, bytes) -> path .log_lines(at_least=0) .stop() .kill() .start()
              /echo  the request's head as it came, one field a line;  /status/NNN  that status, with nginx's own page;
              /put/NAME takes PUT (then GET /put/NAME reads it back);  /slow/NAME  sends NAME with 64 KiB/s
Origin      bytes to the letter: a thread that keeps exactly what arrives and answers what the test says. Fixture `origin`:
              o = origin(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi")   # to each request, or
              o = origin([first, second])                                     # to one after the other, the last again, or
              o = origin(lambda conn: ...)                                    # conn: .request() .send() .recv() .read_until()
                                                                              # .wait_closed() .half_close() .close() .reset()
              .port .requests (Request: .line .fields .body .raw) .received (bytes of each connection) .wait(n)
              .whole(n)                 .received, once n connections have come and all are over
Client      raw bytes towards a port: with Client(g.port) as c: c.send(b"..."); r = c.response(); r.status, r["name"], r.body
              .response(head=False) .read_until_close() .is_closed(within) .half_close() .reset(); a path is a unix socket
curl        curl(url, *options, proxy=None) -> .status .connect_status .fields .body .exit .errors
run         run("check", "-c", path) -> CompletedProcess of a short command, with text; check(text), check(text, "explain", url): of a
            file with that text
NameServer  a DNS server on loopback: NameServer({"app.test": ["127.0.0.1"]}, ttl=1).address; .names may change. Fixture `name_server`
records     records(g, at_least) -> the lines of a `format json` log as dicts; record_of(g, answer) -> the one of an answer
web_folder  fixture: a folder that the worker may read, with .put(name, bytes)
Authority   makes certificates: .certificate, .issue(names…) -> .certificate .key, .revoke(pair), .staple(pair). Fixture `authority`
lib.tls     context(authority, version, pair) and connect(g, context, name): clients by Python's library
lib.openssl Tls: one end of a connection, whose bytes the test carries; it can change keys, and tear messages
certificate fixture: .certificate .key, self-signed for site.test, *.site.test and 127.0.0.1
until       until(condition, seconds=10, what="…") -> its value, as soon as it is true; fails loudly when it never is
tcp_sockets what the kernel knows of TCP: .local .peer (ports) .state .unsent .unread, each
until_read  until_read(port, peers): until what the ports `peers` have sent to `port` was read there
free_port   a port that is free, and stays so until a server binds it
"""
from .authority import Authority
from .client import Client, Response, curl
from .dns import NameServer
from .gatehouse import Gatehouse, binary, check, run
from .log import record_of, records
from .nginx import Nginx
from .origin import Connection, Origin, Request
from .wait import SLOWNESS, free_port, tcp_sockets, temp_dir, until, until_read

__all__ = ["Authority", "Client", "Connection", "Gatehouse", "NameServer", "Nginx", "Origin", "Request", "Response", "SLOWNESS", "binary", "check", "curl",
           "free_port", "record_of", "records", "run", "tcp_sockets", "temp_dir", "until", "until_read"]
