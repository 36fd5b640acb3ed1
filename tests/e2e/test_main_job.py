"""The main job, end to end: the real binary between two rehearsal servers."""
from sandbox import Sandbox, Wess, main

EASY = 'first = { differs = "left"; create = "yes"; };'


def quiet(run, **also):
    """Nothing was written to either side."""
    for side in ("left", "right"):
        for what in ("created", "updated", "deleted", "ended"):
            assert run[side][what] == 0, f"{side} {what} {run[side][what]}"


def until(condition, seconds=10):
    """Waits for something of the servers' own doing."""
    import time
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def settled(box, wess, users=1):
    """Syncs until nothing waits but people, then once more: silent."""
    for _ in range(2):
        wess("sync", check=(0, 1, 4))
    for run in wess.sync(check=(0, 1, 4)).values():
        quiet(run)


def ready(box, pair=EASY, **more):
    wess = Wess(box, pair=pair, **more)
    wess("sync", check=(0, 1, 4))
    settled(box, wess)
    return wess


def test_01_plan_writes_nothing():
    with Sandbox() as box, Wess(box) as wess:
        before = (box.contacts(0), box.contacts(1), box.people())
        plan = wess.json("plan", check=(0, 1, 4))
        assert before == (box.contacts(0), box.contacts(1), box.people())
        assert wess.run("plan", "--check").returncode == 8
        assert wess.run("plan", "--check").returncode == 8, "a plan consumes nothing"
        assert plan


def test_02_first_meeting_asks_and_holds():
    with Sandbox() as box, Wess(box) as wess:
        runs = wess.sync(check=4)
        assert runs["u1"]["linked"] > 25 and runs["u2"]["linked"] > 15
        assert runs["u1"]["right"]["created"] == 0, "items tagged before are listed first"
        asks = wess.json("conflicts", "list")
        assert asks, "traps are asked about"
        held = wess.run("held", "list")
        assert held.returncode == 4 and "first meeting" in held.stdout
        plan = wess.run("plan")
        assert plan.returncode == 4, "as sync answers"
        for word in ("28 changes held for u2: first meeting", "32 changes held for u1",
                     "wess held release 1", "wess held release 2", "Nothing else to do"):
            assert word in plan.stdout, f"no {word!r} in\n{plan.stdout}"
        assert [p["open_held"] for p in wess.json("plan", check=4)["plans"]] == [1, 1]
        wess("held", "release", "1")
        wess("held", "release", "2")
        assert "held for" not in wess.run("plan").stdout
        runs = wess.sync(check=(0, 1))
        assert runs["u1"]["right"]["created"] + runs["u2"]["right"]["created"] > 20
        for run in wess.sync().values():
            quiet(run)


def test_03_a_private_and_an_untagged_contact_are_nowhere():
    with Sandbox() as box, Wess(box, pair=EASY) as wess:
        wess("sync", check=(0, 1, 4))
        import os
        for folder, _, names in os.walk(wess.dir):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    data = f.read()
                for canary in (b"CANARY-PRIVATE", b"CANARY-UNTAGGED", b"clinic@kelleher", b"helena@home"):
                    assert canary not in data, f"{canary} in {name}"


def test_04_edits_travel_alone_both_ways():
    with Sandbox() as box:
        with ready(box) as wess:
            left = box.contact(0, email="m.koehler@fabrikam.example")
            right = box.person(email="m.koehler@fabrikam.example")
            box.exchange("edit", 0, id=left["id"], JobTitle="Chair")
            other = next(p for p in box.people()
                         if p["fields"].get("main_location[email]", "").startswith("wi") or
                         p["fields"].get("person_last_name") == "Xu")
            box.move_clock(1)
            box.workbooks("edit", id=right["id"], **{"main_location[mobile]": "+49 171 0000000"})
            box.requests(reset=True)
            runs = wess.sync()
            assert box.person(id=right["id"])["fields"]["person_job_title"] == "Chair"
            assert box.contact(0, email="m.koehler@fabrikam.example")["fields"]["MobilePhone"] == \
                "+49 171 0000000"
            assert runs["u1"]["right"]["updated"] == 1 and runs["u1"]["left"]["updated"] == 1
            # Her second mailbox gets both through the shared record.
            wess("sync")
            twin = box.contact(1, email="m.koehler@fabrikam.example")["fields"]
            assert twin["MobilePhone"] == "+49 171 0000000" and twin["JobTitle"] == "Chair"
            settled(box, wess)
            assert other


def test_05_a_conflict_is_asked_and_resolved():
    with Sandbox() as box:
        with ready(box) as wess:
            left = box.contact(0, email="henry.thorne@adatum.example")
            right = box.person(email="henry.thorne@adatum.example")
            box.exchange("edit", 0, id=left["id"], JobTitle="Left word")
            box.workbooks("edit", id=right["id"], person_job_title="Right word")
            run = wess.sync(check=1)["u1"]
            assert run["conflicts"] == 1, run
            quiet(run)
            ask = [a for a in wess.json("conflicts", "list", check=(0, 1))["conflicts"]
                   if a.get("field") == "title"]
            assert len(ask) == 1
            number = str(ask[0]["id"])
            shown = wess("conflicts", "show", number).stdout
            assert "Left word" in shown and "Right word" in shown
            assert wess.run("conflicts", "resolve", number, "--create").returncode == 2
            wess("conflicts", "resolve", number, "--right")
            wess("sync")
            assert box.contact(0, email="henry.thorne@adatum.example")["fields"]["JobTitle"] == "Right word"
            settled(box, wess)
            assert not [a for a in wess.json("conflicts", "list", check=(0, 1))["conflicts"]
                        if a.get("field") == "title"]


def test_06_taking_the_tag_off_sticks():
    with Sandbox() as box:
        with ready(box) as wess:
            email = "m.koehler@fabrikam.example"
            left = box.contact(0, email=email)
            before = box.person(email=email)
            assert before["queue"] == 11, "the CRM selects her for the first user"
            box.exchange("untag", 0, id=left["id"], category="Workbooks")
            run = wess.sync()["u1"]
            assert run["left"]["ended"] + run["right"]["ended"] == 1
            box.workbooks("edit", id=before["id"], person_job_title="Anything")
            settled(box, wess)
            now = box.contact(0, email=email)
            assert "Workbooks" not in now["categories"]
            assert now["fields"].get("JobTitle") != "Anything"
            assert len(box.contacts(0, email=email)) == 1
            assert "taken off" in wess("why", email).stdout
            box.exchange("tag", 0, id=now["id"], category="Workbooks")
            wess("sync")
            settled(box, wess)
            assert box.contact(0, email=email)["fields"]["JobTitle"] == "Anything"


def test_07_two_mailboxes_one_customer_one_record():
    with Sandbox() as box:
        with ready(box) as wess:
            email = "idris.vance@coho.example"
            for i in (0, 1):
                box.exchange("tag", i, id=box.contact(i, email=email)["id"], category="Workbooks")
            wess("sync")
            wess("sync")
            assert len(box.people(email=email)) == 1
            settled(box, wess)
    # One of both reads its mailbox so slowly that the other's record is made, and known, meanwhile.
    for n in (1, 2, 3):
        with Sandbox() as box, ready(box) as wess:
            for i in (0, 1):
                box.exchange("tag", i, id=box.contact(i, email=email)["id"], category="Workbooks")
            box.fault(f"ews:GetItem:{n}:delay=2500")
            wess("sync")
            box.clear_faults()
            wess("sync")
            assert len(box.people(email=email)) == 1, f"slow at request {n}"


def test_08_deletions_of_unusual_number_are_held():
    pair = EASY + ' on_delete = { left = "delete"; right = "unlink"; }; guard = { max_delete = 3; };'
    with Sandbox() as box:
        with ready(box, pair) as wess:
            linked = [c for c in box.contacts(0) if "Workbooks" in c["categories"]
                      and c["sensitivity"] == "Normal" and "EmailAddress1" in c["fields"]
                      and c["fields"]["EmailAddress1"].endswith("example.org")][:5]
            before = len(box.people())
            for c in linked:
                box.exchange("delete", 0, id=c["id"])
            run = wess.run("sync")
            assert run.returncode == 4, run.stdout + run.stderr
            assert len(box.people()) == before
            held = wess.json("held", "list", check=4)
            assert len(held["held"]) == 1 and held["held"][0]["n"] == 5, held
            wess("held", "release", str(held["held"][0]["id"]))
            wess("sync")
            assert len(box.people()) == before - 5
            settled(box, wess)


def test_09_a_deletion_is_an_unlink_by_default_and_a_move_no_deletion():
    with Sandbox() as box:
        with ready(box) as wess:
            a = box.contact(0, email="henry.thorne@adatum.example")
            b = box.contact(0, email="m.koehler@fabrikam.example")
            box.exchange("delete", 0, id=a["id"])
            box.exchange("move", 0, id=b["id"], folder="Suppliers")
            wess("sync")
            assert box.person(email="henry.thorne@adatum.example")
            assert "deleted" in wess("why", "henry.thorne@adatum.example").stdout
            assert "moved" in wess("why", "m.koehler@fabrikam.example").stdout
            settled(box, wess)
            assert not box.contacts(0, email="henry.thorne@adatum.example")


def test_10_a_lost_answer_makes_no_double():
    for plan in ("workbooks:people:PUT:1:lost", "workbooks:people:PUT:1:late=400",
                 "workbooks:people:PUT:1:cut=20", "workbooks:people:PUT:1:http=500"):
        with Sandbox() as box, Wess(box, pair=EASY) as wess:
            box.fault(plan)
            before = len(box.people())
            run = wess.run("sync", "--no-wait", "--user", "u1")
            assert run.returncode == 3, f"{plan}: {run.returncode} {run.stdout}"
            until(lambda: "http" in plan or len(box.people()) > before)
            box.clear_faults()
            box.move_clock(150)
            wess("sync", check=(0, 1, 4))
            settled(box, wess)
            stamps = [p["created_through_reference"] for p in box.people()
                      if p["created_through_reference"]]
            assert len(stamps) == len(set(stamps)), plan
            mails = [p["fields"].get("main_location[email]") for p in box.people()]
            mails = [m for m in mails if m and m.endswith("example.org")]
            assert len(mails) == len(set(mails)), plan


def test_11_a_lost_answer_of_exchange_makes_no_double():
    for plan in ("ews:CreateItem:1:lost", "ews:CreateItem:1:late=400"):
        with Sandbox() as box, Wess(box, pair=EASY) as wess:
            box.fault(plan)
            before = len(box.contacts(0))
            wess.run("sync", "--no-wait", "--user", "u1")
            until(lambda: len(box.contacts(0)) > before)
            box.clear_faults()
            box.move_clock(150)
            wess("sync", check=(0, 1, 4))
            settled(box, wess)
            stamps = [c["stamp"] for i in (0, 1) for c in box.contacts(i) if c["stamp"]]
            assert stamps and len(stamps) == len(set(stamps)), plan


def test_12_lost_updates_settle():
    for plan in ("workbooks:people:PUT:1:lost", "ews:UpdateItem:1:lost", "ews:UpdateItem:1:stale",
                 "workbooks:people:PUT:1:stale"):
        with Sandbox() as box:
            with ready(box) as wess:
                left = box.contact(0, email="m.koehler@fabrikam.example")
                right = box.person(email="m.koehler@fabrikam.example")
                box.exchange("edit", 0, id=left["id"], JobTitle="Chair")
                box.workbooks("edit", id=right["id"], **{"main_location[fax]": "+49 30 1"})
                box.fault(plan)
                wess.run("sync", "--no-wait")
                box.clear_faults()
                box.move_clock(150)
                wess("sync", check=(0, 1, 4))
                settled(box, wess)
                assert box.person(id=right["id"])["fields"]["person_job_title"] == "Chair", plan
                now = box.contact(0, email="m.koehler@fabrikam.example")
                assert now["fields"]["BusinessFax"] == "+49 30 1", plan


def test_13_a_lost_sync_state_is_a_snapshot():
    with Sandbox() as box:
        with ready(box) as wess:
            box.exchange("expire_states", 0)
            left = box.contact(0, email="m.koehler@fabrikam.example")
            gone = box.contact(0, email="henry.thorne@adatum.example")
            box.exchange("edit", 0, id=left["id"], JobTitle="Chair")
            box.exchange("delete", 0, id=gone["id"], hard=1)
            before = len(box.people())
            wess("sync")
            assert box.person(email="m.koehler@fabrikam.example")["fields"]["person_job_title"] == "Chair"
            assert len(box.people()) == before
            assert "deleted" in wess("why", "henry.thorne@adatum.example").stdout
            settled(box, wess)


def test_14_the_state_lost_makes_no_double():
    with Sandbox() as box:
        with ready(box) as wess:
            before = len(box.people()), len(box.contacts(0)), len(box.contacts(1))
            import shutil
            import os
            shutil.rmtree(os.path.join(wess.dir, "state"))
            wess("sync", check=(0, 1, 4))
            settled(box, wess)
            assert before == (len(box.people()), len(box.contacts(0)), len(box.contacts(1)))


def test_15_waves():
    waves = 'waves = ( { name = "pilot"; mode = "to_right"; }, { name = "*"; mode = "observe"; } );'
    with Sandbox() as box:
        info = box.info["exchange"]["mailboxes"]
        users = ["id,name,mailbox,workbooks,wave",
                 f"u1,Ada,{info[0]['address']},{info[0]['name']},pilot",
                 f"u2,Ben,{info[1]['address']},{info[1]['name']},later"]
        with Wess(box, users=users, pair=EASY, waves=waves) as wess:
            mailboxes = box.contacts(0), box.contacts(1)
            wess("sync", check=(0, 1, 4))
            assert mailboxes == (box.contacts(0), box.contacts(1)), "only the CRM is written"
            by_ben = [p for p in box.people() if p["created_through_reference"] and
                      p["fields"].get("main_location[email]") in
                      [c["fields"].get("EmailAddress1") for c in box.contacts(1)]]
            assert not by_ben, "a user who observes writes nothing"
            before = (box.contacts(0), box.contacts(1), box.people())
            ben = wess.sync(check=(0, 1, 4))["u2"]
            assert ben["observed"] and ben["right"]["created"] > 0, "and is planned for"
            assert "what would be" in wess("sync", check=(0, 1, 4)).stdout
            assert "create" in wess("plan", "--user", "u2", check=(0, 1, 4)).stdout
            assert before == (box.contacts(0), box.contacts(1), box.people())


def test_16_notes_and_unknown_employers():
    with Sandbox() as box:
        with ready(box) as wess:
            box.exchange("create", 0, GivenName="Nora", Surname="Finch", DisplayName="Nora Finch",
                         EmailAddress1="nora@finch.example", CompanyName="Nowhere Known Ltd",
                         Body="Line one & two\nLine <three>", categories="Workbooks")
            wess("sync")
            right = box.person(email="nora@finch.example")
            assert right["fields"]["employer_name"] is None
            assert "&amp;" in right["fields"]["party_notes"]
            assert "Nowhere Known Ltd" not in str(box.control("workbooks/organisations"))
            assert "org" in wess("parked", "list").stdout
            wess("parked", "retry", "--all", check=None)
            box.exchange("edit", 0, id=box.contact(0, email="nora@finch.example")["id"],
                         CompanyName="Nowhere Either Ltd")
            wess("sync")
            with open(wess.dir + "/log") as f:  # by the name that it has over there
                assert f"PERS-{right['id']} is parked, field org: no-match" in f.read()
            settled(box, wess)
            left = box.contact(0, email="nora@finch.example")
            assert left["fields"]["Body"] == "Line one & two\nLine <three>"
            box.workbooks("edit", id=right["id"], party_notes="<p>New<br />words</p>")
            wess("sync")
            assert box.contact(0, email="nora@finch.example")["fields"]["Body"].replace("\r", "") == \
                "New\nwords"
            settled(box, wess)


def test_17_a_read_only_record_is_not_written():
    with Sandbox() as box:
        with ready(box) as wess:
            right = box.person(email="henry.thorne@adatum.example")
            box.workbooks("lock", id=right["id"])
            left = box.contact(0, email="henry.thorne@adatum.example")
            box.exchange("edit", 0, id=left["id"], JobTitle="Chair")
            wess("sync")
            assert box.person(id=right["id"])["fields"].get("person_job_title") != "Chair"
            box.workbooks("lock", id=right["id"], on=0)
            wess("sync")
            assert box.person(id=right["id"])["fields"]["person_job_title"] == "Chair"


def test_17b_looking_for_one_may_find_too_much():
    """A contact gone from its folder is looked for in the whole mailbox before it counts as deleted."""
    with Sandbox() as box:
        with ready(box, EASY + ' on_delete = { left = "delete"; };', http='body_max = 200000;') as wess:
            linked = [c for c in box.contacts(0) if "Workbooks" in c["categories"]
                      and c["sensitivity"] == "Normal" and "EmailAddress1" in c["fields"]
                      and c["fields"]["EmailAddress1"].endswith("example.org")][:3]
            before = len(box.people())
            for c in linked[:2]:
                box.exchange("delete", 0, id=c["id"])
            box.exchange("edit", 0, id=linked[2]["id"], JobTitle="Goes On")
            box.fault("ews:FindItem:*:huge=400000")
            run = wess.sync(check=(0, 1))["u1"]
            assert run["deferred"] == 2 and run["right"]["updated"] == 1, run
            assert run["right"]["deleted"] + run["right"]["ended"] + run["left"]["ended"] == 0, run
            assert len(box.people()) == before
            for c in linked[:2]:
                told = wess.run("why", c["fields"]["EmailAddress1"], "--user", "u1").stdout
                assert "stays as it was" in told, told
            assert wess.sync(check=(0, 1))["u1"]["deferred"] == 2, "looked for again"
            box.clear_faults()
            run = wess.sync(check=(0, 1))["u1"]
            assert run["deferred"] == 0 and run["right"]["deleted"] == 2, run
            settled(box, wess)


def test_18_questions_are_answered():
    with Sandbox() as box:
        with ready(box) as wess:
            asks = [a for a in wess.json("conflicts", "list", check=(0, 1))["conflicts"]
                    if a["kind"] == "question"]
            pym = [a for a in asks if a["title"] == "Walter Pym"]
            renee = [a for a in asks if "Fontaine" in a["title"]]
            assert len(pym) == 1 and renee, asks
            assert "untagged contact" in wess("conflicts", "show", str(pym[0]["id"])).stdout
            wess("conflicts", "resolve", str(pym[0]["id"]), "--leave")
            shown = wess.json("conflicts", "show", str(renee[0]["id"]))
            wess("conflicts", "resolve", str(renee[0]["id"]), "--link", str(shown["candidates"][0]["item"]))
            before = len(box.people())
            wess("sync")
            assert len(box.people()) == before
            assert len(box.contacts(0, name="Walter Pym")) == 1
            assert "leave it alone" in wess("why", "Walter Pym").stdout
            settled(box, wess)
            left = [a for a in wess.json("conflicts", "list", check=(0, 1))["conflicts"]
                    if a["id"] in (pym[0]["id"], renee[0]["id"])]
            assert not left


def test_19_link_and_unlink_by_hand():
    with Sandbox() as box:
        with ready(box) as wess:
            email = "henry.thorne@adatum.example"
            wess("unlink", "people", email, "--user", "u1")
            left, right = box.contact(0, email=email), box.person(email=email)
            box.exchange("edit", 0, id=left["id"], JobTitle="Chair")
            wess("sync")
            assert box.person(id=right["id"])["fields"].get("person_job_title") != "Chair"
            wess("link", "people", email, str(right["id"]), "--user", "u1")
            wess("sync")
            assert box.person(id=right["id"])["fields"]["person_job_title"] == "Chair"
            settled(box, wess)


def test_19b_a_queue_that_is_not_there_is_told():
    """It would choose nothing, for ever, and nobody would know why."""
    for users, many in ((2, False), (230, True)):
        with Sandbox("--data", "load", "--contacts", "0", "--users", str(users)) as box, \
                Wess(box, pair=EASY) as wess:
            ada, ben = box.info["exchange"]["mailboxes"][0], box.info["exchange"]["mailboxes"][users - 1]
            rows = ["id,name,mailbox,workbooks,wave", f"u1,A,{ada['address']},{ada['name']}x,pilot",
                    f"u2,B,{ben['address']},{ben['name'].upper()},pilot"]
            wess.write("users.csv", "\n".join(rows) + "\n")
            said = f'crm: people has no queue "{ada["name"]}x", so that nothing is chosen there'
            looked = wess.run("check", "--online", check=2).stdout
            assert f"user u1, {said}" in looked and f'did you mean "{ada["name"]}"' in looked, looked
            box.exchange("create", 0, GivenName="Ann", Surname="Ivers", EmailAddress1="ann@x.example",
                         categories="Workbooks")
            runs = wess.sync("--no-wait", check=0 if many else 2)
            assert (said in runs["u1"]["text"]) == (not many) and not runs["u2"]["text"], runs
            assert runs["u1"]["right"]["created"] == 1, "what the mailbox has goes there all the same"
            assert many or said in wess("status", check=2).stdout
            wess.write("users.csv", "\n".join(rows).replace("x,pilot", ",pilot") + "\n")
            wess("check", "--online", check=0)
            assert not wess.sync("--no-wait", check=0)["u1"]["text"]


def test_19c_a_fact_that_nobody_offers_is_told():
    with Sandbox("--data", "empty") as box, Wess(box, pair=EASY) as wess:
        with open(wess.config) as f:
            text = f.read()
        for wrong, near in (("queu", "queue"), ("fodler", "folder")):
            wess.write("wess.conf", text.replace("queue = ", wrong + " = "))
            said = f'crm: a select of people cannot ask for "{wrong}", so that nothing is chosen there; did you mean "{near}"?'
            assert said in wess.run("check", "--online", check=2).stdout
            assert wess.sync("--no-wait", check=2)["u1"]["text"] == said


def test_20_more_queues_than_the_service_lists_at_once():
    with Sandbox("--data", "load", "--users", "300", "--contacts", "0") as box:
        last = box.info["exchange"]["mailboxes"][299]
        rows = ["id,name,mailbox,workbooks,wave",
                f"u300,{last['name']},{last['address']},{last['name']},pilot"]
        for name, queue in (("Nora Last", 11 + 299), ("Nils First", 11), ("Nemo None", 9999)):
            box.workbooks("create", name=name, person_first_name=name.split()[0],
                          person_last_name=name.split()[1], queue_id=queue,
                          **{"main_location[email]": name.split()[0] + "@x.example"})
        with Wess(box, users=rows, pair=EASY) as wess:
            wess("sync")
            there = box.contacts(299)
            assert [c["fields"]["DisplayName"] for c in there] == ["Nora Last"], there
            box.move_clock(300)
            for _ in range(2):
                wess("sync")
            box.requests(reset=True)
            wess("sync")
            # The first queues, and no others while nobody changed.
            assert box.requests()["by_op"]["workbooks:person_queues:GET"] == 1


if __name__ == "__main__":
    main(globals())
