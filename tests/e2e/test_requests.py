"""What goes over the wire to Exchange and comes back, against Microsoft's schemas: a whole first
sync, an edit, a lost create and a deletion, recorded by a proxy between the real programs."""
import http.client
import http.server
import os
import subprocess
import sys
import tempfile
import threading
import urllib.parse

from sandbox import SIGN_IN, Sandbox, Wess, main

SCHEMA = os.path.join(os.environ.get("WESS_SHARED", ""), "ews-schema", "wrapper")
EASY = 'first = { differs = "left"; create = "yes"; }; on_delete = { right = "delete"; };'


class Recorder(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target = None
    seen = []
    lock = threading.Lock()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        to = http.client.HTTPConnection(self.target.hostname, self.target.port)
        headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
        to.request("POST", self.target.path, body, headers)
        try:
            answer = to.getresponse()
            text = answer.read()
        except http.client.HTTPException:  # a lost answer stays lost
            self.close_connection = True
            with self.lock:
                self.seen.append((body, b"", 0))
            return
        finally:
            to.close()
        with self.lock:
            self.seen.append((body, text, answer.status))
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "connection", "transfer-encoding", "date",
                                    "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def wrong(folder, schema, texts):
    """The files that do not validate, with what xmllint says."""
    names = []
    for i, text in enumerate(texts):
        names.append(os.path.join(folder, f"{i:04}.xml"))
        with open(names[-1], "wb") as f:
            f.write(text)
    done = subprocess.run(["xmllint", "--noout", "--nonet", "--schema", schema, *names],
                          capture_output=True, text=True)
    return [line for line in done.stderr.splitlines() if not line.endswith(" validates")]


def delegate(box, port):
    """The same by rights in a shared mailbox, and by a user's other names."""
    box.control("exchange/delegate", mailbox=box.mailbox(), to="svc-wess")
    users = ["id,name,mailbox,workbooks,wave", f"ada,Ada,{box.mailbox()},Nobody,pilot"]
    for change in (("impersonate", "mailbox"), ('impersonate', 'impersonate_as = "upn"; impersonate')):
        with Wess(box, users=users, pair=EASY, sign_in=SIGN_IN.replace(*change)) as wess:
            with open(wess.config) as f:
                text = f.read()
            wess.write("wess.conf", text.replace(f":{Recorder.target.port}/EWS", f":{port}/EWS"))
            wess("check", "--online", check=0)
            wess("sync", "--no-wait", check=(0, 1, 4))


def record():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with Sandbox() as box, Wess(box, pair=EASY) as wess:
            Recorder.target = urllib.parse.urlparse(box.info["exchange"]["url"])
            with open(wess.config) as f:
                text = f.read()
            wess.write("wess.conf", text.replace(f":{Recorder.target.port}/EWS",
                                                 f":{server.server_port}/EWS"))
            wess("check", "--online", check=0)
            box.fault("ews:CreateItem:1:lost")
            wess("sync", "--no-wait", check=(0, 1, 3, 4))
            box.move_clock(600)
            wess("sync", "--no-wait", check=(0, 1, 4))
            wess("sync", "--no-wait", check=(0, 1, 4))
            one, two = [p for p in box.people() if p["created_through_reference"]][:2]
            box.workbooks("edit", id=one["id"], person_job_title="Chair",
                          **{"main_location[fax]": "", "main_location[mobile]": "+44 7700 900123"})
            box.workbooks("delete", id=two["id"])
            wess("sync", "--no-wait", check=(0, 1, 4))
            delegate(box, server.server_port)
    finally:
        server.shutdown()
        server.server_close()


def test_requests_and_answers_validate():
    record()
    seen = Recorder.seen
    ops = {op for op in ("SyncFolderItems", "GetItem", "CreateItem", "UpdateItem", "FindItem",
                         "DeleteItem", "GetFolder", "GetUserConfiguration") for body, _, _ in seen if b"<m:" + op.encode() in body}
    missing = {"SyncFolderItems", "GetItem", "CreateItem", "UpdateItem",
               "FindItem", "DeleteItem", "GetUserConfiguration"} - ops
    assert [1 for body, _, _ in seen if b"<t:Mailbox>" in body], "no delegate"
    assert [1 for body, _, _ in seen if b"<t:PrincipalName>" in body], "no UPN"
    assert not missing, f"not seen: {missing}"
    schemas = sorted(n for n in os.listdir(SCHEMA) if n.startswith("ews-"))
    with tempfile.TemporaryDirectory() as folder:
        for name in schemas:
            bad = wrong(folder, os.path.join(SCHEMA, name), [body for body, _, _ in seen])
            assert not bad, name + "\n" + "\n".join(bad[:8])
            print(f"     {len(seen)} requests against {name}")
        newest = "ews-SE.xsd"
        answers = [text for _, text, status in seen if status == 200]
        bad = wrong(folder, os.path.join(SCHEMA, newest), answers)
        assert not bad, "answers of the rehearsal server\n" + "\n".join(bad[:8])
        print(f"     {len(answers)} answers against {newest}")


if __name__ == "__main__":
    if not os.path.isdir(SCHEMA):
        print("SKIP: Microsoft's schemas are not here (WESS_SHARED)")
        sys.exit(77)
    main(globals())
