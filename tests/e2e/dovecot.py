"""A real Dovecot on a free port of loopback, as an ordinary process with a configuration and a folder
of its own. Any user may sign in, by one password.

    with Dovecot() as server:
        Mailbox(server, "u1").append("<a@example.com>", ["Workbooks"])
"""
import grp
import imaplib
import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

CONFIG = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
protocols = imap
listen = 127.0.0.1
ssl = {ssl}
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
disable_plaintext_auth = no
auth_mechanisms = plain login
first_valid_uid = 0
first_valid_gid = 0
mail_location = mdbox:{dir}/mail/%u
mail_max_userip_connections = 2000
mail_fsync = never
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {ports}
    ssl = yes
  }}
  service_count = 0
  client_limit = 2000
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
  client_limit = 4000
}}
service imap {{
  process_limit = 1024
}}
service auth {{
  client_limit = 8000
}}
service stats {{
  client_limit = 4000
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={dir}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    special_use = \\Sent
    auto = create
  }}
  mailbox Trash {{
    special_use = \\Trash
    auto = create
  }}
}}
{more}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Dovecot:
    def __init__(self, more="", tls=False):
        self.dir = tempfile.mkdtemp(prefix="wess-dovecot-")
        # It does not serve mail as root.
        who = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        os.chown(self.dir, who.pw_uid, who.pw_gid)
        self.port, self.ports, self.password = free_port(), free_port(), "of-the-mailbox"
        self.certificate = os.path.join(self.dir, "certificate.pem")
        if tls:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
                            "2", "-subj", "/CN=localhost", "-addext",
                            "subjectAltName=DNS:localhost,DNS:imap.example,IP:127.0.0.1", "-keyout",
                            self.dir + "/key.pem", "-out", self.certificate], check=True,
                           capture_output=True)
            os.chown(self.dir + "/key.pem", who.pw_uid, who.pw_gid)
            more = f"ssl_cert = <{self.certificate}\nssl_key = <{self.dir}/key.pem\n" + more
        path = os.path.join(self.dir, "dovecot.conf")
        with open(path, "w") as f:
            f.write(CONFIG.format(dir=self.dir, ssl="yes" if tls else "no", port=self.port,
                                  ports=self.ports if tls else 0, user=who.pw_name,
                                  group=grp.getgrgid(who.pw_gid).gr_name,
                                  password=self.password, more=more))
        other = {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
        self.process = subprocess.Popen(
            [shutil.which("dovecot") or "/usr/sbin/dovecot", "-F", "-c", path],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd=self.dir, **(other if os.geteuid() == 0 else {}))
        end = time.monotonic() + 30
        while True:
            try:
                imaplib.IMAP4("127.0.0.1", self.port, timeout=5).shutdown()
                return
            except (OSError, imaplib.IMAP4.abort):
                if self.process.poll() is not None or time.monotonic() > end:
                    self.stop()
                    raise RuntimeError("Dovecot did not start: " + self.log()) from None
                select.select([], [], [], 0.05)

    def log(self):
        try:
            with open(os.path.join(self.dir, "log")) as f:
                return f.read()
        except OSError:
            return ""

    def client(self, user):
        c = imaplib.IMAP4("127.0.0.1", self.port, timeout=60)
        c.login(user, self.password)
        return c

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


class Mailbox:
    """A mail program of one user."""

    def __init__(self, dovecot, user="u1"):
        self.c = dovecot.client(user)

    def ok(self, answer):
        assert answer[0] == "OK", answer
        return answer[1]

    def append(self, message_id, keywords=(), folder="INBOX", more=""):
        head = f"Message-ID: {message_id}\r\n" if message_id else ""
        text = f"{head}From: a@example.com\r\nSubject: S\r\n{more}\r\nBody\r\n"
        self.ok(self.c.append(folder, "(" + " ".join(keywords) + ")", None, text.encode()))

    def uids(self, message_id, folder="INBOX"):
        self.ok(self.c.select(folder))
        found = self.ok(self.c.uid("SEARCH", "HEADER", "Message-ID", f'"{message_id}"'))
        return found[0].split()

    def store(self, message_id, what, keywords, folder="INBOX"):
        for uid in self.uids(message_id, folder):
            self.ok(self.c.uid("STORE", uid, what, "(" + " ".join(keywords) + ")"))

    def flags(self, message_id, folder="INBOX"):
        found = []
        for uid in self.uids(message_id, folder):
            answer = self.ok(self.c.uid("FETCH", uid, "(FLAGS)"))[0].decode()
            found.append(set(answer.split("FLAGS (")[1].split(")")[0].split()) - {"\\Recent"})
        return found

    def tag(self, message_id, keyword="Workbooks", folder="INBOX"):
        self.store(message_id, "+FLAGS", [keyword], folder)

    def untag(self, message_id, keyword="Workbooks", folder="INBOX"):
        self.store(message_id, "-FLAGS", [keyword], folder)

    def expunge(self, message_id, folder="INBOX"):
        self.store(message_id, "+FLAGS", ["\\Deleted"], folder)
        self.ok(self.c.expunge())

    def move(self, message_id, to, folder="INBOX"):
        for uid in self.uids(message_id, folder):
            self.ok(self.c.uid("MOVE", uid, to))

    def close(self):
        self.c.logout()
