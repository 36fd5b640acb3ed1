"""A server that means harm in the place of Exchange: whatever it answers, a run comes to an end, says
why, and neither falls over nor takes memory for it."""
import http.server
import os
import re
import subprocess
import threading
import time
import urllib.request
import zlib

from sandbox import BY_SECRET, SIGN_IN, Sandbox, Wess, main, program
from test_sign_in import one_user

MOST_KB = 110 << 10  # of a build with sanitizers, which has 60 MiB of its own
MOST_SECONDS = 40
T = 'xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"'
M = 'xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"'
SOAP = 'xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
HEAD = f'<s:Envelope {SOAP} {T} {M}><s:Body>'
OPEN = HEAD + ('<m:GetFolderResponse><m:ResponseMessages><m:GetFolderResponseMessage '
               'ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Folders>')
ENTITIES = ('<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' +
            "".join(f'<!ENTITY a{i} "{("&a" + (str(i - 1) if i else "") + ";") * 10}">' for i in range(9)) +
            ']>')




def packed():
    """512 MiB, never whole in memory."""
    z = zlib.compressobj(1, wbits=31)
    pieces = [z.compress(OPEN.encode())] + [z.compress(b"a" * (1 << 20)) for _ in range(512)]
    return b"".join(pieces) + z.flush()


PACKED = packed()


class Hostile(http.server.ThreadingHTTPServer):
    daemon_threads = True
    asked = 0

    def __init__(self, answer):
        self.answer = answer
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass  # whoever is answered hangs up


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked += 1
        self.server.answer(self)

    def begin(self, *headers, kind="text/xml; charset=utf-8"):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def whole(self, text, *headers):
        data = text if isinstance(text, bytes) else text.encode()
        self.begin(("Content-Length", str(len(data))), *headers)
        self.wfile.write(data)

    def endless(self, piece, head=OPEN, wait=0):
        self.begin(("Connection", "close"))
        self.wfile.write(head.encode())
        while True:
            self.wfile.write(piece)
            if wait:
                self.wfile.flush()
                time.sleep(wait)


ANSWERS = {
    "entities that grow": lambda h: h.whole(ENTITIES + HEAD + "<m:x>&a8;</m:x></s:Body></s:Envelope>"),
    "an entity that is a file": lambda h: h.whole(
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + HEAD + "&a;</s:Body></s:Envelope>"),
    "a million levels": lambda h: h.whole(OPEN + "<t:a>" * 1000000),
    "a million attributes": lambda h: h.whole(
        HEAD + "<m:x " + " ".join(f'a{i}=""' for i in range(300000)) + "/></s:Body></s:Envelope>"),
    "namespaces at every level": lambda h: h.whole(
        HEAD + "".join("<a" + "".join(f' xmlns:n{n}{i}="u"' for i in range(900)) + ">" for n in range(200)) +
        "<x/>" * 1000000),
    "a hundred thousand messages": lambda h: h.whole(
        OPEN + "</m:Folders></m:GetFolderResponseMessage>" +
        '<m:GetFolderResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>'
        "</m:GetFolderResponseMessage>" * 100000 + "</m:ResponseMessages></m:GetFolderResponse>"
        "</s:Body></s:Envelope>"),
    "a text without an end": lambda h: h.endless(b"a" * 65536),
    "elements without an end": lambda h: h.endless(b"<t:a/>" * 8192),
    "blanks without an end": lambda h: h.endless(b" " * 65536, head=""),
    "a letter a second": lambda h: h.endless(b"a", wait=1),
    "packed to a thousandth": lambda h: h.whole(PACKED, ("Content-Encoding", "gzip")),
    "a header without an end": lambda h: h.begin(("X-Long", "a" * (8 << 20))),
    "headers without an end": lambda h: h.begin(*[(f"X-{i}", "a" * 1000) for i in range(20000)]),
    "nothing at all": lambda h: time.sleep(60),
    "noughts": lambda h: h.whole(b"\0" * (1 << 20)),
}


def high_water(pid):
    try:
        with open(f"/proc/{pid}/status") as f:
            return next((int(line.split()[1]) for line in f if line.startswith("VmHWM")), 0)
    except OSError:
        return 0


def went(wess, *args, timeout=120):
    """Exit status, seconds, and the most memory of one call."""
    began = time.monotonic()
    env = dict(os.environ, WESS_CLOCK_FILE=wess.box.clock_file,
               ASAN_OPTIONS="detect_leaks=0:quarantine_size_mb=4")
    with open(os.path.join(wess.dir, "out"), "w+") as out:
        p = subprocess.Popen([program("wess"), *args, "--config", wess.config], stdout=out, stderr=out,
                             env=env, stdin=subprocess.DEVNULL)
        kb = 0  # not by wait4(), which counts what the parent had when it forked
        while p.poll() is None:
            if time.monotonic() - began > timeout:
                p.kill()
            kb = max(kb, high_water(p.pid))
            time.sleep(0.01)
        out.seek(0)
        text = out.read()
    assert "Sanitizer" not in text and "runtime error" not in text, text
    return p.returncode, time.monotonic() - began, kb, text


def whatever_it_answers(sign_in):
    with Sandbox() as box:
        for name, answer in ANSWERS.items():
            server = Hostile(answer)
            at = f"http://127.0.0.1:{server.server_port}"
            with Wess(box, users=one_user(box), sign_in=sign_in.replace("AT", at)) as wess:
                with open(wess.config) as f:
                    text = f.read()
                wess.write("wess.conf", text.replace('timeout = "20s"; ', 'timeout = "3s"; '))
                status, seconds, kb, said = went(wess, "sync", "--no-wait")
                print(f"     {name}: status {status}, {seconds:.1f} s, {kb >> 10} MiB, "
                      f"{server.asked} requests", flush=True)
                assert status == 3, (name, status, said)
                assert seconds < MOST_SECONDS and kb < MOST_KB, (name, seconds, kb)
                assert server.asked <= 8, (name, server.asked)
                assert "root:" not in said + wess.log_tail(), name
                assert "exchange" in said, said
            server.shutdown()
            server.server_close()


def test_as_exchange():
    whatever_it_answers(SIGN_IN.replace("{exchange}", "AT/EWS/Exchange.asmx"))


def test_as_the_giver_of_tokens():
    whatever_it_answers(BY_SECRET.replace("{authority}", "AT"))


def test_as_autodiscover():
    whatever_it_answers(SIGN_IN.replace(
        'url = "{exchange}"', 'autodiscover_url = "AT/autodiscover/autodiscover.svc"'))


def between(box, alter):
    """The rehearsal server's own answers, altered on the way; of a state it gets its own part back."""
    def answer(h):
        headers = {k: v for k, v in h.headers.items() if k not in ("Host", "Content-Length")}
        body = re.sub(rb"(SyncState>)\d+[.]", rb"\1", h.body)
        asked = urllib.request.Request(box.info["exchange"]["url"], body, headers)
        with urllib.request.urlopen(asked) as said:
            h.whole(alter(said.read().decode()), *[(k, said.headers[k]) for k in ("client-request-id",)
                                                   if said.headers[k]])
    return answer


def more_for_ever(text):
    return text.replace("<m:IncludesLastItemInRange>true", "<m:IncludesLastItemInRange>false")


def test_a_list_without_an_end():
    """There is always more, it says; of nothing, or of the same."""
    seen = []

    def the_same(text):
        if "<m:SyncState>" in text:
            seen.append(text)
            return more_for_ever(seen[0])
        return text

    def nothing_new(text):
        """From another place each time."""
        seen.append(text)
        return more_for_ever(text).replace("<m:SyncState>", f"<m:SyncState>{len(seen)}.")

    for alter, words in ((more_for_ever, "goes round"), (the_same, "goes round"),
                         (nothing_new, "comes to no end")):
        seen.clear()
        with Sandbox() as box:
            server = Hostile(between(box, alter))
            url = f"http://127.0.0.1:{server.server_port}/EWS/Exchange.asmx"
            with Wess(box, users=one_user(box), sign_in=SIGN_IN.replace("{exchange}", url)) as wess:
                status, _, _, said = went(wess, "sync", "--no-wait")
                assert status == 3 and words in said, (status, said)
                assert server.asked < 40, server.asked
            server.shutdown()
            server.server_close()


def test_a_list_that_goes_round():
    """Each page tells of something, and leads back to where one before it began."""
    pages = []

    def listed(text):
        if "<m:SyncState>" in text:
            assert "<t:Create>" in text, text
            pages.extend(more_for_ever(text).replace("<m:SyncState>", f"<m:SyncState>{i}") for i in range(3))
            return pages[-1]
        return text

    with Sandbox() as box:
        first = between(box, listed)

        def answer(h):
            if not pages or b"SyncFolderItems" not in h.body:
                return first(h)
            pages.append(pages.pop(0))
            return h.whole(pages[-1])

        box.exchange("create", GivenName="Ada", Categories="Workbooks")
        server = Hostile(answer)
        url = f"http://127.0.0.1:{server.server_port}/EWS/Exchange.asmx"
        with Wess(box, users=one_user(box), sign_in=SIGN_IN.replace("{exchange}", url)) as wess:
            status, _, _, said = went(wess, "sync", "--no-wait", timeout=30)
            assert status == 3 and "goes round" in said, (status, said)
            assert server.asked < 40, server.asked
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    main(globals())
