"""Where the service is, asked by Autodiscover: every way that it leads on, and where it may not."""
import os
import re

from sandbox import Sandbox, Wess, main
from test_sign_in import EASY, one_user, told

FOUND = """autodiscover_url = "{found}"; auth = "{auth}"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "%{{user.mailbox}}";"""
BY_TOKEN = """autodiscover_url = "{found}"; auth = "oauth_app"; authority = "{authority}";
    tenant = "{tenant}"; client_id = "{client_id}"; impersonate = "%{{user.mailbox}}";
    client_secret = {{ file = "{dir}/app.secret"; }};"""


def wess(box, sign_in=FOUND, form="svc", **more):
    place = box.info["exchange"]["url"].replace("/EWS/Exchange.asmx",
                                                f"/autodiscover/autodiscover.{form}")
    more.setdefault("users", one_user(box))
    return Wess(box, sign_in=sign_in.replace("{found}", place), **more)


def asked(box):
    return box.requests()["by_op"].get("ews:autodiscover", 0)


def test_found_by_every_way_that_leads_there():
    for answer, form, requests in (("settings", "svc", 1), ("settings", "xml", 1),
                                   ("redirect_url", "svc", 2), ("redirect_url", "xml", 2),
                                   ("http_redirect", "svc", 2), ("http_redirect", "xml", 2)):
        with Sandbox("--switch", f"autodiscover={answer}") as box, \
                wess(box, form=form, auth="basic") as w:
            run = w("check", "--online", check=0)
            assert asked(box) == requests, (answer, form, box.requests())
            assert "reachable" in run.stdout


def test_found_with_ntlm_and_with_a_token():
    with Sandbox() as box, wess(box, auth="ntlm") as w:
        w("check", "--online", check=0)
    with Sandbox("--switch", "sign_in=bearer") as box, wess(box, sign_in=BY_TOKEN, pair=EASY) as w:
        w("check", "--online", check=0)
        box.requests(reset=True)
        w.sync(check=(0, 1))
        assert asked(box) == 1, "asked once a program, not once a connection"


def test_the_unsigned_form():
    with Sandbox("--switch", "autodiscover=json") as box, wess(box, form="json", auth="basic") as w:
        assert "reachable" in w("check", "--online", check=0).stdout
        assert asked(box) == 1
    with Sandbox() as box, wess(box, sign_in=FOUND + ' address = "nobody@example.com";', form="json",
                                auth="basic") as w:
        assert "UserNotFound" in w("check", "--online", check=2).stdout
    with Sandbox("--switch", "autodiscover=foreign") as box, wess(box, form="json", auth="basic") as w:
        assert "not https" in w("check", "--online", check=2).stdout
        assert not [op for op in box.requests()["by_op"] if op == "ews:GetFolder"]


def test_another_address():
    with Sandbox() as box:
        old = box.mailbox().replace("@", ".old@")
        more = f' address = "{old}";'
        with wess(box, sign_in=FOUND + more, auth="basic") as w:
            w("check", "--online", check=0)
            assert asked(box) == 2
        with wess(box, sign_in=FOUND + more, form="xml", auth="basic") as w:
            w("check", "--online", check=0)


def test_not_followed():
    for answer, words in (
            ("foreign", "leads to autodiscover.stranger.example: if that is right, add it to "
                        "autodiscover_allow"),
            ("plain_http", "without https"), ("loop", "round in circles"), ("none", "finds nothing")):
        with Sandbox("--switch", f"autodiscover={answer}") as box, wess(box, auth="basic") as w:
            run = w("check", "--online", check=2)
            assert words in run.stdout, told(run)
            assert asked(box) <= 12, box.requests()
            assert not [op for op in box.requests()["by_op"] if op == "ews:GetFolder"]


def test_a_stranger_that_is_allowed():
    """Allowed, it is tried: there is none, and that may pass."""
    with Sandbox("--switch", "autodiscover=foreign") as box, \
            wess(box, sign_in=FOUND + ' autodiscover_allow = [ "autodiscover.stranger.example" ];',
                 auth="basic", http='proxy = "http://127.0.0.1:9";') as w:
        run = w("check", "--online", check=3)
        assert "finds nothing" in run.stdout, told(run)


def test_a_wrong_password_is_tried_once():
    with Sandbox() as box, wess(box, auth="basic") as w:
        w.write("exchange.secret", "wrong\n", 0o600)
        run = w("check", "--online", check=5)
        assert "Autodiscover refuses the sign-in" in run.stdout, told(run)
        assert asked(box) == 1


def test_an_unknown_mailbox():
    with Sandbox() as box, \
            wess(box, users=["id,name,mailbox,workbooks,wave", "x,X,nobody@example.com,X,pilot"],
                 auth="basic") as w:
        run = w("check", "--online", check=2)
        assert "does not know the mailbox (InvalidUser)" in run.stdout, told(run)


def test_neither_url_nor_address():
    with Sandbox() as box, wess(box, auth="basic", users=["id,name,mailbox,workbooks,wave",
                                                          "x,X,nobody,X,pilot"]) as w:
        run = w("check", check=2)
        assert "set url or address" in told(run), told(run)
        assert not box.requests()["total"]


def test_what_is_found_and_moved_is_asked_for_again():
    with Sandbox() as box, wess(box, auth="basic", pair=EASY) as w:
        box.fault("ews:SyncFolderItems:1:http=404")
        w("sync", check=(0, 1, 2, 3))
        before = asked(box)
        w("sync", check=(0, 1))
        assert asked(box) > before
        with open(os.path.join(w.dir, "log")) as f:
            assert re.search(r"Autodiscover at http://127.0.0.1:\d+/autodiscover/autodiscover.svc: "
                             r"HTTP 200", f.read())


if __name__ == "__main__":
    main(globals())
