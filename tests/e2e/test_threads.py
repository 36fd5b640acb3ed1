"""Several users at once. Meant for a build with the thread sanitizer; holds for every build."""
from sandbox import Sandbox, Wess, main

SIX = ("--data", "load", "--users", "6", "--contacts", "60", "--employers", "5")
EASY = 'first = { differs = "left"; create = "yes"; }; guard = { max_first = 10000; max_create = 10000; };'


def test_users_at_once():
    with Sandbox(*SIX) as box, Wess(box, pair=EASY, workers=6) as wess:
        runs = wess.sync(check=(0, 1, 4))
        assert len(runs) == 6 and all(run["right"]["created"] == 60 for run in runs.values()), runs
        wess("sync", check=(0, 1, 4))
        for run in wess.sync(check=(0, 1, 4)).values():
            assert run["right"]["created"] == 0 and run["left"]["created"] == 0


def test_a_plan_is_told_by_many_threads():
    with Sandbox(*SIX) as box, Wess(box, pair=EASY, workers=6) as wess:
        plans = wess.json("plan", check=(0, 1, 4))["plans"]
        assert sorted(len(p["create"]) for p in plans) == [60] * 6, [len(p["create"]) for p in plans]


def test_trouble_on_many_threads():
    with Sandbox(*SIX) as box, Wess(box, pair=EASY, workers=6) as wess:
        box.fault("workbooks:people:PUT:*:http=503")
        wess("sync", "--no-wait", check=3)
        box.clear_faults()
        box.move_clock(3600)
        runs = wess.sync("--no-wait", check=0)
        assert sum(run["right"]["created"] for run in runs.values()) == 360, runs
        assert len(box.people()) == 360


if __name__ == "__main__":
    main(globals())
