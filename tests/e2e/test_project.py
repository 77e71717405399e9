"""What stands around the program: the scripts that a bare clone begins with."""
import os
import shutil
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


# What is built, of a tree that is configured itself, and the front for a bare clone.
MADE = shutil.ignore_patterns(".git", ".deps", "build-asan", "build-tsan", "build-fuzz", "build-clang", "corpus", "*.o", "*.a", "autom4te.cache",
                              "GNUmakefile", "Makefile", "config.h", "config.log", "config.status", "gatehouse", "gatehouse.1", "gatehouse.service")


@pytest.mark.skipif(not (ROOT / "configure").exists(), reason="there is no configure")
@pytest.mark.parametrize("told, program, conf, run", [
    ([], "/usr/local/bin/gatehouse", "/etc", "/run"),
    (["--prefix=/opt/gate", "--sysconfdir=${prefix}/settings", "--localstatedir=/srv/gate"],
     "/opt/gate/bin/gatehouse", "/opt/gate/settings", "/srv/gate/run"),
], ids=["nothing told", "all told"])
def test_the_folders_of_configure_stand_in_program_manual_and_unit(tmp_path, told, program, conf, run):
    shutil.copytree(ROOT, tmp_path / "tree", ignore=MADE)
    for words in (["tree/configure", *told], ["make", "docs/gatehouse.1", "conf/gatehouse.service"]):
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    header, page, unit = ((tmp_path / name).read_text() for name in ("config.h", "docs/gatehouse.1", "conf/gatehouse.service"))
    assert f'#define SYSCONFDIR "{conf}"' in header and f'#define RUNSTATEDIR "{run}"' in header
    assert f".I {conf}/gatehouse/gatehouse.conf" in page and f".I {run}/gatehouse/control.sock" in page
    assert f"ExecStart={program} run -c {conf}/gatehouse/gatehouse.conf" in unit
    assert "@" not in page + unit
