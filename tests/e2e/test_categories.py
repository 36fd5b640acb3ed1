"""The mailbox's own list of categories, and a category that is renamed."""
import contextlib
import os
import re

from sandbox import Sandbox, Wess, main

EASY = 'first = { differs = "left"; create = "yes"; };'
HARMLESS = "guard = { max_unlink = 1000; max_change = 1000; max_delete = 1000; };"
ENTRY = re.compile(r'<category name="([^"]*)" color="(-?\d+)"[^>]* guid="(\{[-0-9A-F]{36}\})"/>')


def users(box):
    return ["id,name,mailbox,workbooks,wave",
            f"u1,Ada,{box.mailbox(0)},{box.info['exchange']['mailboxes'][0]['name']},pilot"]


def listed(box):
    return box.exchange("categories")["xml"]


def logged(wess):
    with open(os.path.join(wess.dir, "log")) as f:
        return f.read()


def sync(wess, check=(0, 1, 3, 4)):
    """The run of the one user, whatever it waits for."""
    return wess.sync("--no-wait", check=check)["u1"]


def ended(run):
    return run["left"]["ended"] + run["right"]["ended"]


def held(wess):
    return wess.json("held", "list", check=(0, 1, 3, 4))["held"]


@contextlib.contextmanager
def in_step(pair=""):
    """Servers and a mailbox in step with the CRM; who is tagged."""
    with Sandbox() as box, Wess(box, users=users(box), pair=EASY + HARMLESS + pair) as wess:
        sync(wess)
        box.move_clock(600)
        sync(wess, check=(0, 1, 4))
        yield box, wess, [c for c in box.contacts() if "Workbooks" in c["categories"]]


def retag(box, contacts, was, now):
    for c in contacts:
        box.exchange("tag", id=c["id"], category=now)
        box.exchange("untag", id=c["id"], category=was)


def test_what_items_are_given_is_put_in_the_list():
    with Sandbox() as box, Wess(box, users=users(box), pair=EASY + '''
            select = { left = { tags_any = [ "From the CRM" ]; }; right = { queue = "%{user.workbooks}"; }; };'''
            ) as wess:
        with open(wess.config) as f:
            text = f.read()
        wess.write("wess.conf", re.sub(r"select = \{ left = \{ tags_any = \[ \"Workbooks\".*?\}; \};\n",
                                       "", text, flags=re.S))
        before = listed(box)
        assert "From the CRM" not in before and "of people" in before
        sync(wess)
        assert [c for c in box.contacts() if "From the CRM" in c["categories"]]
        after = listed(box)
        entries = ENTRY.findall(after)
        mine = [e for e in entries if e[0] == "From the CRM"]
        assert len(mine) == 1, after
        colours = [e[1] for e in entries if e[0] != "From the CRM"]
        assert mine[0][1] not in colours, "a colour that nobody used"
        assert len({e[2] for e in entries}) == len(entries)
        whole = re.search(r'<category name="From the CRM"[^>]*/>', after).group(0)
        assert after.replace(whole, "") == before, "the rest byte for byte"
        # Once: not again for the next item, whatever its case.
        box.move_clock(600)
        sync(wess, check=(0, 1, 4))
        assert listed(box) == after
        assert box.control("exchange/outbox")["sent"] == 0


def test_a_mailbox_without_a_list_gets_one():
    with Sandbox("--data", "empty") as box, Wess(box, users=users(box), pair=EASY) as wess:
        assert listed(box) is None
        box.workbooks("create", name="Ada Byrne", person_first_name="Ada", person_last_name="Byrne",
                      queue_id=11, **{"main_location[email]": "ada@x.example"})
        sync(wess)
        assert box.contacts(), "she came"
        assert [e[0] for e in ENTRY.findall(listed(box))] == ["Workbooks"], listed(box)


def test_a_list_that_cannot_be_written_is_told_and_no_item_fails():
    for how, says in (("refused", "cannot be written"), ("forgotten", "another program wrote")):
        with Sandbox("--switch", f"category_list={how}") as box, \
                Wess(box, users=users(box), pair=EASY) as wess:
            box.exchange("rename_category", name="Workbooks", to="workBOOKS old")
            for c in box.contacts():
                if "workBOOKS old" in c["categories"]:
                    box.exchange("untag", id=c["id"], category="workBOOKS old")
            before = listed(box)
            sync(wess)
            assert [c for c in box.contacts() if "Workbooks" in c["categories"]]
            assert listed(box) == before
            assert says in logged(wess), logged(wess)


def test_a_renamed_category_is_one_cause():
    for on_untag in ("unlink", "delete"):
        with in_step(f' on_untag = "{on_untag}";') as (box, wess, _):
            people = len(box.people())
            box.exchange("rename_category", name="Workbooks", to="Customers")
            run = sync(wess)
            assert ended(run) == 0, run
            assert run["right"]["deleted"] == 0 and len(box.people()) == people
            lists = held(wess)
            assert lists and all('"Workbooks" was renamed to "Customers":' in h["reason"]
                                 for h in lists), lists
            # Named back, all is as it was.
            box.exchange("rename_category", name="Customers", to="Workbooks")
            box.move_clock(600)
            run = sync(wess)
            assert not held(wess), wess.json("status", check=(0, 1, 4))
            assert run["left"]["created"] + run["right"]["created"] == 0


def test_the_new_name_in_the_select_answers_the_list():
    """What it holds was an untag by the old name: by the new one nothing waits, and nothing ends."""
    with in_step() as (box, wess, some):
        box.exchange("rename_category", name="Workbooks", to="Customers")
        sync(wess)
        lists = held(wess)
        assert lists
        with open(wess.config) as f:
            text = f.read()
        wess.write("wess.conf", text.replace('tags_any = [ "Workbooks" ]', 'tags_any = [ "Customers" ]'))
        box.move_clock(600)
        run = sync(wess)
        assert not [h for h in held(wess) if h["items"]], held(wess)
        wess("held", "release", str(lists[0]["id"]), check=(0, 1, 2, 4))
        run = sync(wess)
        assert ended(run) == 0, run


def test_a_few_items_tell_a_rename_by_its_id():
    """Outlook takes its time with the items: those that it has come to are no untags of a person."""
    with in_step() as (box, wess, some):
        assert len(some) > 2
        box.exchange("rename_category", name="Workbooks", to="Customers")
        retag(box, some[1:], "Customers", "Workbooks")
        run = sync(wess)
        assert ended(run) == 0, run
        lists = held(wess)
        assert ['"Workbooks" was renamed to "Customers": 1 ' in h["reason"] for h in lists] == [True], lists
        # A person says that it was meant: from then on "Workbooks" is what is called so now.
        wess("held", "release", str(lists[0]["id"]), check=(0, 1, 4))
        run = sync(wess)
        assert ended(run) == 1, run
        for c in some[1:4]: # a person's untags are what they are again
            box.exchange("untag", id=c["id"], category="Workbooks")
        box.move_clock(600)
        run = sync(wess)
        assert ended(run) > 0, run
        assert not held(wess)


def test_all_that_a_person_tags_anew_is_no_rename():
    """What is still called so was not renamed, whatever the items bear instead."""
    with in_step() as (box, wess, some):
        retag(box, some, "Workbooks", "Former")
        run = sync(wess)
        assert ended(run) > 2, run
        assert not held(wess)


def test_an_untag_of_some_is_none():
    with in_step() as (box, wess, some):
        # All but one get another instead: that one says that it was a person's choice.
        retag(box, some[1:], "Workbooks", "Former")
        run = sync(wess)
        assert ended(run) > len(some) / 2, run
    with in_step() as (box, wess, some):
        # All of them, and nothing in its place.
        for c in some:
            box.exchange("untag", id=c["id"], category="Workbooks")
        run = sync(wess)
        assert ended(run) > 1, run


if __name__ == "__main__":
    main(globals())
