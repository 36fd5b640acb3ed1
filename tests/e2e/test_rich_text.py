"""Texts that Outlook made: what is in them is not lost for an edit of something else, and pictures
within them for none at all."""
from sandbox import Sandbox, main
from test_attachments import FOLDER, Files, new

PICTURE = "<p>Plan <b>B</b></p><img src=\"cid:plan.png\">"


def rich(box, i, item):
    box.exchange("edit", i, id=item["id"], Body=PICTURE, BodyType="HTML")
    box.exchange("attach", i, id=item["id"], name="plan.png", text="PNG", inline=1)


def body(wess, i):
    fields = wess.item(i)["fields"]
    return fields.get("BodyType", "Text"), fields.get("Body")


def other_edit(element):
    return {"JobTitle": "Chair"} if element == "Contact" else {"Sensitivity": "Personal"}


def test_a_text_with_pictures_is_not_flattened():
    for element in FOLDER:
        with Sandbox("--data", "empty") as box, Files(box, element, attachments="false") as wess:
            new(box, 0, element)
            rich(box, 0, wess.item(0))
            wess.settle()
            assert body(wess, 1) == ("Text", "Plan B"), body(wess, 1)
            # Something else is edited beside it: the text stays as it is, marks and all.
            box.exchange("edit", 1, id=wess.item(1)["id"], **other_edit(element))
            wess.settle()
            assert body(wess, 0) == ("HTML", PICTURE), body(wess, 0)
            # The text itself: told, the rest of that edit goes across.
            box.exchange("edit", 1, id=wess.item(1)["id"], Body="Plan C",
                         **{k: "X" if k == "JobTitle" else "Normal" for k in other_edit(element)})
            for _ in range(2):
                wess("sync", "--no-wait", check=(0, 1))
                box.move_clock(600)
            assert body(wess, 0) == ("HTML", PICTURE), body(wess, 0)
            if element == "Contact":
                assert wess.item(0)["fields"]["JobTitle"] == "X"
            said = wess("parked", "list", check=(0, 1)).stdout
            assert "pictures in its text" in said, said
            # The pictures are taken out: it goes.
            box.exchange("detach", 0, id=wess.item(0)["id"], name="plan.png")
            wess("parked", "retry", "all", check=(0, 1))
            wess.settle()
            assert body(wess, 0) == ("Text", "Plan C"), body(wess, 0)


if __name__ == "__main__":
    main(globals(), mails=0)
