#!/usr/bin/env python3
"""config/logrotate.conf with Debian's logrotate. Usage: logrotate_test.py PROGRAM"""
import gzip
import subprocess

from service import CONFIG, Trial, main, replaced


class Logrotate(Trial):
    def rotate(self, process):
        old = (CONFIG / "logrotate.conf").read_text()
        action = old[old.index("        if [ -d"):old.index("    endscript")]
        config = self.folder / "logrotate.conf"
        config.write_text(replaced(old, ("/var/log/bafa/bafa.log {", f"{self.log} {{"),
                                   (action, f"        kill -HUP {process.pid}\n")))
        config.chmod(0o644)
        subprocess.run(["logrotate", "--force", "--state", self.folder / "state", config],
                       check=True, capture_output=True)

    def test_no_line_is_lost(self):
        self.log = self.folder / "bafa.log"
        process, client = self.serve("--log-file", str(self.log))
        routes = ["/v1/models", "/v1/queue", "/v1/jobs"]
        for route in routes:
            client.status(route)
            self.rotate(process)
            self.assert_eventually(lambda: self.log.exists() and "what=log" in self.log.read_text())
        kept = [self.log.read_text(), (self.folder / "bafa.log.1").read_text()]
        for number in (2, 3):
            kept.append(gzip.open(self.folder / f"bafa.log.{number}.gz", "rt").read())
        for route in routes:
            self.assertEqual(sum(text.count(f"route={route}") for text in kept), 1, route)


main()
