"""A certificate authority of a test's own, made with openssl."""
import datetime, os, shutil, subprocess
from dataclasses import dataclass

from .wait import temp_dir

CONF = """[ca]
default_ca = own
[own]
database = {dir}/index
serial = {dir}/serial
new_certs_dir = {dir}
certificate = {dir}/ca.pem
private_key = {dir}/ca.key
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
organizationName = optional
organizationalUnitName = optional
commonName = supplied
"""


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@dataclass
class Pair:
    certificate: str
    key: str
    folder: str


def rename_over(source, target):
    shutil.copy(source, target + ".new")
    os.chmod(target + ".new", 0o644 if target.endswith("c.pem") else 0o600)
    os.replace(target + ".new", target)


def in_hours(hours):
    """A date for Authority.issue()."""
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)).strftime("%Y%m%d%H%M%SZ")


def put(folder, pair):
    """Replaces c.pem and k.pem of the folder, each in one step."""
    rename_over(pair.certificate, f"{folder}/c.pem")
    rename_over(pair.key, f"{folder}/k.pem")


class Authority:
    """.certificate (PEM); issue(names…) -> Pair; staple(pair) -> a DER file that says whether it is revoked."""

    def __init__(self, name="Test authority", issuer=None):
        self.dir = temp_dir("authority")
        self.certificate, self.key = self.dir / "ca.pem", self.dir / "ca.key"
        self._count = 0
        self._conf = self.dir / "ca.conf"
        for file, text in (("ca.conf", CONF.format(dir=self.dir)), ("index", ""), ("serial", "01\n")):
            with open(self.dir / file, "w", encoding="utf-8") as out:
                out.write(text)
        if issuer is None:
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN={name}",
                    "-keyout", self.key, "-out", self.certificate, "-addext", "basicConstraints=critical,CA:TRUE")
        else:
            pair = issuer.issue(name, extensions=["basicConstraints=critical,CA:TRUE"])
            os.replace(pair.certificate, self.certificate)
            os.replace(pair.key, self.key)

    def issue(self, *names, extensions=(), ends="+30", begins="20200101000000Z", key="ec", key_of=None, subject=None):
        """A certificate for names and addresses; valid for 30 days, or from `begins` to `ends`, as in 20301231235959Z. Its key is a new one, or
        that of the pair `key_of`. `subject` is as openssl's -subj has it; by default, the first of the names."""
        self._count += 1
        base = self.dir / f"issued{self._count}"
        alternatives = ",".join(("IP:" if ":" in n or n.replace(".", "").isdigit() else "DNS:") + n for n in names)
        if not extensions:
            extensions = [f"subjectAltName={alternatives}"]
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if key == "ec" else ["-newkey", key]
        made = [*kind, "-nodes", "-keyout", base + ".key"] if key_of is None else ["-key", key_of.key]
        openssl("req", "-new", *made, "-subj", subject or f"/CN={names[0]}",
                "-out", base + ".csr", *[word for e in extensions for word in ("-addext", e)])
        times = ["-days", "30"] if ends == "+30" else ["-startdate", begins, "-enddate", ends]
        openssl("ca", "-batch", "-config", self._conf, "-in", base + ".csr", "-out", base + ".pem", "-notext", *times)
        return Pair(base + ".pem", base + ".key" if key_of is None else key_of.key, self.dir)

    def revoke(self, pair):
        openssl("ca", "-config", self._conf, "-revoke", pair.certificate)

    def staple(self, pair):
        out = pair.certificate + ".ocsp"
        openssl("ocsp", "-index", self.dir / "index", "-CA", self.certificate, "-rsigner", self.certificate, "-rkey", self.key, "-issuer", self.certificate,
                "-cert", pair.certificate, "-ndays", "2", "-respout", out)
        return out

    def remove(self):
        self.dir.remove()
