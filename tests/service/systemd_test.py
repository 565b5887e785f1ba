#!/usr/bin/env python3
"""config/bafa.service as systemd reads it. Usage: systemd_test.py PROGRAM"""
import re
import subprocess

from service import CONFIG, PROGRAM, TOP, Trial, main, replaced

MOST_EXPOSED = 2.0  # of 10, as `systemd-analyze security` counts


class Systemd(Trial):
    def setUp(self):
        super().setUp()
        self.unit = self.folder / "bafa.service"
        self.unit.write_text(replaced((CONFIG / "bafa.service").read_text(),
                                      ("ExecStart=/usr/bin/bafa", f"ExecStart={PROGRAM}")))

    def analyze(self, *command):
        return subprocess.run(["systemd-analyze", *command, self.unit], text=True,
                              capture_output=True, check=False)

    def test_the_unit_is_understood(self):
        done = self.analyze("verify", "--man=no")
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_it_is_locked_up_well(self):
        done = self.analyze("security", "--offline=true", "--no-pager")
        exposure = re.search(r"Overall exposure level for bafa.service: ([\d.]+)", done.stdout)
        self.assertLessEqual(float(exposure[1]), MOST_EXPOSED)

    def test_everybody_agrees_after_which_exit_codes_to_start_again(self):
        unit, other = self.unit.read_text(), (CONFIG / "supervisor.conf").read_text()
        numbers = lambda pattern, text: set(re.findall(r"\d+", re.search(pattern, text)[1]))
        readme = dict(re.findall(r"^\| (\d+) \| .* \| (yes|no) \|$",
                                 (TOP / "README.md").read_text(), re.M))
        final = {code for code, again in readme.items() if again == "no"}
        self.assertEqual(numbers("exitcodes=(.*)", other), final)
        self.assertEqual(numbers("RestartPreventExitStatus=(.*)", unit)
                         | numbers("SuccessExitStatus=(.*)", unit) | {"0"}, final)
        said = subprocess.run([PROGRAM, "--help"], text=True, capture_output=True, check=True)
        codes = said.stdout.split("Exit codes:")[1]
        self.assertEqual(re.findall(r"^  (\d+) ", codes, re.M), list(readme))


main()
