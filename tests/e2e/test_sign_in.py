"""Every way to sign in, against the rehearsal servers: what is let in, what is refused and how that
is told, and where secrets are and are not."""
import json
import os
import re
import stat
import subprocess
import sys
import threading
import time

from sandbox import AS_APP, AS_PERSON, BY_SECRET, Sandbox, Wess, main, program

EASY = 'first = { differs = "left"; create = "yes"; };'


def told(run):
    return run.stdout + run.stderr


def no_secrets(wess, run, *more):
    """Neither what was printed nor the log has any of them."""
    with open(os.path.join(wess.dir, "log")) as f:
        log = f.read()
    info = wess.box.info
    for secret in (info["oauth"]["client_secret"], info["exchange"]["password"],
                   "eyJ0eXAi.rehearsal.", "0.AXoA-", *more):
        assert secret not in told(run) and secret not in log, f"{secret} is told"


def tokens(box, reset=False):
    return box.requests(reset)["by_op"].get("ews:token", 0)


# ---- an app ---------------------------------------------------------------------------------------

def test_app_by_secret():
    with Sandbox("--switch", "sign_in=bearer") as box, Wess(box, pair=EASY, sign_in=BY_SECRET) as w:
        run = w("check", "--online", check=0)
        assert "2562" in run.stdout, run.stdout
        box.requests(reset=True)
        runs = w.sync(check=(0, 1))
        assert len(runs) == 2 and all(r["left"]["read"] for r in runs.values())
        assert tokens(box) == 1, "one token for all its users"
        no_secrets(w, run)


def test_app_token_renewed_after_401():
    with Sandbox() as box, Wess(box, pair=EASY, sign_in=BY_SECRET) as w:
        w.sync(check=(0, 1))
        box.requests(reset=True)
        # Spent in the middle of a run: what was refused goes again with another token.
        done = {}
        spender = threading.Thread(target=lambda: done.update(r=[box.control("exchange/expire_tokens")
                                                                for _ in range(40)]))
        spender.start()
        runs = w.sync(check=(0, 1, 3, 5))
        spender.join()
        assert runs
        box.requests(reset=True)
        box.fault("ews:SyncFolderItems:1:http=401")
        runs = w.sync(check=(0, 1))
        assert tokens(box) == 2 and len(runs) == 2, box.requests()


def test_app_token_refused_among_several_requests():
    """What was refused, and what was not sent because of it, goes again; the rest does not."""
    with Sandbox("--data", "load", "--users", "1", "--contacts", "900", "--employers", "5") as box, \
            Wess(box, pair=EASY, sign_in=BY_SECRET) as w:
        box.fault("ews:GetItem:2:http=401")
        runs = w.sync(check=(0, 1))
        assert runs["u1"]["right"]["created"] == 900, runs
        assert tokens(box) == 2, box.requests()


def test_app_token_renewed_before_its_end():
    with Sandbox("--switch", "token_life=60") as box, Wess(box, pair=EASY, sign_in=BY_SECRET) as w:
        w.sync(check=(0, 1))
        box.move_clock(70)
        w.sync(check=(0, 1))
        by_op = box.requests()["by_op"]
        assert by_op["ews:token"] == 2, by_op


def test_app_refused_is_told_in_plain_words():
    poor = BY_SECRET.replace("{client_id}", "{poor_client_id}")
    for sign_in, change, words, status in (
            (BY_SECRET, ("app.secret", "wrong\n"), "client_secret is wrong", 5),
            (BY_SECRET.replace("{tenant}", "nowhere.example"), None, "no such tenant", 2),
            (BY_SECRET.replace("{client_id}", "0000"), None, "no app with this client_id", 2),
            (BY_SECRET + ' audience = "https://mail.example.com";', None, "audience", 2),
            (BY_SECRET + ' audience = "https://graph.microsoft.com";', None, "another service", 5),
            (poor, ("app.secret", "Rehearsal~Poor-Secret.2\n"), "full_access_as_app", 5)):
        with Sandbox() as box, Wess(box, sign_in=sign_in) as w:
            if change:
                w.write(*change, 0o600)
            run = w("check", "--online", check=status)
            assert words in run.stdout, f"{words}:\n{told(run)}"
            assert tokens(box) <= 2, "asked again and again"
            no_secrets(w, run)


def test_a_refused_app_is_tried_again_when_its_name_changes():
    wrong = BY_SECRET.replace("{client_id}", "{poor_client_id}")
    with Sandbox() as box, Wess(box, pair=EASY, sign_in=wrong) as w:
        w("sync", check=5)
        before = tokens(box)
        w("sync", check=5)
        assert tokens(box) == before, "a refused secret is sent again"
        with open(w.config) as f:
            text = f.read()
        oauth = box.info["oauth"]
        w.write("wess.conf", text.replace(oauth["poor_client_id"], oauth["client_id"]))
        w.sync(check=(0, 1))


def test_what_is_put_right_elsewhere_is_tried_again():
    """A permission that is granted later changes nothing here."""
    poor = BY_SECRET.replace("{client_id}", "{poor_client_id}")
    with Sandbox() as box, Wess(box, users=one_user(box), pair=EASY, sign_in=poor) as w:
        w.write("app.secret", box.info["oauth"]["poor_client_secret"] + "\n", 0o600)
        w("sync", "--no-wait", check=5)
        run = w("sync", "--no-wait", check=(3, 5))
        assert "rests for" in told(run), told(run)
        box.control("exchange/grant")
        box.move_clock(3600)
        w.sync(check=(0, 1))


def certificate(folder, name="app", days=2):
    path = os.path.join(folder, name)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", str(days),
                    "-subj", "/CN=wess", "-keyout", path + ".key", "-out", path + ".pem"],
                   check=True, capture_output=True)
    os.chmod(path + ".key", 0o600)
    return path


def test_app_by_certificate():
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        ours, other = certificate(folder), certificate(folder, "other")
        with Sandbox("--app-certificate", ours + ".pem", "--switch", "sign_in=bearer") as box:
            def signs(path, alg="PS256", key=None):
                return AS_APP + (f' certificate = "{path}.pem"; certificate_key = "{key or path}.key";'
                                 f' certificate_alg = "{alg}";')
            for alg in ("PS256", "RS256"):
                with Wess(box, pair=EASY, sign_in=signs(ours, alg)) as w:
                    w("check", "--online", check=0)
            with Wess(box, sign_in=signs(other)) as w:
                run = w("check", "--online", check=5)
                assert "upload it" in run.stdout, told(run)
            with Wess(box, sign_in=signs(ours, key=other)) as w:
                run = w("check", "--online", check=2)
                assert "not that of the certificate" in told(run), told(run)
            with Wess(box, sign_in=signs(ours)) as w:
                os.chmod(ours + ".key", 0o644)
                run = w("check", "--online", check=2)
                assert "chmod 600" in told(run), told(run)
                os.chmod(ours + ".key", 0o600)
                box.move_clock(5 * 86400)
                run = w("check", "--online", check=2)
                assert "has expired" in told(run), told(run)


def test_app_must_impersonate_and_anchor():
    for sign_in, words in (
            (BY_SECRET.replace("impersonate", "anchor"), "needs impersonate"),
            (BY_SECRET.replace("%{{user.mailbox}}", "S-1-5-21-%{{user.id}}") + ' impersonate_as = "sid";',
             "needs anchor"),
            (AS_APP, "one of client_secret and certificate"),
            (BY_SECRET + ' username = "ada";', "does not go with username")):
        with Sandbox() as box, Wess(box, sign_in=sign_in) as w:
            run = w("check", check=2)
            assert words in told(run), told(run)
            assert not box.requests()["total"], "something was contacted"


def test_impersonation_by_upn_and_sid():
    sid = "S-1-5-21-1004336348-1177238915-682003330-1100"
    with Sandbox() as box:
        users = ["id,name,mailbox,workbooks,wave,sid",
                 f"u1,Ada,{box.mailbox()},Nobody,pilot,{sid}"]
        for more in ('impersonate_as = "upn";',
                     'impersonate_as = "sid"; anchor = "%{{user.mailbox}}";'):
            sign_in = BY_SECRET + more
            if "sid" in more:
                sign_in = sign_in.replace('impersonate = "%{{user.mailbox}}"',
                                          'impersonate = "%{{user.sid}}"')
            with Wess(box, users=users, sign_in=sign_in) as w:
                w("check", "--online", check=0)
        bad = [line.replace(sid, sid[:-4] + "9999") for line in users]
        with Wess(box, users=bad, sign_in=sign_in) as w:
            run = w("check", "--online", check=5)
            assert "ErrorInvalidUserSid" in run.stdout, told(run)


# ---- a person -------------------------------------------------------------------------------------

def one_user(box):
    return ["id,name,mailbox,workbooks,wave", f"ada,Ada,{box.mailbox()},Nobody,pilot"]


def login(w, box, *more, deny=False, who=0, check=0):
    """Types `wess login`, and enters the code as the person would."""
    env = dict(os.environ, WESS_CLOCK_FILE=box.clock_file)
    p = subprocess.Popen([program("wess"), "login", "exchange", "--user", "ada", "--config", w.config,
                          *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    line = p.stdout.readline()
    code = re.search(r"https://microsoft.com/devicelogin .*code (WESS\d+)$", line.strip())
    if code:
        time.sleep(1.5)  # it is still waiting
        assert p.poll() is None, p.stderr.read()
        params = {"deny": 1} if deny else {"mailbox": box.mailbox(who)}
        box.control("exchange/device", user_code=code[1], **params)
    out, err = p.communicate(timeout=60)
    assert p.returncode == check, f"{p.returncode}\n{line}{out}{err}"
    return line + out + err


def token_file(w):
    return os.path.join(w.dir, "tokens-ada")


def test_person_by_device_code():
    with Sandbox("--switch", "sign_in=bearer") as box, \
            Wess(box, users=one_user(box), pair=EASY, sign_in=AS_PERSON) as w:
        run = w("check", check=2)
        assert "`wess login exchange --user ID` makes it" in run.stderr, told(run)
        said = login(w, box)
        assert "Signed in" in said
        assert stat.S_IMODE(os.stat(token_file(w)).st_mode) == 0o600
        first = open(token_file(w)).read()
        run = w("check", "--online", check=0)
        second = open(token_file(w)).read()
        assert second != first, "each use replaces the refresh token"
        assert stat.S_IMODE(os.stat(token_file(w)).st_mode) == 0o600
        w.sync(check=(0, 1))
        w.sync(check=(0, 1))  # with one that was good once only, every time
        assert [n for n in os.listdir(w.dir) if n.startswith("tokens-ada.")] == ["tokens-ada.lock"]
        no_secrets(w, run, first.strip(), second.strip())


def test_person_says_no_or_nothing():
    with Sandbox() as box, Wess(box, users=one_user(box), sign_in=AS_PERSON) as w:
        assert "said no" in login(w, box, deny=True, check=5)
        assert not os.path.exists(token_file(w))
        run = w("login", "exchange", check=2)
        assert "--user ID" in run.stderr, told(run)
        run = w("login", "exchang", "--user", "ada", check=2)
        assert "exchange" in run.stderr, told(run)
        run = w("login", "crm", check=2)
        assert "has no login" in run.stderr, told(run)


def test_person_revoked_signs_in_again():
    with Sandbox() as box, Wess(box, users=one_user(box), pair=EASY, sign_in=AS_PERSON) as w:
        login(w, box)
        w.sync(check=(0, 1))
        box.control("exchange/revoke")
        run = w("sync", check=5)
        assert "wess login" in told(run), told(run)
        before = tokens(box)
        w("sync", check=5)
        assert tokens(box) == before, "a refused refresh token is tried again"
        login(w, box)
        w.sync(check=(0, 1))


def test_two_processes_share_a_refresh_token():
    with Sandbox("--delay", "30") as box, \
            Wess(box, users=one_user(box), pair=EASY, sign_in=AS_PERSON) as w:
        login(w, box)
        runs = []
        threads = [threading.Thread(target=lambda: runs.append(w.run("check", "--online", check=0)))
                   for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert len(runs) == 4, "one used what another had replaced"


def test_person_in_a_full_folder():
    """Where the new token cannot be kept, the old file stays whole."""
    with Sandbox("--switch", "refresh_token=many") as box, \
            Wess(box, users=one_user(box), pair=EASY, sign_in=AS_PERSON) as w:
        login(w, box)
        first = open(token_file(w)).read()
        if os.getuid() == 0:
            return  # folders that cannot be written are nothing to root
        os.chmod(w.dir, 0o500)
        try:
            w.run("check", "--online")
        finally:
            os.chmod(w.dir, 0o700)
        assert open(token_file(w)).read() == first


# ---- delegates, scopes, refusals ------------------------------------------------------------------

DELEGATE = """url = "{exchange}"; auth = "ntlm"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; mailbox = "%{{user.mailbox}}";"""


def test_shared_mailbox_of_a_delegate():
    with Sandbox() as box, Wess(box, users=one_user(box), pair=EASY, sign_in=DELEGATE) as w:
        run = w("check", "--online", check=(3, 5))
        assert "has no right to it" in run.stdout, told(run)
        box.control("exchange/delegate", mailbox=box.mailbox(), to="svc-wess")
        w("check", "--online", check=0)
        before = len(box.contacts())
        runs = w.sync(check=(0, 1))
        assert runs["ada"]["left"]["read"] and len(box.contacts()) >= before
        # What the shared mailbox may not show is shown to fail.
        with Wess(box, users=one_user(box),
                  sign_in=DELEGATE + f' must_not_reach = [ "{box.mailbox(1)}" ];') as other:
            other("check", "--online", check=0)
            box.control("exchange/delegate", mailbox=box.mailbox(1), to="svc-wess")
            run = other("check", "--online", check=2)
            assert "must_not_reach" in run.stdout, told(run)


def test_check_tells_what_it_found():
    with Sandbox("--switch", "server_version=15.2") as box, \
            Wess(box, ews='must_not_reach = [ "ceo@example.com" ];') as w:
        box.move_clock(0)
        answers = w.json("check", "--online", check=0)["online"]
        of = [{n["name"]: n["text"] for n in a["notes"]} for a in answers]
        assert of[0]["signed in as"] == "EXAMPLE\\svc-wess, by basic", of
        assert of[0]["mailbox"] == f"{box.mailbox(0)}, who may be impersonated"
        assert of[1]["mailbox"] == f"{box.mailbox(1)}, who may be impersonated"
        assert of[0]["folders read"] == "Contacts, Tasks, Calendar" and "Workbooks" in of[0]["categories"], of
        assert of[0]["out of reach, as it must be"] == "ceo@example.com"
        assert "-User 'svc-wess'" in of[0]["to limit it, type 2"]
        assert answers[0]["version"] == "Exchange SE (15.2.2562.17)"
        text = w("check", "--online", check=0).stdout
        assert text.count("New-ManagementScope") == 1, "the same for all is said once"
        for word in ("clock", "as this machine's", "categories", "who may be impersonated"):
            assert word in text, text
    with Sandbox() as box, Wess(box, users=one_user(box), sign_in=BY_SECRET) as w:
        text = w("check", "--online", check=0).stdout
        assert "Application EWS.AccessAsApp" in text and "app c0ffee00" in text, text


def test_must_not_reach():
    reach = ' must_not_reach = [ "ceo@example.com", "MAILBOX" ];'
    with Sandbox() as box:
        for sign_in in (BY_SECRET, None):
            more = {"sign_in": sign_in} if sign_in else {}
            with Wess(box, users=one_user(box), ews=reach.replace("MAILBOX", box.mailbox(1)),
                      **more) as w:
                box.control("exchange/scope", mailbox=box.mailbox(1), **{"in": 1})
                run = w("check", "--online", check=2)
                assert f"{box.mailbox(1)} can be opened" in run.stdout, told(run)
                assert "check url" not in run.stdout, told(run)
                box.control("exchange/scope", mailbox=box.mailbox(1), **{"in": 0})
                run = w("check", "--online", check=0)


def test_exchange_online_switched_off():
    with Sandbox("--switch", "ews=off") as box, \
            Wess(box, users=one_user(box), sign_in=BY_SECRET) as w:
        run = w("check", "--online", check=5)
        for word in ("Exchange Online has EWS switched off", "2026-10-01", "2027-04-01", "EwsEnabled",
                     "EwsAllowedAppIDs"):
            assert word in run.stdout, f"{word}: {told(run)}"


def test_old_servers_are_named():
    for version, name in (("8.0", "Exchange 2007"), ("8.3", "Exchange 2007 SP3"),
                          ("14.1", "Exchange 2010 SP1")):
        with Sandbox("--switch", f"server_version={version}") as box, \
                Wess(box, users=one_user(box)) as w:
            run = w("check", "--online", check=2)
            assert name in run.stdout and "Exchange 2010 SP2" in run.stdout, told(run)
    for version in ("14.2", "14.3", "15.0", "15.1", "15.2.1118", "15.2", "15.20"):
        with Sandbox("--switch", f"server_version={version}") as box, \
                Wess(box, users=one_user(box)) as w:
            w("check", "--online", check=0)


def test_basic_and_ntlm_where_only_they_are_offered():
    for auth in ("basic", "ntlm"):
        with Sandbox("--switch", f"sign_in={auth}") as box, \
                Wess(box, users=one_user(box), auth=auth) as w:
            w("check", "--online", check=0)


def test_requests_are_named_in_the_log():
    with Sandbox() as box, Wess(box, users=one_user(box), sign_in=BY_SECRET) as w:
        w("check", "--online", check=0)
        with open(os.path.join(w.dir, "log")) as f:
            log = f.read()
        assert re.search(r"client-request-id: [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-"
                         r"[0-9a-f]{12}, request-id 5ab0c0de-\S+ MAIL01", log), log
        assert "<" not in log, "a body is in the log"


if __name__ == "__main__":
    main(globals())
