#!/usr/bin/env python3
"""config/supervisor.conf under Debian's supervisor. Usage: supervisor_test.py PROGRAM"""
import concurrent.futures
import os
import re
import signal
import subprocess

from service import CONFIG, MODEL, PROGRAM, Client, Trial, eventually, free_port, main, replaced

LONG_JOB = {"prompt": "slow", "steps": 400, "seed": 1}


class Supervisor(Trial):
    def setUp(self):
        super().setUp()
        self.client = Client(free_port())
        port = self.client.base.rpartition(":")[2]
        options = ["--port", port, "--admin-port", "-1", "--set", "limits.max_steps=1000", *MODEL]
        self.log = self.folder / "bafa.log"
        program = replaced(
            (CONFIG / "supervisor.conf").read_text(),
            ("/usr/bin/bafa serve --config /etc/bafa/server.json --state-dir /var/lib/bafa",
             " ".join([str(PROGRAM), "serve", "--config", str(CONFIG / "server.json"),
                       "--state-dir", str(self.folder / "state"), *options])),
            ("directory=/var/lib/bafa", f"directory={self.folder}"),
            ("user=bafa\n", ""),
            ("startsecs=10", "startsecs=1"),
            ("/var/log/bafa.log", str(self.log)))
        self.config = self.folder / "supervisord.conf"
        self.config.write_text(f"""
[unix_http_server]
file={self.folder}/socket
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{self.folder}/socket
[supervisord]
logfile={self.folder}/supervisord.log
pidfile={self.folder}/supervisord.pid
childlogdir={self.folder}
{program}""")
        self.start(["supervisord", "-n", "-c", self.config], stdout=subprocess.DEVNULL)
        ready = eventually(self.client.ready)
        self.assertTrue(ready, self.log.read_text() if self.log.exists() else "it never ran")

    def ctl(self, *command):
        done = subprocess.run(["supervisorctl", "-c", self.config, *command], text=True,
                              capture_output=True, check=False)
        return done.stdout

    def pid(self):
        return int(self.ctl("pid", "bafa"))

    def test_a_crash_is_mended(self):
        first = self.pid()
        self.assert_eventually(lambda: "RUNNING" in self.ctl("status", "bafa"))
        os.kill(first, signal.SIGKILL)
        self.assert_eventually(lambda: self.pid() not in (0, first))
        self.assert_eventually(self.client.ready)

    def test_stop_drains(self):
        self.assert_eventually(lambda: "RUNNING" in self.ctl("status", "bafa"))
        with concurrent.futures.ThreadPoolExecutor() as pool:
            answer = pool.submit(self.client.status, "/v1/images/generations", LONG_JOB)
            self.assert_eventually(lambda: self.client.json("/v1/queue")["running"] == 1)
            self.ctl("stop", "bafa")
            self.assertEqual(answer.result(), 200)
        self.assertIn("STOPPED", self.ctl("status", "bafa"))
        log = self.log.read_text()
        self.assertIn("job.succeeded", log, "standard error is in the log, too")
        self.assertIn("stopped exit_code=0", log)

    def test_wrong_configuration_is_not_tried_for_ever(self):
        self.assert_eventually(lambda: "RUNNING" in self.ctl("status", "bafa"))
        self.ctl("stop", "bafa")
        text = replaced(self.config.read_text(), ("limits.max_steps=1000", "limits.max_stops=1"))
        self.config.write_text(text)
        self.ctl("update")
        # EXITED when it took longer than startsecs to say so.
        self.assert_eventually(lambda: re.search("FATAL|EXITED", self.ctl("status", "bafa")))
        self.assertIn("did you mean limits.max_steps", self.log.read_text())


main()
