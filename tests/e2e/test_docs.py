"""What the docs show is run, and what they name is there; and the other way round."""
import glob
import json
import os
import re
import shlex
import subprocess
import tempfile

from sandbox import Sandbox, Wess, main, program
from test_main_job import EASY

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGES = ["README.md"] + [os.path.relpath(p, ROOT) for p in sorted(glob.glob(ROOT + "/docs/*.md"))]
MEN = [os.path.relpath(p, ROOT) for p in sorted(glob.glob(ROOT + "/docs/man/*"))]
# What is known of a remote, as long as that is.
AS_LONG_AS_IT_IS = {"docs/connector-author.md"}  # the contract, clause by clause


def read(page):
    with open(os.path.join(ROOT, page)) as f:
        return f.read()


def man(page):
    """The page as it is read: without what makes hyphens of hyphens, and without fonts."""
    text = read("docs/man/" + page)
    text = text.replace("\\-", "-").replace("\\e", "\\").replace("\\(dq", '"')
    return re.sub(r"\\f[BIRP]", "", text)


def plain(page):
    """Without requests: the words alone."""
    return re.sub(r'(?m)^\.[A-Z]+ ?|"', "", man(page))


def blocks(page):
    """Texts set apart: by indentation or a fence in Markdown, by .nf in a man page."""
    if page.startswith("docs/man/"):
        return re.findall(r"(?ms)^\.nf\n(.*?)^\.fi$", man(os.path.basename(page)))
    out, now, fenced = [], [], False
    for line in read(page).splitlines() + [""]:
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            now.append(line if fenced else line[4:])
            continue
        elif not line and now and not fenced:
            now.append("")
            continue
        if now:
            out.append("\n".join(now).strip("\n") + "\n")
        now = []
    return out


def wess(*args, **more):
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0", COLUMNS="200")
    return subprocess.run([program("wess"), *args], capture_output=True, text=True, env=env,
                          stdin=subprocess.DEVNULL, timeout=120, **more)


def helps():
    """{"held release": help text}: every command, by its own help."""
    overview = wess("--help").stdout
    names = re.findall(r"(?m)^  ([a-z]+(?: [a-z]+)?)  +", overview.split("Options of every")[0])
    assert len(names) > 15, overview
    return {name: wess(name.split()[0], "--help").stdout for name in names}


def options_of(text):
    return set(re.findall(r"(?<![\w-])--([a-z][a-z-]+)", text))


# ---- configurations -----------------------------------------------------------------------------

def prepare(root, text):
    """The files that a configuration names, below a folder."""
    for name, path in re.findall(r'(\w+) = "(/[^"]+)"', text):
        place = root + path
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if name in ("csv", "file") and not os.path.exists(place):
            with open(place, "w") as f:
                f.write("id,name,mailbox,workbooks,wave\nada,Ada Byrne,ada@x.example,Ada Byrne,pilot\n"
                        if name == "csv" else "secret\n")
            os.chmod(place, 0o600)


def test_configurations_are_sound():
    whole = [(page, text) for page in PAGES + MEN for text in blocks(page)
             if "endpoints:" in text and ("pairs:" in text or "preset =" in text)]
    assert {page for page, _ in whole} >= {"docs/integrator.md", "docs/man/wess.conf.5"}
    for page, text in whole:
        with tempfile.TemporaryDirectory(prefix="wess-docs-") as root:
            prepare(root, text)
            config = os.path.join(root, "wess.conf")
            with open(config, "w") as f:
                f.write(text)
            run = wess("check", "--config", config, "--root", root)
            assert run.returncode == 0 and "sound" in run.stdout, f"{page}:\n{run.stdout}{run.stderr}"
            with open(config, "w") as f:  # so that a check that says nothing is noticed
                f.write(text.replace("connector = ", "conector = ", 1))
            assert wess("check", "--config", config, "--root", root).returncode == 2, page


def test_the_users_of_the_docs_are_taken():
    csv = next(t for t in blocks("docs/integrator.md") if t.startswith("id,"))
    with Sandbox(clock=True) as box, Wess(box, users=csv.split("\n")) as w:
        assert "1 user" in w("check", check=0).stdout


# ---- commands -----------------------------------------------------------------------------------

STAND_INS = {"WHAT": "henry.thorne@adatum.example", "ITEM": "henry.thorne@adatum.example",
             "ADDRESS": "henry.thorne@adatum.example", "ada": "u1"}


def shown_commands(page):
    """Command lines of wess in blocks, with what stands below each."""
    out = []
    for text in blocks(page):
        for line in text.splitlines():
            command = re.match(r"(?:\$ )?(wess .*)", line)
            if command:
                out.append([shlex.split(command[1], comments=True), []])
            elif line.startswith("| ") and out:
                out[-1][1].append(line[2:])
    return out


def test_command_lines_run():
    ran = 0
    for page in PAGES + MEN:
        shown = shown_commands(page)
        if not shown:
            continue
        with Sandbox() as box, Wess(box, pair="" if "held" in read(page) else EASY) as w:
            w("sync", check=(0, 1, 4))
            for words, below in shown:
                args = [STAND_INS.get(word, word) for word in words[1:]]
                run = w.run(*args)
                assert run.returncode in (0, 1, 4), \
                    f"{page}: {words}: {run.returncode}\n{run.stdout}{run.stderr}"
                if below:  # loosely: the table's head
                    head = set(below[0].split()) - {"HELD"}
                    assert head <= set(run.stdout.split()), f"{page}: {head}\n{run.stdout}"
                ran += 1
    assert ran >= 8, f"only {ran} command lines were found"


def test_commands_in_texts_exist():
    known, seen = helps(), 0
    for page in PAGES:
        for words in re.findall(r"`(wess [^`]+)`", read(page)):
            command = words.split()[1:]
            name = next((n for n in (" ".join(command[:2]), command[0]) if n in known), None)
            if command[0].startswith("-") or command[0] == "COMMAND":
                continue
            assert name, f"{page}: `{words}`: there is no such command"
            wrong = options_of(words) - options_of(known[name])
            assert not wrong, f"{page}: `{words}` takes no {wrong}"
            seen += 1
    assert seen > 15


def test_run_takes_what_the_docs_say():
    script = read("run")
    for page in PAGES:
        for word in re.findall(r"\./run ([a-z]+)", read(page)):
            assert re.search(rf"(?m)^{word}\)", script), f"{page}: ./run {word}"


def test_sandbox_lines_start():
    text = "\n".join(read(p) for p in PAGES) + "\n".join(man(os.path.basename(p)) for p in MEN)
    lines = {line for line in re.findall(r"wess-sandbox --[^`\n]+", text) if "--help" not in line}
    assert len(lines) >= 2, lines
    for line in lines:
        args = [re.sub(r"^80\d\d$", "0", a) for a in shlex.split(line)[1:] if a != "--json"]
        with Sandbox(*args) as box:
            assert box.info["exchange"]["url"]


# ---- manual pages against --help ----------------------------------------------------------------

def test_man_page_has_what_help_has():
    page, known = plain("wess.1"), helps()
    for name, text in known.items():
        assert re.search(rf"(?m)^{name}\b", page), f"wess.1 lacks {name}"
        for option in options_of(text):
            assert "--" + option in page, f"wess.1 lacks --{option} of {name}"
    options = set().union(*(options_of(text) for text in known.values()))
    assert options_of(page) <= options, f"wess.1 has {options_of(page) - options}, which is nowhere"


def test_sandbox_page_has_what_its_help_has():
    page = plain("wess-sandbox.1")
    text = subprocess.run([program("wess-sandbox"), "--help"], capture_output=True, text=True,
                          check=True).stdout
    assert options_of(text) - {"help"} <= options_of(page), options_of(text) - options_of(page)
    assert options_of(page) <= options_of(text), options_of(page) - options_of(text)
    kinds = re.search(r"(?s)KIND (.*?)\n  --help", text)[1]
    for kind in re.findall(r"(?:^|\s)([a-z_0-9]+)", kinds):
        assert kind in page, f"wess-sandbox.1 lacks the fault {kind}"


def statuses_of_code():
    return {int(n) for n in re.findall(r"EXIT_[A-Z_]+ = (\d+)", read("core/engine/engine.h"))}


def test_every_exit_status_is_told():
    code = statuses_of_code()
    assert code >= set(range(9))
    section = re.search(r"(?s)\.SH EXIT STATUS(.*?)\.SH", man("wess.1"))[1]
    told = {int(n) for n in re.findall(r"(?m)^\.B (\d+)$", section)}
    assert told == code, (told, code)
    for page in ("docs/administrator.md",):
        line = re.search(r"(?s)Exit statuses.*?\n\n", read(page))[0]
        told = {int(n) for n in re.findall(r"(?:^|[\s·:])(\d)\s", line)}
        assert told == code, f"{page}: {told}"


def test_json_is_as_told():
    section = re.search(r"(?s)\.SH JSON(.*?)\.SH", man("wess.1"))[1]
    told = set(re.findall(r'"(\w+)"', section))
    with Sandbox() as box, Wess(box) as w:
        answer = json.loads(w("sync", "--json", check=4).stdout)
    real = set(answer) | set(answer["runs"][0]) | set(answer["runs"][0]["left"])
    assert told == real, f"told and not there {told - real}, there and not told {real - told}"


# ---- settings -----------------------------------------------------------------------------------

def settings_of_code():
    """{"pairs.NAME.guard": {"max_delete": (fallback, range)}}, out of the one table of them."""
    source = read("core/config/settings.c")
    groups = {}
    for path, table in re.findall(r'GROUP\(\w+, "([^"]*)", (\w+)\)', source):
        body = re.search(rf"setting_def {table}\[\] = \{{(.*?)\n\}};", source, re.S)[1]
        row = r'\{"(\w+)",\s*SET_\w+,\s*(NULL|"[^"]*"),\s*(NULL|"[^"]*"),'
        groups[path] = {name: tuple(None if x == "NULL" else x[1:-1] for x in rest)
                        for name, *rest in re.findall(row, body)}
    assert len(groups) == source.count("\nGROUP(") > 12 and all(groups.values()), groups
    return groups


def options_of_connectors():
    names = {}
    for connector in ("ews", "workbooks", "imap-tags"):
        listed = json.loads(wess("connectors", connector, "--json").stdout)
        names[connector] = {o["name"]: o for o in listed["options"]}
    return names


def test_settings_of_code_are_in_the_manual():
    page = re.sub(r"(?s)\nEXAMPLE\n.*?\nGENERAL\n", "\n", plain("wess.conf.5"))
    assert "endpoints: {" not in page
    for path, group in settings_of_code().items():
        for name, (fallback, choices) in group.items():
            at = [m.start() for m in re.finditer(rf"\b{name}\b", page)]
            assert at, f"wess.conf.5 lacks {path}.{name}"
            if fallback and not fallback.startswith(("true", "false")):
                near = [page[i:i + 420] for i in at]
                told = rf"(?<!\w){re.escape(fallback)}\b"
                if choices and "|" in choices:  # one of them is not yet the default
                    told = rf"[Dd]efault:? {fallback}\b|\b{fallback} ,\s+the default"
                assert any(re.search(told, t) for t in near), \
                    f"wess.conf.5 does not tell the default of {path}.{name}: {fallback}"


def test_options_of_connectors_are_in_their_page():
    for connector, options in options_of_connectors().items():
        # A connector may have further pages beside its first.
        page = "".join(read(f"docs/{name}") for name in sorted(os.listdir(os.path.join(ROOT, "docs")))
                       if name == f"{connector}.md" or name.startswith(f"{connector}-"))
        for name, option in options.items():
            assert option["help"], f"{connector}: {name} says nothing of itself"
            assert f"`{name}`" in page, f"docs/{connector}.md lacks the setting {name}"


def test_settings_in_the_manual_are_of_code():
    known = set().union(*settings_of_code().values())
    known |= set(settings_of_code()) | set().union(*(set(o) for o in options_of_connectors().values()))
    words = {w for group in settings_of_code().values() for _, r in group.values() if r
             for w in r.split("|")} | {"true", "false"}
    others = {"connector", "id", "mailbox", "workbooks", "wave", "user"}  # columns of users
    for section, body in re.findall(r'(?ms)^\.SH ([A-Z ]+)\n(.*?)(?=^\.SH|\Z)', man("wess.conf.5")):
        if section in ("NAME", "DESCRIPTION", "EXAMPLE", "SEE ALSO"):
            continue
        for line in re.findall(r"(?m)^\.B[RI]? (.*)$", body):
            for name in re.findall(r"\b[a-z][a-z_]+\b", re.sub(r'"[^"]*"|\(.*', "", line)):
                assert name in known | words | others, f"wess.conf.5, {section}: {name} is no setting"


def test_settings_in_texts_are_of_code():
    groups = settings_of_code()
    flat = {f"{path}.{name}" if path else name for path, group in groups.items() for name in group}
    flat |= {name.split("NAME.")[-1] for name in flat}
    tops = {"daemon", "http", "log", "keep", "first", "guard", "on_delete", "users"}
    seen = 0
    for page in PAGES:
        for name in re.findall(r"`([a-z_]+\.[a-z_]+)(?: = [^`]*)?`", read(page)):
            if name.split(".")[0] in tops:
                assert name in flat, f"{page}: there is no setting {name}"
                seen += 1
    assert seen >= 2


def test_who_sets_it_up_is_told_of_automations():
    """The mark of what WESS creates, as it is unless said otherwise, before the first sync is typed."""
    mark = options_of_connectors()["workbooks"]["application"]["default"]
    text = read("docs/integrator.md")
    told = text.index(f"`created_through` is `{mark}`")
    assert text.index("## 6. The first sync") < told < text.index("held release")


def test_units_and_paths():
    """What the unit of the service and the pages say of folders is one thing."""
    fallback = settings_of_code()[""]["state_dir"][0]
    assert fallback in man("wess.1") and fallback in man("wess.conf.5")
    assert "/etc/wess/wess.conf" in wess("--help").stdout


# ---- the pages themselves -----------------------------------------------------------------------

def test_pages_are_short_and_their_links_lead_somewhere():
    for page in PAGES:
        text = read(page)
        if page not in AS_LONG_AS_IT_IS:
            assert text.count("\n") < 120, f"{page} has {text.count(chr(10))} lines"
        for link in re.findall(r"\]\(([^)#]+)", text):
            if "://" not in link:
                assert os.path.exists(os.path.join(ROOT, os.path.dirname(page), link)), \
                    f"{page}: {link}"
        for path in re.findall(r"`((?:plugins|core|sdk|tests|docs)/[\w/.]+)`", text):
            assert os.path.exists(os.path.join(ROOT, path)), f"{page}: {path}"


if __name__ == "__main__":
    main(globals())
