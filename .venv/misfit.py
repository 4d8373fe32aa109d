from tests.testing.mutants import MUTANTS, ROOT

for m in MUTANTS:
    n = (ROOT / m.file).read_text("utf-8").count(m.old)
    if n != 1:
        ind = "".join("    " + l if l.strip() else l for l in m.old.splitlines(True))
        k = (ROOT / m.file).read_text("utf-8").count(ind)
        print(f"[{n}/{k}] {m.name} :: {m.file}\n{m.old}--->\n{m.new}")
