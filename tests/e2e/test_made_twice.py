"""A create that the server carried out twice, and whose answer says so once: the second one is neither
taken for another item nor removed, since a person's copy looks the same. Whoever is asked deletes
either of the two."""
from sandbox import Sandbox, main
from test_crm import Crm, all_there, queue_of

KINDS = {
    "task": ("tasks", "tasks", {"due": "2030-02-05"}),
    "event": ("calendar", "meetings", {"start": "2030-02-05T09:00:00Z", "end": "2030-02-05T10:00:00Z"}),
}


def decisions(wess):
    return wess.json("conflicts", "list", check=(0, 1, 3, 4))["conflicts"]


def both(kind, answer, then, renamed=False):
    """Two of one in the mailbox, a record, and one decision about them."""
    folder, of, fields = KINDS[kind]
    with Sandbox("--data", "empty") as box, Crm(box, kind, folder, of) as wess:
        box.workbooks("create", of=of, name="Call back", assigned_to=queue_of(wess), **fields)
        box.fault(f"ews:CreateItem:1:twice={answer}")
        for _ in range(3):
            wess("sync", "--no-wait", check=(0, 1, 3, 4))
            box.move_clock(130)
        two = box.contacts(0, folder=folder)
        assert len(two) == 2 and two[0]["stamp"] == two[1]["stamp"], two
        assert len(all_there(box, of)) == 1, "its second copy was made once more"
        asked = decisions(wess)
        assert [d["reason"] for d in asked] == ["made-twice"], asked
        assert "linked already to Call back" in asked[0]["candidates"][0]["text"], asked
        if renamed: # The record is edited before anybody answers: still nothing is made of the second copy.
            box.workbooks("edit", of=of, id=all_there(box, of)[0]["id"], name="Call back soon")
            for _ in range(2):
                wess("sync", "--no-wait", check=(0, 1, 3, 4))
            assert len(all_there(box, of)) == 1 and len(decisions(wess)) == 1
        then(box, wess, folder, of, two)


def ada(box, side):
    if side == "here":
        return box.exchange("create", 0, GivenName="Ada", Surname="Lovell", DisplayName="Ada Lovell",
                            EmailAddress1="ada@x.example", categories="Workbooks")
    return box.workbooks("create", name="Ada Lovell", person_first_name="Ada",
                         person_last_name="Lovell", **{"main_location[email]": "ada@x.example"})


def test_what_a_person_made_in_its_place_is_the_only_one():
    """The answer to a create was lost; somebody made her too, and deleted the one of ours."""
    with Sandbox("--data", "empty") as box, Crm(box, "contact", "contacts", "people") as wess:
        ada(box, "here")
        box.fault("workbooks:people:PUT:1:lost")
        wess("sync", "--no-wait", check=3)
        (ours,) = box.people()
        ada(box, "there")
        box.workbooks("delete", id=ours["id"])
        box.move_clock(600)
        wess.settle()
        (one,) = [p for p in box.people() if not p["is_deleted"]]
        box.exchange("edit", 0, id=box.contact(0)["id"], JobTitle="Countess")
        wess.settle()
        assert box.person()["fields"]["person_job_title"] == "Countess" and one["id"] != ours["id"]


def test_a_clock_that_is_put_back_keeps_nobody_waiting():
    """It was a year ahead for a while: neither the pause of then nor a create in doubt lasts so long."""
    for fault in ("http=500", "lost"):
        with Sandbox("--data", "empty") as box, Crm(box, "contact", "contacts", "people") as wess:
            box.move_clock(365 * 86400)
            ada(box, "here")
            box.fault(f"workbooks:people:PUT:1:{fault}")
            wess("sync", "--no-wait", check=3)
            box.move_clock(-365 * 86400)
            # Not earlier than it may be looked up, though: what is sent late comes late.
            wess("sync", "--no-wait", check=(0, 1, 3))
            assert len(box.people()) == (fault == "lost")
            box.move_clock(60)
            wess("sync", "--no-wait", check=(0, 1, 3))
            assert len(box.people()) == (fault == "lost")
            box.move_clock(600)
            wess.settle()
            assert len(box.people()) == 1 and len(box.contacts(0)) == 1


def linked(wess, item):
    return "Now: linked" in wess("why", item["id"], check=(0, 1, 3, 4)).stdout


def test_either_is_deleted_and_the_other_stays_linked():
    def delete(which):
        def then(box, wess, folder, of, two):
            two.sort(key=lambda item: linked(wess, item))
            box.exchange("delete", 0, id=two[which]["id"])
            wess.settle()
            assert not decisions(wess) and linked(wess, two[1 - which])
            box.workbooks("edit", of=of, id=all_there(box, of)[0]["id"], name="Call at once")
            wess.settle()
            left = box.contacts(0, folder=folder)
            assert [c["fields"]["Subject"] for c in left] == ["Call at once"], left
            assert len(all_there(box, of)) == 1
        return then
    for kind in KINDS:
        for answer in (1, 2):
            for which in (0, 1):
                both(kind, answer, delete(which))


def deleted_first(box, folder, two, wess):
    """Deletes the one that is linked; the other one."""
    two.sort(key=lambda item: linked(wess, item))
    box.exchange("delete", 0, id=two[1]["id"])
    return two[0]


def test_a_copy_that_is_behind_does_not_undo_an_edit():
    """The linked one has the record's new name, its copy the old one, and only that is left: nobody knows
    that the old name is no edit."""
    def then(box, wess, folder, of, two):
        left = deleted_first(box, folder, two, wess)
        wess.settle(check=(0, 1, 3))
        assert [r["fields"]["name"] for r in all_there(box, of)] == ["Call back soon"], all_there(box, of)
        assert [c["fields"]["Subject"] for c in box.contacts(0, folder=folder)] == ["Call back"]
        asked = decisions(wess)
        assert [d["reason"] for d in asked] == ["ended-twin"], asked
        assert "its copy reads otherwise" in wess("why", two[1]["id"], check=(0, 1, 3, 4)).stdout
        wess("conflicts", "resolve", str(asked[0]["id"]), "--link", asked[0]["candidates"][0]["id"])
        wess("sync", "--no-wait", check=(0, 1, 3, 4))
        assert linked(wess, left)
        asked = decisions(wess)
        assert [(d["reason"], d["field"]) for d in asked] == [("differs", "summary")], asked
    for kind in KINDS:
        both(kind, 1, then, renamed=True)


def test_a_copy_that_became_another_one():
    """Somebody copies a task, makes another one of the copy, and deletes the first one, while the question
    about the two is not answered: the record is not overwritten by the other one."""
    def then(box, wess, folder, of, two):
        two.sort(key=lambda item: linked(wess, item))
        box.exchange("edit", 0, id=two[0]["id"], Subject="Buy milk")
        wess("sync", "--no-wait", check=(0, 1, 3, 4))
        box.exchange("delete", 0, id=two[1]["id"])
        wess.settle(check=(0, 1, 3))
        assert [r["fields"]["name"] for r in all_there(box, of)] == ["Call back"], all_there(box, of)
        assert [d["reason"] for d in decisions(wess)] == ["ended-twin"], decisions(wess)
        wess("conflicts", "resolve", str(decisions(wess)[0]["id"]), "--create")
        wess.settle()
        assert sorted(r["fields"]["name"] for r in all_there(box, of)) == ["Buy milk", "Call back"]
    for kind in KINDS:
        both(kind, 1, then)


def test_another_one_after_all():
    def then(box, wess, folder, of, two):
        wess("conflicts", "resolve", str(decisions(wess)[0]["id"]), "--create")
        wess.settle()
        assert len(box.contacts(0, folder=folder)) == 2 and len(all_there(box, of)) == 2
        copied_stamp_goes(box, wess, folder, of, two[0]["stamp"])
    for kind in KINDS:
        both(kind, 1, then)


def copied_stamp_goes(box, wess, folder, of, stamp):
    """With the next write of the copy, which is one request; nothing is written for it alone, nor again."""
    assert [c["stamp"] for c in box.contacts(0, folder=folder)] == [stamp, stamp]
    names = ("Call him", "Call her")
    for record, name in zip(all_there(box, of), names):
        box.workbooks("edit", of=of, id=record["id"], name=name)
    box.requests(reset=True)
    wess.settle()
    items = box.contacts(0, folder=folder)
    assert sorted(c["fields"]["Subject"] for c in items) == sorted(names), items
    assert sorted(c["stamp"] or "" for c in items) == ["", stamp], items
    assert box.requests()["by_op"]["ews:UpdateItem"] == 1, box.requests()


if __name__ == "__main__":
    main(globals())
