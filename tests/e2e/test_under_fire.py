"""The Exchange connector before a server in trouble: what is asked again and what is not, who rests
and who goes on, and that in the end everything is where it belongs, once."""
import os
import tempfile

from sandbox import SIGN_IN, Sandbox, Wess, main
from test_main_job import EASY, ready, settled
from test_sign_in import one_user, told
from test_transport import Authority, tls


def ews(box):
    """Requests to Exchange so far."""
    return sum(n for op, n in box.requests()["by_op"].items() if op.startswith("ews"))


def sides(box):
    return len(box.people()), len(box.contacts(0)), len(box.contacts(1))


def edited(box, title="Chair"):
    """An edit of one contact in Exchange, and whether it has come to the other side."""
    left = box.contact(0, email="m.koehler@fabrikam.example")
    box.exchange("edit", 0, id=left["id"], JobTitle=title)
    return lambda: box.person(email="m.koehler@fabrikam.example")["fields"]["person_job_title"] == title


def rests(wess, scope):
    found = [r for r in wess.json("status", check=(0, 1, 3, 4, 5))["rests"] if r["scope"].startswith(scope)]
    assert found, wess.json("status", check=(0, 1, 3, 4, 5))["rests"]
    return found[0]


# ---- pauses that are asked for ----------------------------------------------------------------------

def test_busy_rests_the_mailbox_alone_and_as_long_as_told():
    with Sandbox() as box, ready(box) as wess:
        came = edited(box)
        box.fault("ews:SyncFolderItems:1:busy=300000")
        wess("sync", "--user", "u1", "--no-wait", check=3)
        rests(wess, "mailbox:exchange:u1")
        asked = ews(box)
        run = wess("sync", "--user", "u1", "--no-wait", check=3)
        assert "rests for" in told(run) and ews(box) == asked, "asked during the pause"
        assert wess.sync("--user", "u2", check=(0, 1, 4))["u2"]["status"] in (0, 1, 4)
        box.move_clock(290)
        asked = ews(box)
        wess("sync", "--user", "u1", "--no-wait", check=3)
        assert ews(box) == asked, "ten seconds too early"
        box.move_clock(15)
        wess("sync", check=(0, 1, 4))
        assert came()
        settled(box, wess)


def test_folders_read_before_the_fault_are_heard_in_the_next_run():
    with Sandbox() as box, ready(box, ews='folders = [ "*" ];') as wess:
        box.fault("ews:SyncFolderItems:2:busy=10000")
        wess("sync", "--user", "u1", "--no-wait", check=3)
        came = edited(box)
        box.move_clock(20)
        wess("sync", "--user", "u1", "--no-wait", check=(0, 1, 4))
        assert came(), "of the folder before the fault nothing was heard"
        settled(box, wess)


def test_503_and_429_rest_the_host_until_retry_after():
    for status in (503, 429):
        with Sandbox() as box, ready(box, workers=1) as wess:
            came = edited(box)
            box.fault(f"ews:SyncFolderItems:1:http={status}/120")
            wess("sync", "--user", "u1", "--no-wait", check=3)
            rests(wess, "host:exchange")
            asked = ews(box)
            wess("sync", "--no-wait", check=3)
            assert ews(box) == asked, f"{status}: asked during the pause"
            box.move_clock(121)
            wess("sync", check=(0, 1, 4))
            assert came(), status


def test_more_at_once_than_the_account_may():
    with Sandbox("--switch", "concurrent=1") as box, Wess(box, pair=EASY) as wess:
        box.fault("ews:*:*:delay=30")
        for _ in range(12):
            wess("sync", "--no-wait", check=(0, 1, 3, 4))
            box.move_clock(130)
        box.clear_faults()
        settled(box, wess)
        refs = [p["created_through_reference"] for p in box.people() if p["created_through_reference"]]
        assert refs and len(refs) == len(set(refs))


def test_a_budget_below_one_whole_reading():
    """What a run read before it was told to rest need not be read again: the runs come to an end, whatever
    a mailbox holds."""
    with Sandbox("--data", "load", "--contacts", "2400", "--switch", "budget=9") as box, \
            Wess(box, pair=EASY + " guard = { max_first = 5000; max_create = 5000; };", users=one_user(box)) as wess:
        runs, before = 0, len(box.people())
        while len(box.people()) < before + 2400:
            wess("sync", "--no-wait", check=(0, 1, 3, 4))
            box.move_clock(75)
            runs += 1
            assert runs < 12, f"{len(box.people()) - before} of 2400 after {runs} runs"
        assert runs > 2, "the budget was never spent"
        for _ in range(3):
            wess("sync", "--no-wait", check=(0, 1, 3, 4))
            box.move_clock(75)
        settled(box, wess)


def test_a_budget_that_runs_out():
    """So many requests a minute, and whoever asks on waits the longer: nothing is asked for during a
    pause, and behind it every edit comes across."""
    with Sandbox("--switch", "budget=6") as box, Wess(box, pair=EASY, users=one_user(box)) as wess:
        wess("sync", "--no-wait", check=(0, 1, 4))
        pauses = 0
        for n in range(6):
            came = edited(box, f"Chair {n}")
            if wess.run("sync", "--no-wait").returncode == 3:
                assert rests(wess, "mailbox:exchange:") and not came()
                asked = ews(box)
                wess("sync", "--no-wait", check=3)
                assert ews(box) == asked, "asked during the pause"
                box.move_clock(75)
                wess("sync", "--no-wait", check=(0, 1, 4))
                pauses += 1
            assert came(), n
        assert pauses, "the budget was never spent"
        box.move_clock(75)
        settled(box, wess)


# ---- batches ----------------------------------------------------------------------------------------

def test_batches_are_halved_to_what_fits_into_a_minute():
    with Sandbox() as box, Wess(box, pair=EASY) as wess:
        box.fault("ews:GetItem:*:limit=4")
        wess("sync", check=(0, 1, 4))
        assert box.requests()["by_op"]["ews:GetItem"] < 100
        box.clear_faults()
        settled(box, wess)


def test_batches_are_halved_when_our_time_runs_out():
    """The server takes longer than http.timeout for more than 20 items: batches are halved down to
    what it manages, and the same ones are not asked for again."""
    with Sandbox("--data", "load", "--contacts", "100", "--tagged", "100", "--employers", "5") as box:
        with Wess(box, users=one_user(box), pair=EASY) as wess:
            with open(wess.config) as f:
                text = f.read()
            assert 'timeout = "20s"' in text
            wess.write("wess.conf", text.replace('timeout = "20s"', 'timeout = "2s"'))
            box.fault("ews:GetItem:*:slow=20/4000")
            wess("sync", check=(0, 1, 4))
            # 100, 50 and 50, four of 25, and eight of 12 or 13; the halves go four at a time.
            asked = box.requests()["by_op"]["ews:GetItem"]
            assert 12 <= asked <= 16, asked
            box.clear_faults()


def test_a_silent_host_is_given_up_soon():
    with Sandbox("--data", "load", "--contacts", "100", "--tagged", "100", "--employers", "5") as box:
        with Wess(box, users=one_user(box), pair=EASY) as wess:
            with open(wess.config) as f:
                text = f.read()
            wess.write("wess.conf", text.replace('timeout = "20s"', 'timeout = "1s"'))
            box.fault("ews:GetItem:*:slow=0/3000")
            wess("sync", "--no-wait", check=3)
            assert rests(wess, "host:exchange")
            asked = box.requests()["by_op"]["ews:GetItem"]
            # 100, 2 of 50, 4 of 25, 4 of 12 and so on: six rounds of four at most.
            assert 6 <= asked <= 24, asked
            box.clear_faults()


def test_a_batch_that_is_given_up_is_finished_later():
    for what in ("GetItem", "CreateItem", "UpdateItem"):
        for why in ("", "/ErrorItemSave", "/ErrorMailboxStoreUnavailable"):
            with Sandbox() as box, Wess(box, pair=EASY) as wess:
                if what == "UpdateItem":
                    wess("sync", check=(0, 1, 4))
                    for p in box.people()[:20]:
                        box.workbooks("edit", id=p["id"], person_job_title="Chair")
                box.fault(f"ews:{what}:1:stop=2{why}")
                wess("sync", "--no-wait", check=(0, 1, 3, 4))
                for _ in range(3):
                    box.move_clock(700)
                    wess("sync", check=(0, 1, 3, 4))
                settled(box, wess)
                stamps = [c["stamp"] for i in (0, 1) for c in box.contacts(i) if c["stamp"]]
                assert len(stamps) == len(set(stamps)), "a double"


# ---- faults -----------------------------------------------------------------------------------------

def test_faults_go_by_their_codes_whatever_language_and_status():
    of = (("ErrorMailboxMoveInProgress", "mailbox:exchange:u1"),
          ("ErrorMailboxStoreUnavailable", "mailbox:exchange:u1"),
          ("ErrorADUnavailable", "host:exchange"),
          ("ErrorExceededConnectionCount", "credential:exchange:"),
          ("ErrorImpersonateUserDenied", "mailbox:exchange:u1"))
    with Sandbox() as box, ready(box) as wess:
        for code, scope in of:
            for how in ("fault", "fault200", "message"):
                came = edited(box, f"{code} by {how}")
                box.fault(f"ews:SyncFolderItems:1:{how}={code}")
                run = wess("sync", "--user", "u1", "--no-wait", check=(3, 5))
                assert code in told(run) or "role" in told(run) or "connections" in told(run), told(run)
                assert "Anforderung" not in told(run) + wess.log_tail(), "the server's prose is told"
                rests(wess, scope)
                box.clear_faults()
                box.move_clock(1300)
                wess("sync", check=(0, 1, 4))
                assert came(), (code, how)


def test_a_mailbox_that_moves_stops_nobody_else():
    with Sandbox() as box, ready(box) as wess:
        before = sides(box)
        box.fault("ews:SyncFolderItems:1-9:fault=ErrorMailboxMoveInProgress")
        for _ in range(3):
            wess("sync", "--user", "u1", "--no-wait", check=3)
            box.move_clock(1300)
        box.clear_faults()
        # It arrived: other ids, and states that nobody knows.
        box.exchange("new_ids", 0)
        box.control("exchange/expire_states")
        came = edited(box)
        for _ in range(3):
            wess("sync", check=(0, 1, 4))
            box.move_clock(100)
        assert came() and sides(box) == before, (before, sides(box))
        settled(box, wess)


def test_ids_that_change_delete_and_double_nothing():
    with Sandbox() as box, ready(box) as wess:
        before = sides(box)
        box.exchange("new_ids", 0)
        came = edited(box)
        for _ in range(3):
            wess("sync", check=(0, 1, 4))
            box.move_clock(100)
        assert came() and sides(box) == before, (before, sides(box))
        settled(box, wess)


# ---- lists ------------------------------------------------------------------------------------------

def test_a_state_of_megabytes():
    with Sandbox("--switch", "state_bytes=3000000") as box, ready(box, users=one_user(box)) as wess:
        came = edited(box)
        wess("sync", check=(0, 1, 4))
        assert came()
        settled(box, wess)
        box.requests(reset=True)
        wess("sync", check=(0, 1, 4))
        assert box.requests()["by_op"]["ews:SyncFolderItems"] == 1
        assert not box.requests()["by_op"].get("ews:GetItem"), "the state was not kept: all is read again"


def test_a_server_that_starts_over_silently():
    with Sandbox() as box, ready(box) as wess:
        before = len(box.people())
        gone = box.contact(0, email="henry.thorne@adatum.example")
        box.exchange("delete", 0, id=gone["id"], hard=1)
        came = edited(box)
        # The state is forgotten, and the deletion with it.
        box.fault("ews:SyncFolderItems:1:start_over")
        wess("sync", check=(0, 1, 4))
        box.clear_faults()
        assert came() and len(box.people()) == before
        assert "deleted" in wess("why", "henry.thorne@adatum.example").stdout
        settled(box, wess)


def test_an_answer_that_comes_once_more():
    """In the place of the next one, on the same connection: it says of which request it is."""
    for op in ("SyncFolderItems", "GetItem", "UpdateItem"):
        with Sandbox() as box, ready(box, users=one_user(box)) as wess:
            came = edited(box)
            person = box.person(email="henry.thorne@adatum.example")
            box.workbooks("edit", id=person["id"], person_job_title="Back")
            box.fault(f"ews:{op}:1:again")
            wess("sync", "--no-wait", check=(0, 1, 3, 4))
            box.clear_faults()
            box.move_clock(100)
            wess("sync", "--no-wait", check=(0, 1, 4))
            assert came(), op
            left = box.contact(0, email="henry.thorne@adatum.example")
            assert left["fields"]["JobTitle"] == "Back", op
            settled(box, wess)


def test_what_is_cut_off_and_forbidden_is_read_again():
    for kind in ("truncate", "garbage", "cut=700", "forbidden_char", "bad_utf8"):
        for op in ("SyncFolderItems", "GetItem", "FindItem"):
            with Sandbox() as box, Wess(box, pair=EASY, users=one_user(box)) as wess:
                box.fault(f"ews:{op}:1:{kind}")
                wess("sync", "--no-wait", check=(0, 1, 3, 4))
                box.clear_faults()
                box.move_clock(100)
                settled(box, wess)
                refs = [p["created_through_reference"] for p in box.people()
                        if p["created_through_reference"]]
                assert refs and len(refs) == len(set(refs)), (kind, op)


# ---- credentials, certificates ----------------------------------------------------------------------

def test_a_password_changed_in_the_middle_of_a_run_is_one_try():
    for auth in ("basic", "ntlm"):
        with Sandbox() as box, Wess(box, pair=EASY, auth=auth, workers=1) as wess:
            box.fault("ews:GetItem:1-:password")
            run = wess("sync", "--no-wait", check=5)
            refused = box.requests()["by_op"].get("ews:GetItem", 0)
            # One repeat on a fresh connection: a 401 may be the connection's. By NTLM each begins
            # with a greeting that bears no password.
            assert 1 <= refused <= (2 if auth == "basic" else 4), f"{auth}: {refused} tries"
            rests(wess, "credential:exchange:")
            asked = ews(box)
            for _ in range(3):
                wess("sync", "--no-wait", check=5)
                box.move_clock(100000)
            assert ews(box) == asked, f"{auth}: tried again without a new password"
            box.clear_faults()
            box.control("exchange/password", username=r"EXAMPLE\svc-wess", password="another-1")
            wess.write("exchange.secret", "another-1\n", 0o600)
            settled(box, wess)
            assert "credential" in told(run)


def test_a_certificate_that_changes():
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two, \
            tempfile.TemporaryDirectory() as three, Sandbox() as box:
        ours, renewed, other = Authority(one), Authority(two), Authority(three)
        # Another certificate of the same authority, and one of an authority that nobody trusts.
        for name in ("ca.pem", "ca.key"):
            with open(ours.path(name)) as f, open(renewed.path(name), "w") as g:
                g.write(f.read())
        renew(renewed)
        current = [ours]

        class Now:
            def wrap_socket(self, *args, **more):
                return current[0].context().wrap_socket(*args, **more)
        with tls(box, Now()) as front:
            url = f"https://127.0.0.1:{front.port}/EWS/Exchange.asmx"
            with Wess(box, pair=EASY, users=one_user(box), sign_in=SIGN_IN.replace("{exchange}", url),
                      http=f'ca_file = "{ours.path("ca.pem")}";') as wess:
                settled(box, wess)
                current[0] = renewed
                came = edited(box, "Renewed")
                wess("sync", check=(0, 1, 4))
                assert came()
                current[0] = other
                came, before = edited(box, "Other"), box.requests()["total"]
                run = wess("sync", "--no-wait", check=3)
                assert "http.ca_file" in told(run), told(run)
                assert ews(box) and not came()
                assert box.requests()["by_op"].get("ews:SyncFolderItems"), before
                current[0] = renewed
                box.move_clock(1300)
                wess("sync", check=(0, 1, 4))
                assert came()
                settled(box, wess)


def renew(authority):
    from test_transport import openssl
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", "server.ext", "-out", "server.pem",
            cwd=authority.folder)
    assert os.path.getsize(authority.path("server.pem"))


if __name__ == "__main__":
    main(globals())
