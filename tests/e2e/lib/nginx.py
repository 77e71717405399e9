"""nginx as origin: in the foreground, with a folder of its own."""
import os, shutil, signal

from .wait import Process, free_port, temp_dir, until, whole_lines

CONF = """
{user}
daemon off;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
worker_processes 1;
events {{ worker_connections 4096; }}
http {{
    access_log {dir}/access.log;
    client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
    types {{ text/html html; text/plain txt; text/css css; text/javascript js; application/json json; image/png png; image/svg+xml svg; }}
    default_type application/octet-stream;
    client_max_body_size 0;
    keepalive_requests 1000000;
    underscores_in_headers on;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        root {dir}/www;
        location = /echo {{
            default_type text/plain;
            return 200 "$request_method $request_uri $server_protocol
host: $http_host
connection: $http_connection
via: $http_via
x-forwarded-for: $http_x_forwarded_for
x-forwarded-proto: $http_x_forwarded_proto
x-forwarded-host: $http_x_forwarded_host
forwarded: $http_forwarded
user-agent: $http_user_agent
accept: $http_accept
accept-encoding: $http_accept_encoding
authorization: $http_authorization
proxy-authorization: $http_proxy_authorization
cookie: $http_cookie
content-length: $http_content_length
transfer-encoding: $http_transfer_encoding
te: $http_te
upgrade: $http_upgrade
x-request-id: $http_x_request_id
x-test: $http_x_test
remote-port: $remote_port
connection-requests: $connection_requests
";
        }}
        location ~ ^/status/404$ {{ return 404; }}
        location ~ ^/status/500$ {{ return 500; }}
        location ~ ^/status/502$ {{ return 502; }}
        location ~ ^/status/503$ {{ return 503; }}
        location ~ ^/status/204$ {{ return 204; }}
        location ~ ^/status/301$ {{ return 301 /echo; }}
        location /put/ {{ dav_methods PUT DELETE; create_full_put_path on; }}
        location /slow/ {{ alias {dir}/www/; limit_rate 64k; }}
        {extra}
    }}
}}
"""


class Nginx:
    def __init__(self, extra=""):
        self.dir, self.port, self.process = temp_dir("nginx"), free_port(), None
        self.www = self.dir / "www"
        os.makedirs(self.www)
        self.conf = self.dir / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(CONF.format(dir=self.dir, port=self.port, extra=extra, user=user))
        self.start()

    def start(self):
        """Again, on the same port, after a stop or kill."""
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = Process("nginx", [program, "-p", str(self.dir), "-e", self.dir / "error.log", "-c", self.conf], self.dir)
        self.process.wait_listening([("127.0.0.1", self.port)])

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def file(self, name, content):
        """Puts a file under the root; returns its path in a URL."""
        path = os.path.join(self.www, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        return "/" + name

    def log_lines(self, at_least=0, seconds=10):
        def lines():
            with open(self.dir / "access.log", encoding="utf-8", errors="replace") as file:
                found = whole_lines(file.read())
            return (found,) if len(found) >= at_least else None
        return until(lines, seconds, f"{at_least} lines in nginx's log")[0]

    def stop(self):
        self.process.end(signal.SIGTERM, 10)
        self.process.kill_group()

    def kill(self):
        self.process.kill_group()

    def remove(self):
        self.kill()
        self.dir.remove()
