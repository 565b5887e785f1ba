#!/usr/bin/env python3
"""config/nginx.conf in Debian's nginx. Usage: nginx_test.py PROGRAM"""
import http.client
import subprocess
import time
import urllib.error

from service import CONFIG, Client, Trial, free_port, main, replaced

KEY = "0123456789abcdef"
NAME = "pictures.example"


class Nginx(Trial):
    def setUp(self):
        super().setUp()
        keys = self.folder / "keys.json"
        keys.write_text('{"keys":[{"name":"alice","key":"%s"}]}' % KEY)
        _, direct = self.serve("--allow-host", NAME, "--keys", str(keys), "--trust-proxy",
                               "127.0.0.1", "--set", "limits.max_steps=1000", "--log-level",
                               "debug")
        self.make_certificate()
        self.plain, secure = free_port(), free_port()
        site = replaced(
            (CONFIG / "nginx.conf").read_text(),
            ("127.0.0.1:7860;", direct.base.rpartition("/")[2] + ";"),
            ("listen 80;", f"listen 127.0.0.1:{self.plain};"), ("    listen [::]:80;\n", ""),
            ("listen 443 ssl", f"listen 127.0.0.1:{secure} ssl"),
            ("    listen [::]:443 ssl http2;\n", ""),
            ("/etc/ssl/certs/pictures.example.pem", str(self.folder / "cert.pem")),
            ("/etc/ssl/private/pictures.example.key", str(self.folder / "key.pem")))
        temporary = "".join(f"{kind}_temp_path {self.folder}/{kind};\n"
                            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = self.folder / "nginx.conf"
        config.write_text(f"daemon off; master_process off; pid {self.folder}/pid;\n"
                          "error_log stderr warn;\nevents {}\n"
                          f"http {{ access_log off;\n{temporary}\n{site}\n}}\n")
        self.start(["nginx", "-p", self.folder, "-c", config])
        headers = {"Host": NAME, "Authorization": f"Bearer {KEY}"}
        self.client = Client(secure, "https", headers)
        self.assert_eventually(self.client.ready)

    def make_certificate(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
                        "-keyout", "key.pem", "-out", "cert.pem", "-subj", f"/CN={NAME}"],
                       cwd=self.folder, check=True, capture_output=True)

    def test_it_paints_through_tls(self):
        answer = self.client.json("/v1/images/generations", {"prompt": "a red apple", "seed": 7})
        self.assertEqual(answer["data"][0]["seed"], 7)

    def test_pictures_have_addresses_that_lead_through_tls(self):
        self.client.headers["X-Forwarded-Proto"] = "http"  # a client's claim, which nginx drops
        body = {"prompt": "a red apple", "response_format": "url"}
        address = self.client.json("/v1/images/generations", body)["data"][0]["url"]
        self.assertTrue(address.startswith(f"https://{NAME}/v1/images/files/"), address)
        with self.client.open(address.removeprefix(f"https://{NAME}")) as picture:
            self.assertEqual(picture.read(4), b"\x89PNG")

    def test_a_key_is_asked_for(self):
        self.client.headers.pop("Authorization")
        self.assertEqual(self.client.status("/v1/queue"), 401)

    def test_events_come_as_they_happen(self):
        body = {"prompt": "slow", "steps": 400, "seed": 1, "stream": True, "partial_images": 3}
        times = []
        with self.client.open("/v1/images/generations", body) as stream:
            for line in stream:
                if line.startswith(b"event:"):
                    times.append(time.monotonic())
        self.assertGreaterEqual(len(times), 4)
        self.assertGreater(times[-1] - times[0], 0.05, "all at once is buffered")

    def test_a_client_that_leaves_is_noticed(self):
        body = {"prompt": "slow", "steps": 1000, "size": "256x256", "stream": True}
        stream = self.client.open("/v1/images/generations", body)
        self.assert_eventually(lambda: self.client.json("/v1/queue")["running"] == 1)
        stream.close()
        self.assert_eventually(lambda: self.client.json("/v1/queue")["running"] == 0)
        self.assertEqual(self.client.json("/v1/jobs")["data"][0]["status"], "canceled")

    def test_too_large_a_body_is_refused_here(self):
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.client.open("/v1/images/generations", {"prompt": "x" * (2 << 20)})
        refused.exception.close()
        self.assertEqual(refused.exception.code, 413)
        self.assertEqual(refused.exception.headers["Content-Type"], "text/html", "bafa's is JSON")

    def test_without_tls_it_only_redirects(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.plain)
        self.addCleanup(connection.close)
        connection.request("GET", "/readyz?a=b", headers={"Host": NAME})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 308)
        self.assertEqual(answer.headers["Location"], f"https://{NAME}/readyz?a=b")


main()
