"""`cleargrid sandbox`, in a process of its own."""

import signal
import socket
import subprocess
import sys

import requests
from click.testing import CliRunner

from cleargrid_assets.cli.main import main


def test_sandbox_prints_its_variables_and_serves_until_interrupted() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-u", "-c", "from cleargrid_assets.cli.main import main; main()", "sandbox"]
    process = subprocess.Popen(
        [*command, "--port", str(port)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if "running on" in line:
                break
        said = dict(line.split()[1].split("=", 1) for line in lines if "export" in line)
        answer = requests.post(
            f"{said['CLEARGRID_BASE_URL']}/admin/auth/{said['CLEARGRID_LENDER']}/login",
            json={"email": said["CLEARGRID_EMAIL"], "password": said["CLEARGRID_PASSWORD"]},
            timeout=60,
        )
        assert answer.status_code == 200
        # Not the user's database, in which invented rows would replace days.
        assert said["CLEARGRID_DUCKDB"] == "data/sandbox.duckdb"
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
        assert process.returncode in {0, 130, -signal.SIGINT}
        assert "Traceback" not in rest
    finally:
        process.kill()
        process.wait()


def test_sandbox_with_a_taken_port_fails_and_names_it() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        result = CliRunner().invoke(main, ["sandbox", "--port", str(port)])
    assert result.exit_code == 1
    assert f"Port {port} is in use" in result.output
    assert "export" not in result.output
