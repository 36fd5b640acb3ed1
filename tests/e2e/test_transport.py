"""What lies between: an authority of one's own, a certificate that is asked for, old TLS, a proxy,
and an address without TLS. The server is the rehearsal's; TLS ends in front of it."""
import os
import socket
import ssl
import subprocess
import tempfile
import threading
import time

from sandbox import SIGN_IN, Sandbox, Wess, main
from test_sign_in import one_user, told

FAR = "127.0.0.2"  # loopback, and not of the names that go by no proxy


def openssl(*args, cwd):
    subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=cwd)


class Authority:
    """A certificate authority, the server's certificate and the client's."""

    def __init__(self, folder):
        self.folder = folder
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Own CA",
                "-keyout", "ca.key", "-out", "ca.pem", cwd=folder)
        for name, ext in (("server", f"subjectAltName=IP:127.0.0.1,IP:{FAR}\n"),
                          ("client", "extendedKeyUsage=clientAuth\n")):
            with open(os.path.join(folder, name + ".ext"), "w") as f:
                f.write(ext)
            openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout",
                    name + ".key", "-out", name + ".csr", cwd=folder)
            openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                    "-CAcreateserial", "-days", "2", "-extfile", name + ".ext", "-out",
                    name + ".pem", cwd=folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def context(self, ask=False, newest=None):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(self.path("server.pem"), self.path("server.key"))
        if ask:
            c.verify_mode = ssl.CERT_REQUIRED
            c.load_verify_locations(self.path("ca.pem"))
        if newest:
            c.set_ciphers("ALL:@SECLEVEL=0")
            c.minimum_version = c.maximum_version = newest
        return c


def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def join(a, b):
    threading.Thread(target=pump, args=(b, a), daemon=True).start()
    pump(a, b)


class Front:
    """Listens, and hands each connection to `take(connection)` in a thread."""

    def __init__(self, take, host="127.0.0.1"):
        self.listener = socket.create_server((host, 0))
        self.port = self.listener.getsockname()[1]
        self.take = take
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.guard, args=(connection,), daemon=True).start()

    def guard(self, connection):
        try:
            self.take(connection)
        except OSError:
            pass
        finally:
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def tls(box, context, host="127.0.0.1"):
    port = int(box.info["exchange"]["url"].split(":")[2].split("/")[0])

    def take(connection):
        with context.wrap_socket(connection, server_side=True) as inner:
            join(inner, socket.create_connection(("127.0.0.1", port)))
    return Front(take, host)


def wess(box, url, http="", ews="", auth="ntlm"):
    return Wess(box, users=one_user(box), auth=auth, http=http, ews=ews,
                sign_in=SIGN_IN.replace("{exchange}", url))


def test_an_authority_of_ones_own():
    with tempfile.TemporaryDirectory() as folder, Sandbox() as box:
        ca = Authority(folder)
        with tls(box, ca.context()) as front:
            url = f"https://127.0.0.1:{front.port}/EWS/Exchange.asmx"
            with wess(box, url, http=f'ca_file = "{ca.path("ca.pem")}";') as w:
                w("check", "--online", check=0)
            box.requests(reset=True)
            with wess(box, url) as w:
                run = w("check", "--online", check=2)
                assert "http.ca_file" in run.stdout, told(run)
            with wess(box, url.replace("127.0.0.1", "localhost"),
                      http=f'ca_file = "{ca.path("ca.pem")}";') as w:
                run = w("check", "--online", check=2)
                assert "not usable" in run.stdout, "another name than the certificate's is taken"
            said = [op for op in box.requests()["by_op"] if op.startswith("ews:")]
            assert not said, f"said to a server that is not trusted: {said}"


def test_a_certificate_that_is_asked_for():
    with tempfile.TemporaryDirectory() as folder, Sandbox() as box:
        ca = Authority(folder)
        trusted = f'ca_file = "{ca.path("ca.pem")}";'
        with tls(box, ca.context(ask=True)) as front:
            url = f"https://127.0.0.1:{front.port}/EWS/Exchange.asmx"
            shown = f'tls_certificate = "{ca.path("client.pem")}"; tls_key = "{ca.path("client.key")}";'
            with wess(box, url, http=trusted, ews=shown) as w:
                w("check", "--online", check=0)
            with wess(box, url, http=trusted) as w:
                w("check", "--online", check=(2, 3))
            with wess(box, url, http=trusted, ews='tls_certificate = "/nonexistent.pem";') as w:
                run = w("check", "--online", check=2)
                assert "certificate" in run.stdout, told(run)


def test_old_tls_is_not_spoken():
    import warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    with tempfile.TemporaryDirectory() as folder, Sandbox() as box:
        ca = Authority(folder)
        for version, status in ((ssl.TLSVersion.TLSv1_1, (2, 3)), (ssl.TLSVersion.TLSv1_2, 0)):
            with tls(box, ca.context(newest=version)) as front, \
                    wess(box, f"https://127.0.0.1:{front.port}/EWS/Exchange.asmx",
                         http=f'ca_file = "{ca.path("ca.pem")}";') as w:
                w("check", "--online", check=status)


class Proxy(Front):
    """CONNECT alone; what it was asked is in `heads`."""

    def __init__(self, refuse=None):
        self.heads = []
        self.refuse = refuse
        super().__init__(self.carry)

    def carry(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.recv(65536)
            if not data:
                return
            head += data
        self.heads.append(head.decode("latin-1"))
        method, target, _ = head.split(b" ", 2)
        if self.refuse or method != b"CONNECT":
            connection.sendall(f"HTTP/1.1 {self.refuse or 405} No\r\nContent-Length: 0\r\n\r\n".encode())
            return
        host, port = target.decode().rsplit(":", 1)
        out = socket.create_connection((host, int(port)))
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        join(connection, out)


def test_a_proxy():
    with tempfile.TemporaryDirectory() as folder, Sandbox() as box:
        ca = Authority(folder)
        with tls(box, ca.context(), FAR) as front:
            url = f"https://{FAR}:{front.port}/EWS/Exchange.asmx"
            for auth in ("ntlm", "basic"):
                with Proxy() as proxy, \
                        wess(box, url, auth=auth, http=f'ca_file = "{ca.path("ca.pem")}"; '
                             f'proxy = "http://127.0.0.1:{proxy.port}";') as w:
                    w("check", "--online", check=0)
                    assert proxy.heads and all(h.startswith(f"CONNECT {FAR}:") for h in proxy.heads)
                    assert not [h for h in proxy.heads if "authorization" in h.lower()], \
                        "the proxy sees the password"
            with Proxy(refuse=407) as proxy, \
                    wess(box, url, http=f'ca_file = "{ca.path("ca.pem")}"; '
                         f'proxy = "http://127.0.0.1:{proxy.port}";') as w:
                run = w("check", "--online", check=(2, 3))
                assert "407" in run.stdout, told(run)


def test_no_password_without_tls():
    with Sandbox() as box, wess(box, "http://mail.example.com/EWS/Exchange.asmx", auth="basic") as w:
        began = time.time()
        run = w("check", "--online", check=2)
        assert "use https://" in run.stdout and time.time() - began < 20, told(run)
    with Sandbox() as box, wess(box, "http://127.evil.example/EWS/Exchange.asmx", auth="basic") as w:
        run = w("check", "--online", check=2)
        assert "use https://" in run.stdout, told(run)


if __name__ == "__main__":
    main(globals())
