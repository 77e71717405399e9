#!/bin/sh
# Makes ./configure and Makefile.in from a checkout; a release tarball has them already.
set -eu
cd "$(dirname "$0")"
for tool in autoconf:autoconf automake:automake aclocal:automake pkg-config:pkg-config; do
    command -v "${tool%:*}" >/dev/null 2>&1 || {
        echo "autogen.sh: ${tool%:*} is missing; on Debian type: apt-get install autoconf automake pkg-config" >&2
        exit 1
    }
done
exec autoreconf --force --install
