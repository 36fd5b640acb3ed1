"""Negotiate with a keytab: a realm of its own on loopback, and in front of the rehearsal a server
that takes tickets and nothing else."""
import base64
import http.client
import http.server
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sandbox import Sandbox, Wess, main  # noqa: E402
from test_sign_in import EASY, one_user, told  # noqa: E402

REALM = "EXAMPLE.TEST"
TOOLS = {name: shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
         for name in ("krb5kdc", "kdb5_util", "kadmin.local")}
try:
    import gssapi
except ImportError:
    gssapi = None

BY_TICKET = """url = "{url}"; auth = "negotiate"; impersonate = "%{{user.mailbox}}";"""


class Realm:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="wess-realm-")
        with socket.create_server(("127.0.0.1", 0)) as s:
            port = s.getsockname()[1]
        self.write("krb5.conf", f"""[libdefaults]
 default_realm = {REALM}
 dns_lookup_kdc = false
 dns_canonicalize_hostname = false
 rdns = false
[realms]
 {REALM} = {{
  kdc = 127.0.0.1:{port}
 }}
""")
        self.write("kdc.conf", f"""[kdcdefaults]
 kdc_listen = 127.0.0.1:{port}
 kdc_tcp_listen = 127.0.0.1:{port}
[realms]
 {REALM} = {{
  database_name = {self.dir}/principal
  key_stash_file = {self.dir}/stash
  max_life = 1h
 }}
""")
        self.env = dict(os.environ, KRB5_CONFIG=self.path("krb5.conf"),
                        KRB5_KDC_PROFILE=self.path("kdc.conf"))
        self.run("kdb5_util", "create", "-s", "-r", REALM, "-P", "rehearsal")
        for principal, keytab in (("HTTP/localhost", "server"), ("svc-wess", "client")):
            self.run("kadmin.local", "-q", f"addprinc -randkey {principal}")
            self.run("kadmin.local", "-q", f"ktadd -k {self.path(keytab)} {principal}")
        self.kdc = subprocess.Popen([TOOLS["krb5kdc"], "-n"], env=self.env,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def run(self, tool, *args):
        subprocess.run([TOOLS[tool], *args], env=self.env, check=True, capture_output=True)

    def client(self, keytab="client"):
        return {"KRB5_CONFIG": self.path("krb5.conf"), "KRB5CCNAME": "MEMORY:wess",
                "KRB5_CLIENT_KTNAME": "FILE:" + self.path(keytab)}

    def __enter__(self):
        os.environ["KRB5_CONFIG"] = self.path("krb5.conf")
        return self

    def __exit__(self, *_):
        self.kdc.terminate()
        self.kdc.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Door(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    keytab = target = basic = None
    seen = []

    def who(self):
        kind, _, token = (self.headers.get("Authorization") or "").partition(" ")
        if kind != "Negotiate":
            return None
        store = {b"keytab": self.keytab.encode()}
        context = gssapi.SecurityContext(creds=gssapi.Credentials(usage="accept", store=store),
                                         usage="accept")
        context.step(base64.b64decode(token))
        return str(context.initiator_name) if context.complete else None

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        who = self.who()
        self.seen.append(who)
        if who != f"svc-wess@{REALM}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Negotiate")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        to = http.client.HTTPConnection(self.target.hostname, self.target.port)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "authorization")}
        to.request("POST", self.target.path, body, dict(headers, Authorization=self.basic))
        answer = to.getresponse()
        text = answer.read()
        to.close()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.getheader("Content-Type"))
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def test_a_keytab():
    with Realm() as realm, Sandbox() as box:
        info = box.info["exchange"]
        Door.keytab = realm.path("server")
        Door.target = urllib.parse.urlparse(info["url"])
        Door.basic = "Basic " + base64.b64encode(
            f"{info['username']}:{info['password']}".encode()).decode()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://localhost:{server.server_port}/EWS/Exchange.asmx"
        try:
            with Wess(box, users=one_user(box), pair=EASY,
                      sign_in=BY_TICKET.replace("{url}", url)) as w:
                w("check", "--online", check=0, env=realm.client())
                w("sync", check=(0, 1), env=realm.client())
                assert f"svc-wess@{REALM}" in Door.seen
                run = w("check", "--online", check=5, env=realm.client("nothing"))
                assert "KRB5_CLIENT_KTNAME" in run.stdout, told(run)
        finally:
            server.shutdown()
            server.server_close()


if __name__ == "__main__":
    if not gssapi or not all(TOOLS.values()):
        print("SKIP: needs krb5-kdc, krb5-admin-server and python3-gssapi")
        sys.exit(77)
    main(globals())
