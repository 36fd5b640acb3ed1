"""A strict IMAP server of one mailbox, by script: for what Dovecot will not do. Whatever it is not
told to understand it refuses with BAD, and notes.

    with Server(Folder("INBOX", [Message(1, "<a@b>", ["Workbooks"])])) as server:
        server.hooks["EXAMINE"] = lambda tag, rest: b"* BYE bored\\r\\n"
"""
import base64
import re
import socket
import threading


class Message:
    def __init__(self, uid, message_id, flags=(), modseq=1):
        self.uid, self.id, self.flags, self.modseq = uid, message_id, set(flags), modseq


class Folder:
    def __init__(self, name, messages=(), validity=7, attributes="", permanent="\\*", counts=True):
        self.name, self.messages, self.validity = name, list(messages), validity
        self.attributes, self.permanent, self.counts = attributes, permanent, counts
        self.modseq = max([m.modseq for m in self.messages], default=1)
        self.next = max([m.uid for m in self.messages], default=0) + 1

    def add(self, message_id, *flags):
        self.modseq += 1
        self.messages.append(Message(self.next, message_id, flags, self.modseq))
        self.next += 1

    def change(self, uid, *flags):
        self.modseq += 1
        for m in self.messages:
            if m.uid == uid:
                m.flags, m.modseq = set(flags), self.modseq

    def expunge(self, uid):
        self.modseq += 1
        self.messages = [m for m in self.messages if m.uid != uid]


class Server:
    def __init__(self, *folders, capability="IDLE ENABLE CONDSTORE LITERAL+", greeting="ready",
                 password="secret"):
        self.folders, self.capability, self.greeting = list(folders), capability, greeting
        self.password = password
        self.endless = {}  # command: what it gets again and again, and the pause between
        self.hooks, self.asked, self.bad, self.signed_in = {}, [], [], []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.threads = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=Session(self, s).run, daemon=True).start()

    def folder(self, name):
        return next((f for f in self.folders if f.name == name), None)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.listener.close()
        assert kind or not self.bad, self.bad


def flags_of(m):
    return "(" + " ".join(sorted(m.flags)) + ")"


class Session:
    def __init__(self, server, s):
        self.server, self.s, self.file = server, s, s.makefile("rb")
        self.selected, self.writable = None, False

    def say(self, text):
        self.s.sendall(text if isinstance(text, bytes) else (text + "\r\n").encode())

    def run(self):
        try:
            self.say(f"* OK {self.server.greeting}")
            while line := self.file.readline():
                assert line.endswith(b"\r\n"), line
                tag, word, rest = (line.decode().rstrip("\r\n").split(" ", 2) + [""])[:3]
                if word == "UID":
                    more, rest = rest.split(" ", 1)
                    word += more
                if tag.startswith("w"):
                    self.server.asked.append((word + " " + rest).strip())
                while word in self.server.endless:
                    text, pause = self.server.endless[word]
                    self.say(text)
                    threading.Event().wait(pause)
                hook = self.server.hooks.get(word)
                answer = hook(tag, rest) if hook else None
                if answer is not None:
                    self.say(answer)
                    if b"* BYE" in answer or answer.endswith(b"$CLOSE"):
                        return
                    continue
                do = getattr(self, "do_" + word.lower(), None)
                if do is None or do(tag, rest) is False:
                    self.server.bad.append(line)
                    self.say(f"{tag} BAD what is that?")
        except (OSError, ValueError):
            pass
        finally:
            self.file.close()
            self.s.close()

    def do_capability(self, tag, rest):
        self.say(f"* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=LOGIN AUTH=XOAUTH2 AUTH=OAUTHBEARER "
                 f"{self.server.capability}")
        self.say(f"{tag} OK done")

    def do_authenticate(self, tag, rest):
        way, _, first = rest.partition(" ")
        said = base64.b64decode(first).decode()
        self.server.signed_in.append((way, said))
        if self.server.password in said:
            self.say(f"{tag} OK in")
        else:
            self.say(f"{tag} NO [AUTHENTICATIONFAILED] no")

    def do_logout(self, tag, rest):
        self.say("* BYE bye")
        self.say(f"{tag} OK bye")

    def status(self, f, words):
        names = {"MESSAGES": len(f.messages), "UIDNEXT": f.next, "UIDVALIDITY": f.validity,
                 "HIGHESTMODSEQ": f.modseq if f.counts else 0}
        self.say(f'* STATUS "{f.name}" (' + " ".join(f"{w} {names[w]}" for w in words) + ")")

    def do_list(self, tag, rest):
        if rest != '"" "*"':
            return False
        for f in self.server.folders:
            self.say(f'* LIST ({f.attributes}) "/" "{f.name}"')
        self.say(f"{tag} OK listed")

    def do_status(self, tag, rest):
        m = re.fullmatch(r'"([^"]+)" \(([A-Z ]+)\)', rest)
        f = m and self.server.folder(m[1])
        if not f or ("HIGHESTMODSEQ" in rest and "CONDSTORE" not in self.server.capability):
            return False
        self.status(f, m[2].split())
        self.say(f"{tag} OK counted")

    def do_enable(self, tag, rest):
        if rest not in self.server.capability.split():
            return False
        self.say(f"* ENABLED {rest}")
        self.say(f"{tag} OK enabled")

    def open(self, tag, rest, writable):
        f = self.server.folder(rest.split('"')[1])
        if not f or not rest.startswith('"'):
            return False
        self.selected, self.writable = f, writable
        self.say("* FLAGS (\\Seen \\Deleted)")
        self.say(f"* OK [PERMANENTFLAGS ({f.permanent if writable else ''})] flags {{12}}")
        self.say(f"* {len(f.messages)} EXISTS")
        self.say(f"* OK [UIDVALIDITY {f.validity}] so")
        self.say(f"* OK [HIGHESTMODSEQ {f.modseq}] so" if f.counts else "* OK [NOMODSEQ] none")
        self.say(f"{tag} OK [READ-{'WRITE' if writable else 'ONLY'}] open")
        return True

    def do_examine(self, tag, rest):
        return self.open(tag, rest, False)

    def do_select(self, tag, rest):
        return self.open(tag, rest, True)

    def of_set(self, text):
        """The UIDs of "5:7,9"; the last may be a star."""
        top = max([m.uid for m in self.selected.messages], default=0)
        uids = {m.uid for m in self.selected.messages}
        found = set()
        for part in text.split(","):
            a, _, b = part.partition(":")
            a, b = int(a), top if b == "*" else int(b or a)
            found |= {a} & uids if a == b else {u for u in uids if min(a, b) <= u <= max(a, b)}
        return found

    def told(self, i, m, header, counts, flags=True):
        text = f"* {i + 1} FETCH (UID {m.uid}"
        if flags:
            text += f" FLAGS {flags_of(m)}"
        if counts and self.selected.counts:
            text += f" MODSEQ ({m.modseq})"
        if header:
            head = f"{header}: {m.id}\r\n\r\n" if m.id else "\r\n"
            text += f" BODY[HEADER.FIELDS ({header})] {{{len(head)}}}\r\n{head}"
        return text + ")"

    def do_uidfetch(self, tag, rest):
        m = re.fullmatch(r"([\d:*,]+) \(UID( FLAGS( MODSEQ)?)?( BODY\.PEEK\[HEADER\.FIELDS \(([\w-]+)\)\])?\)"
                         r"( \(CHANGEDSINCE (\d+)\))?", rest)
        if not self.selected or not m or not (m[2] or m[4]) or (
                m[3] and "CONDSTORE" not in self.server.capability):
            return False
        uids = self.of_set(m[1])
        self.say("".join(self.told(i, message, m[5], m[3], m[2]) + "\r\n"
                         for i, message in enumerate(self.selected.messages)
                         if message.uid in uids and message.modseq > int(m[7] or 0))
                 + f"{tag} OK fetched")

    def do_uidsearch(self, tag, rest):
        m = re.fullmatch(r'HEADER "([\w-]+)" "([^"]+)"', rest)
        if not self.selected or not m:
            return False
        self.say("* SEARCH " + " ".join(
            str(x.uid) for x in self.selected.messages if m[2].lower() in (x.id or "").lower()))
        self.say(f"{tag} OK sought")

    def do_uidstore(self, tag, rest):
        m = re.fullmatch(r"(\d+)( \(UNCHANGEDSINCE (\d+)\))? ([+-])FLAGS \(([^()]+)\)", rest)
        if not self.selected or not self.writable or not m:
            return False
        if any(w.startswith("\\") for w in m[5].split()):
            return False
        for i, message in enumerate(self.selected.messages):
            if message.uid != int(m[1]):
                continue
            if m[3] and message.modseq > int(m[3]):
                self.say(f"{tag} OK [MODIFIED {m[1]}] not all")
                return None
            words = set(m[5].split())
            self.selected.change(message.uid, *(message.flags | words if m[4] == "+" else {
                w for w in message.flags if w.lower() not in {x.lower() for x in words}}))
            self.say(self.told(i, message, None, True))
        self.say(f"{tag} OK stored")

    def do_notify(self, tag, rest):
        events = r"\(MessageNew MessageExpunge FlagChange\)"
        m = re.fullmatch(rf'SET \(SELECTED {events}\) \((PERSONAL|MAILBOXES \(("[^"]+"( "[^"]+")*)\)) {events}\)',
                         rest)
        if "NOTIFY" not in self.server.capability or not m:
            return False
        known = [f.name for f in self.server.folders]
        assert not m[2] or all(n in known for n in re.findall('"([^"]+)"', m[2])), rest
        self.say(f"{tag} OK told")

    def do_idle(self, tag, rest):
        self.say("+ idling")
        line = self.file.readline()
        if line not in (b"DONE\r\n", b""):  # or it hangs up
            return False
        self.say(f"{tag} OK done")


class Proxy:
    """Tunnels whatever it is asked for to one port of loopback, by CONNECT or SOCKS 5, and keeps what
    its clients said in them."""

    def __init__(self, port, refuses=False):
        self.to, self.refuses, self.asked, self.said = port, refuses, [], b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        with s, socket.create_connection(("127.0.0.1", self.to)) as far:
            try:
                if not (self.by_socks if s.recv(1, socket.MSG_PEEK) == b"\5" else self.by_connect)(s):
                    return
                threading.Thread(target=self.pump, args=(far, s, False), daemon=True).start()
                self.pump(s, far, True)
            except OSError:
                pass

    def by_connect(self, s):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += s.recv(1)
        assert head.startswith(b"CONNECT "), head
        self.asked.append(head.split()[1].decode())
        s.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n" if self.refuses else
                  b"HTTP/1.1 200 Tunnel\r\n\r\n")
        return not self.refuses

    def by_socks(self, s):
        s.recv(1 + s.recv(2)[1])
        s.sendall(b"\5\0")
        assert s.recv(4) == b"\5\1\0\3", "a name, to be looked up by the proxy"
        name = s.recv(s.recv(1)[0]).decode()
        self.asked.append(f"{name}:{int.from_bytes(s.recv(2), 'big')}")
        s.sendall(b"\5" + (b"\2" if self.refuses else b"\0") + b"\0\1\0\0\0\0\0\0")
        return not self.refuses

    def pump(self, a, b, keep):
        try:
            while data := a.recv(65536):
                self.said += data if keep else b""
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
