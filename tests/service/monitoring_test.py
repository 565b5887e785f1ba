#!/usr/bin/env python3
"""config/grafana.json and config/alerts.yml against what the server exports. Usage:
monitoring_test.py PROGRAM"""
import json
import re

from service import CONFIG, TOP, Trial, main

LABELLED = re.compile(r"\b(bafa_\w+)\b(?:\{([^}]*)\})?")


class Monitoring(Trial):
    """Every metric and label that the shipped files name must be there after one job."""

    def setUp(self):
        super().setUp()
        _, self.client = self.serve()
        self.client.json("/v1/images/generations", {"prompt": "x"})
        with self.client.open("/metrics") as answer:
            self.exported = answer.read().decode()
        self.names = set(re.findall(r"^(bafa_\w+)", self.exported, re.MULTILINE))
        source = (TOP / "src/http/http_metrics.cpp").read_text()
        self.of_gpus = set(re.findall(r'"(bafa_gpu_\w+)"', source))  # there with a GPU only

    def check(self, expressions):
        self.assertTrue(expressions)
        for expression in expressions:
            found = LABELLED.findall(expression)
            self.assertTrue(found, f"names no metric: {expression}")
            for name, labels in found:
                if name in self.of_gpus:
                    continue
                self.assertIn(name, self.names, expression)
                for label in set(re.findall(r"(\w+)=", labels)) - {"instance"}:
                    self.assertRegex(self.exported, rf'(?m)^{name}\{{[^}}]*\b{label}="')

    def test_dashboard(self):
        dashboard = json.loads((CONFIG / "grafana.json").read_text())
        panels = dashboard["panels"]
        self.check([target["expr"] for panel in panels for target in panel["targets"]])
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        shown = " ".join(target["expr"] for panel in panels for target in panel["targets"])
        for name in self.names | self.of_gpus:
            if not name.endswith(("_bucket", "_sum", "_count")):
                self.assertIn(name, shown, "exported, and nobody looks at it")

    def test_alerts(self):
        text = (CONFIG / "alerts.yml").read_text()
        rules = re.split(r"^      - alert: ", text, flags=re.MULTILINE)[1:]
        self.assertEqual(len(rules), 5)
        folded = [" ".join(rule.split()) for rule in rules]
        self.check([re.search(r"expr: (?:>- )?(.*?) (?:for|labels):", rule)[1] for rule in folded])


main()
