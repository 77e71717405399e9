"""What stands around the program: the scripts that a bare clone begins with."""
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ROOT / "build-aux" / "packages"


def installs(folder, states):
    """What `packages install fuzz` asks apt-get for, where dpkg knows the packages as `states` says: (exit status, names)."""
    def tool(name, text):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    cases = " ".join(f"{name}) printf '%s' '{state}' ;;" for name, state in states.items())
    tool("dpkg-query", f'case $4 in {cases} *) echo "no packages found matching $4" >&2; exit 1 ;; esac')
    tool("apt-get", f'echo "$*" >> {folder}/asked')
    tool("id", "echo 0")
    tool("tee", "cat > /dev/null")
    tool("chmod", ":")
    tool("rm", ":")
    done = subprocess.run(["/bin/sh", PACKAGES, "install", "fuzz"], capture_output=True, text=True, timeout=20, check=False,
                          env=os.environ | {"PATH": f"{folder}:/usr/bin:/bin"})
    asked = (folder / "asked").read_text() if (folder / "asked").exists() else ""
    return done.returncode, {word for word in asked.split() if word in ("clang", "libclang-rt-dev")}


@pytest.mark.parametrize("states, status, names", [
    ({"clang": "installed ", "libclang-rt-dev": "installed "}, 0, set()),
    ({"clang": "installed "}, 3, {"libclang-rt-dev"}),
    ({"clang": "not-installed ", "libclang-rt-dev": "installed "}, 3, {"clang"}),
    ({"clang": "config-files ", "libclang-rt-dev": "half-installed "}, 3, {"clang", "libclang-rt-dev"}),
    ({"clang": "not-installed installed ", "libclang-rt-dev": "installed "}, 0, set()),
], ids=["all there", "unknown", "known by name only", "removed or broken", "of another architecture"])
def test_packages_that_are_missing_are_installed(tmp_path, states, status, names):
    assert installs(tmp_path, states) == (status, names)
