"""A token issuer for benchmarks: one RSA key, its discovery documents over loopback, and a token.

The token is of the size that real providers issue (about 1 KiB) and good for a day. Keys are made
and used by the openssl command, so that Python needs no further package.
"""
import base64
import http.server
import json
import os
import subprocess
import threading
import time

AUDIENCE = "bench"
DAY_SECONDS = 86_400


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    def __init__(self, folder):
        self.key = os.path.join(folder, "issuer.pem")
        self._openssl("genrsa", "-out", self.key, "2048")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def flags(self):
        """What makes a gateway trust it."""
        return ["--auth", "oidc", "--oidc-issuer", self.url, "--oidc-audience", AUDIENCE]

    def token(self):
        now = int(time.time())
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": "bench", "iat": now,
                  "exp": now + DAY_SECONDS, "roles": ["mcp.admin"],
                  # What a provider would say beside it.
                  "about": "x" * 400}
        head = {"alg": "RS256", "typ": "at+jwt", "kid": "bench"}
        signed = ".".join(base64url(json.dumps(part).encode()) for part in (head, claims))
        signature = self._openssl("dgst", "-sha256", "-sign", self.key, given=signed.encode())
        return f"{signed}.{base64url(signature)}"

    @staticmethod
    def _openssl(*words, given=None):
        return subprocess.run(["openssl", *words], input=given, check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL).stdout

    def _keys(self):
        text = self._openssl("rsa", "-in", self.key, "-noout", "-modulus").decode()
        modulus = bytes.fromhex(text.strip().partition("=")[2])
        return {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "bench",
                          "n": base64url(modulus), "e": "AQAB"}]}

    def _handler(self):
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                pages = {"/.well-known/openid-configuration":
                         lambda: {"issuer": issuer.url, "jwks_uri": issuer.url + "/keys"},
                         "/keys": issuer._keys}
                page = pages.get(self.path)
                body = json.dumps(page() if page else {}).encode()
                self.send_response(200 if page else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler
