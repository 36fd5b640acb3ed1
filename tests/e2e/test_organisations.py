"""Organisations of Workbooks: as cards elsewhere, and as employers of people, by the real program."""
import os

from sandbox import Sandbox, Wess, main

CONFIG = """
site = "orgs"; state_dir = "{dir}/state";
endpoints: {{
  exchange: {{ connector = "ews"; url = "{url}"; auth = "basic"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "%{{user.mailbox}}"; }};
  cards: {{ connector = "vdir"; path = "{dir}/cards"; version = "4.0"; }};
  crm: {{ connector = "workbooks"; url = "{workbooks}"; api_key = {{ file = "{dir}/workbooks.secret"; }}; {wb} }};
}};
users: {{ source = {{ csv = "{dir}/users.csv"; }}; }};
pairs: {{ it: {{ kind = "contact"; left = "{left}"; right = "{right}"; select = {{ {select} }};
  {pair} first = {{ differs = "{side}"; create = "yes"; }}; }}; }};
log: {{ file = "{dir}/log"; level = "debug"; }};
"""
TAGGED = 'left = { tags_any = [ "Workbooks" ]; }; right = { queue = "%{user.workbooks}"; };'


class Companies(Wess):
    def __init__(self, box, left="crm:organisations", right="cards:contacts",
                 select="left = { shared = true; };", pair='direction = "to_right";', wb="", side="left"):
        name = box.info["exchange"]["mailboxes"][0]["name"]
        super().__init__(box, users=["id,name,mailbox,workbooks", f"u1,{name},{box.mailbox(0)},{name}"])
        os.mkdir(os.path.join(self.dir, "cards"))
        self.write("wess.conf", CONFIG.format(
            dir=self.dir, url=box.info["exchange"]["url"], workbooks=box.info["workbooks"]["url"],
            left=left, right=right, select=select, pair=pair, wb=wb, side=side))

    def cards(self):
        out = []
        for name in os.listdir(os.path.join(self.dir, "cards")):
            with open(os.path.join(self.dir, "cards", name), newline="") as f:
                out.append(f.read().replace("\r\n ", ""))
        return out


def names(box):
    return [o["name"] for o in box.control("workbooks/organisations")["organisations"]]


def settle(box, wess, side="right"):
    wess("sync", check=(0, 1))
    box.move_clock(600)
    wess("sync", check=(0, 1))
    run = wess.sync()["u1"]
    assert run[side]["created"] == run[side]["updated"] == run[side]["deleted"] == 0, run


def test_cards_of_companies_in_a_folder():
    with Sandbox("--data", "empty") as box, Companies(box) as wess:
        for i in range(130):
            box.workbooks("create", of="organisations", name=f"Company {i}", website=f"c{i}.example",
                          **{"main_location[telephone]": f"+44 20 7000 0{i:03}"})
        settle(box, wess)
        cards = wess.cards()
        assert len(cards) == 130
        card = next(c for c in cards if "FN:Company 7\r\n" in c)
        assert "ORG:Company 7" in card and "c7.example" in card and "7000 0007" in card
        # Renamed there, and gone there: the card follows, and the organisation stays as it was.
        org = box.workbooks("list", of="organisations", name="Company 7")["organisations"][0]
        box.workbooks("edit", of="organisations", id=org["id"], name="Company Seven")
        settle(box, wess)
        assert any("FN:Company Seven" in c for c in wess.cards()) and len(wess.cards()) == 130
        assert not any(k.startswith("workbooks:organisations:PUT") for k in box.requests()["by_op"])


def test_cards_of_companies_in_a_mailbox():
    with Sandbox("--data", "empty") as box, \
            Companies(box, left="exchange:contacts", right="crm:organisations", side="right",
                      select='right = { shared = true; }; left = { tags_any = [ "Company" ]; };',
                      pair='direction = "to_left";') as wess:
        box.workbooks("create", of="organisations", name="Adatum Ltd",
                      **{"main_location[email]": "info@adatum.example"})
        settle(box, wess, "left")
        (card,) = box.contacts(0)
        assert card["fields"]["CompanyName"] == card["fields"]["DisplayName"] == "Adatum Ltd"
        assert card["fields"]["EmailAddress1"] == "info@adatum.example"
        # A name that somebody changes in the mailbox changes no organisation.
        box.exchange("edit", 0, id=card["id"], DisplayName="Other", CompanyName="Other")
        settle(box, wess, "left")
        assert names(box) == ["Adatum Ltd"]


def hire(box, name, company):
    given, family = name.split()
    box.exchange("create", 0, GivenName=given, Surname=family, DisplayName=name, CompanyName=company,
                 EmailAddress1=f"{given}.{family}@x.example".lower(), categories="Workbooks")


def test_an_employer_that_is_not_there():
    people = dict(left="exchange:contacts", right="crm:people", select=TAGGED, pair="")
    with Sandbox("--data", "empty") as box, Companies(box, **people) as wess:
        hire(box, "Nora Finch", "Nowhere Known Ltd")
        settle(box, wess)
        assert names(box) == [], "never silently"
    with Sandbox("--data", "empty") as box, \
            Companies(box, **people, wb="create_organisations = true;") as wess:
        box.workbooks("organisation", name="Adatum Ltd")
        for name, company in (("Nora Finch", "Nowhere Known Ltd"), ("Olaf Wren", "nowhere known LTD"),
                              ("Pia Crane", "ADATUM ltd")):
            hire(box, name, company)
        # The answer to its creation is lost: nobody is made without it, and it is made once.
        box.fault("workbooks:organisations:PUT:1:lost")
        wess("sync", "--no-wait", check=(0, 1, 3))
        assert box.people() == []
        box.clear_faults()
        # What is not seen yet may show late.
        hidden = box.workbooks("list", of="organisations")["organisations"][-1]["id"]
        box.workbooks("delete", of="organisations", id=hidden)
        wess("sync", "--no-wait", check=(0, 1, 3))
        assert box.people() == []
        box.workbooks("undelete", of="organisations", id=hidden)
        settle(box, wess)
        assert sorted(n.lower() for n in names(box)) == ["adatum ltd", "nowhere known ltd"]
        employers = {p["fields"]["person_last_name"]: p["fields"]["employer_name"] for p in box.people()}
        assert employers["Crane"] == "Adatum Ltd" and employers["Finch"] == employers["Wren"] != None


def test_the_exact_name_is_found_behind_many_others():
    people = dict(left="exchange:contacts", right="crm:people", select=TAGGED, pair="")
    with Sandbox("--data", "empty") as box, Companies(box, **people) as wess:
        for i in range(130):  # more than come in one answer
            box.workbooks("create", of="organisations", name="ADATUM LTD" if i % 2 else "adatum ltd")
        box.workbooks("create", of="organisations", name="Adatum Ltd")
        hire(box, "Pia Crane", "Adatum Ltd")
        settle(box, wess)
        assert box.person()["fields"].get("employer_name") == "Adatum Ltd", box.person()


def test_no_second_employer_where_case_is_minded():
    people = dict(left="exchange:contacts", right="crm:people", select=TAGGED, pair="")
    with Sandbox("--data", "empty", "--switch", "text_case=minded") as box, \
            Companies(box, **people, wb="create_organisations = true;") as wess:
        for i in range(120):  # more than a page that begin alike
            box.workbooks("organisation", name=f"Adatum Branch {i}")
        box.workbooks("organisation", name="Adatum Ltd")
        hire(box, "Pia Crane", "ADATUM ltd")
        hire(box, "Nora Finch", "Adatum Elsewhere")
        hire(box, "Olaf Wren", "adatum elsewhere")
        settle(box, wess)
        made = sorted(n.lower() for n in names(box) if "Branch" not in n)
        assert made == ["adatum elsewhere", "adatum ltd"], made
        employers = {p["fields"]["person_last_name"]: p["fields"]["employer_name"] for p in box.people()}
        assert employers["Crane"] == "Adatum Ltd", employers
        assert employers["Finch"] == employers["Wren"] != None, employers


if __name__ == "__main__":
    main(globals())
