"""The rehearsal server as somebody else's client sees it: exchangelib lists, makes, changes and
deletes contacts, signed in with Basic and with NTLM; curl signs in with NTLM as well."""
import subprocess
import sys
import tempfile

from sandbox import Sandbox, main

try:
    import exchangelib
    from exchangelib import Account, Build, Configuration, Contact, Credentials, IMPERSONATION, Version
    from exchangelib.indexed_properties import EmailAddress
except ImportError:
    exchangelib = None


def account(box, auth):
    e = box.info["exchange"]
    return Account(
        primary_smtp_address=box.mailbox(), autodiscover=False, access_type=IMPERSONATION,
        config=Configuration(service_endpoint=e["url"], auth_type=auth,
                             version=Version(Build(15, 2, 2562, 17)),
                             credentials=Credentials(e["username"], e["password"])))


def round_of(box, auth):
    contacts = account(box, auth).contacts
    before = contacts.all().count()
    assert before == len(box.contacts(0)), (before, len(box.contacts(0)))
    made = Contact(folder=contacts, display_name="Ida Long", given_name="Ida", surname="Long",
                   company_name="Long Ltd", categories=["Workbooks"],
                   email_addresses=[EmailAddress(label="EmailAddress1", email="ida@long.example")])
    made.save()
    shown = box.contact(0, email="ida@long.example")
    assert shown["categories"] == ["Workbooks"] and shown["fields"]["CompanyName"] == "Long Ltd"
    made.job_title = "Chair"
    made.save(update_fields=["job_title"])
    again = contacts.get(id=made.id)
    assert again.job_title == "Chair" and again.changekey != shown["change_key"]
    made.delete()
    assert contacts.all().count() == before
    assert not box.contacts(0, email="ida@long.example")


def test_basic():
    with Sandbox() as box:
        round_of(box, exchangelib.BASIC)


def test_ntlm():
    with Sandbox() as box:
        round_of(box, exchangelib.NTLM)


def test_wrong_password():
    with Sandbox() as box:
        box.info["exchange"]["password"] = "wrong"
        try:
            account(box, exchangelib.BASIC).contacts.all().count()
        except exchangelib.errors.UnauthorizedError:
            return
        raise AssertionError("a wrong password was taken")


def test_curl_ntlm():
    with Sandbox() as box, tempfile.NamedTemporaryFile("w") as f:
        e = box.info["exchange"]
        for password, wanted in ((e["password"], "500"), ("wrong", "401")):
            done = subprocess.run(
                ["curl", "-sS", "--ntlm", "-u", e["username"] + ":" + password, "-H",
                 "Content-Type: text/xml", "--data-binary", "<no-soap/>", "-o", f.name, "-w",
                 "%{http_code}", e["url"]], capture_output=True, text=True, check=True)
            assert done.stdout == wanted, (password == e["password"], done.stdout)


if __name__ == "__main__":
    if not exchangelib:
        print("SKIP: python3-exchangelib is not here")
        sys.exit(77)
    main(globals())
