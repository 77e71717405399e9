"""The binary is there and says what it is."""
from lib import run


def test_version():
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("gatehouse ")


def test_unknown_command_is_wrong_usage():
    done = run("frobnicate")
    assert done.returncode == 2
    assert done.stdout == "" and "frobnicate" in done.stderr
