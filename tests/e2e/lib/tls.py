"""Clients that speak TLS, by the library of Python."""
import socket, ssl

from .wait import SLOWNESS

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def context(authority, version=None, pair=None):
    """Believes the authority alone; speaks this version only, when there is one, and shows the pair, when there is one."""
    made = ssl.create_default_context(cafile=authority.certificate)
    if version:
        made.minimum_version = made.maximum_version = VERSIONS[version]
    if pair:
        made.load_cert_chain(pair.certificate, pair.key)
    return made


def connect(g, made, name="site.test", session=None, port=None):
    """The socket, after its handshake. name None: none is asked for."""
    return made.wrap_socket(socket.create_connection(("127.0.0.1", port or g.port), 10 * SLOWNESS), server_hostname=name, session=session)
