"""Pebble, an authority for tests that speaks ACME (RFC 8555), and an uacme that trusts it."""
import json, os, shutil, ssl, subprocess, urllib.request

from .authority import openssl
from .dns import NameServer
from .wait import Process, free_port, temp_dir

# libcurl looks at the system's authorities and at no variable: this one is put in front of it.
TRUST = """#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
int curl_easy_perform(void *handle);
int curl_easy_setopt(void *handle, int option, ...);
__attribute__((constructor)) static void once(void)
{
    unsetenv("LD_PRELOAD"); /* not for hooks: a sanitizer wants to be the first */
}
int curl_easy_perform(void *handle)
{
    int (*perform)(void *) = (int (*)(void *))dlsym(RTLD_NEXT, "curl_easy_perform");
    curl_easy_setopt(handle, 10065 /* CURLOPT_CAINFO */, getenv("TRUSTED"));
    return perform(handle);
}
"""


def missing():
    """What is not installed, or None."""
    for program in ("uacme", "pebble", "cc"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    return None


class Pebble:
    """Pebble(http=port, tls=port): where it looks for the challenges; it resolves every name to 127.0.0.1.

    .directory   the URL for `certificate auto`          .path    a PATH whose uacme trusts it
    .root()      its root certificate, a file            .start() .stop()"""

    def __init__(self, http, tls):
        self.dir = temp_dir("pebble")
        self.port, self.management, self.process = free_port(), free_port(), None
        self.trusted = self.dir / "pebble.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=pebble",
                "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.dir / "pebble.key", "-out", self.trusted)
        self._write("pebble.json", json.dumps({"pebble": {
            "listenAddress": f"127.0.0.1:{self.port}", "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": self.trusted, "privateKey": self.dir / "pebble.key", "httpPort": http, "tlsPort": tls,
            "ocspResponderURL": "", "externalAccountBindingRequired": False}}))
        self._names = NameServer(Everything())
        self._make_uacme()

    def _write(self, name, text, mode=0o644):
        with open(self.dir / name, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.dir / name, mode)

    def _make_uacme(self):
        self._write("trust.c", TRUST)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.dir / "trust.so", self.dir / "trust.c", "-ldl"], check=True)
        self._write("uacme", f"""#!/bin/sh
echo "$@" >>{self.dir}/calls
LD_PRELOAD={self.dir}/trust.so TRUSTED={self.trusted} exec {shutil.which('uacme')} "$@"
""", 0o755)
        self._write("calls", "", 0o666)

    @property
    def path(self):
        return f"{self.dir}:{os.environ['PATH']}"

    @property
    def directory(self):
        return f"https://127.0.0.1:{self.port}/dir"

    @property
    def calls(self):
        """The last word of each uacme's action: new, issue …, with what follows."""
        with open(self.dir / "calls", encoding="utf-8") as file:
            return [line.split(" -- ")[1].strip() for line in file]

    def root(self):
        context = ssl.create_default_context(cafile=self.trusted)
        with urllib.request.urlopen(f"https://127.0.0.1:{self.management}/roots/0", context=context, timeout=10) as answer:
            self._write("root.pem", answer.read().decode())
        return self.dir / "root.pem"

    def start(self):
        self.process = Process("pebble", ["pebble", "-config", self.dir / "pebble.json", "-dnsserver", self._names.address], self.dir,
                               {**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"})
        self.process.wait_listening([("127.0.0.1", self.port), ("127.0.0.1", self.management)], 60)     # it makes three keys of RSA first
        return self

    def stop(self):
        if self.process:
            self.process.kill_group()
        self.process = None

    def remove(self):
        self.stop()
        self._names.stop()
        self.dir.remove()


class Everything(dict):
    def get(self, key, default=None):
        return ["127.0.0.1"]
