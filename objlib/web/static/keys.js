// Keys for the pages, and runs that are shown live. Every page works without it.
// "/" goes to the box, Escape leaves it, j and k move between hits, Enter opens one, y copies its citation,
// n and p move between the lines of a document that hold the words.
"use strict";
const hits = [...document.querySelectorAll(".hits > li:not(.none)")];
const lines = [...document.querySelectorAll(".lines > li:has(mark)")];
const cited = document.getElementById("cited");
let current = -1;
let line = cited ? lines.indexOf(cited.parentElement) : -1;

function choose(index) {
  if (!hits.length) return;
  if (current >= 0) hits[current].classList.remove("current");
  current = Math.max(0, Math.min(index, hits.length - 1));
  hits[current].classList.add("current");
  (hits[current].querySelector("a") || hits[current]).focus({ preventScroll: true });
  hits[current].scrollIntoView({ block: "nearest" });
}

function jump(step) {
  if (!lines.length) return;
  if (line >= 0) lines[line].classList.remove("current");
  line = (line + step + lines.length) % lines.length;
  lines[line].classList.add("current");
  lines[line].scrollIntoView({ block: "center" });
}

function citation(hit) {
  const [title, at] = [hit.querySelector("[data-path]"), hit.querySelector(".at")];
  return title.dataset.path + (at ? ` (${at.textContent.trim()})` : "");
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.matches("input")) event.target.blur();
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea")) return;
  const box = document.getElementById("q");
  if (event.key === "/" && box) {
    event.preventDefault();
    box.focus();
    box.select();
  } else if (event.key === "j") choose(current + 1);
  else if (event.key === "k") choose(current - 1);
  else if (event.key === "n") jump(1);
  else if (event.key === "p") jump(-1);
  else if (event.key === "y" && current >= 0 && navigator.clipboard) {
    navigator.clipboard.writeText(citation(hits[current]));
  }
});

const live = document.getElementById("live");
if (live) {
  const events = new EventSource(live.dataset.events);
  const state = () => `${live.querySelectorAll(".run").length} ${live.querySelector("[data-busy]") !== null}`;
  const before = state();
  events.onmessage = (event) => {
    const open = live.querySelector("details[open]") !== null;
    live.innerHTML = event.data; // our own template, which escapes whatever it is given
    const details = live.querySelector("details");
    if (details && open) details.open = true;
    if (state() !== before) location.reload(); // a run began or ended: the list and the buttons change too
  };
}

// A question is answered on the page as the model writes; without script the form loads the page with the answer.
const answer = document.getElementById("answer");
let asking = null;

function tell(tag, kind, text) {
  const line = document.createElement(tag);
  line.className = kind;
  line.textContent = text;
  answer.replaceChildren(line);
  return line;
}

function ask(address) {
  if (asking) asking.close();
  const written = tell("p", "answer-text written", "");
  answer.setAttribute("aria-busy", "true");
  asking = new EventSource(answer.dataset.stream + address);
  const end = () => {
    asking.close();
    answer.removeAttribute("aria-busy");
  };
  asking.addEventListener("piece", (event) => written.append(JSON.parse(event.data)));
  asking.addEventListener("again", () => (written.textContent = ""));
  asking.addEventListener("whole", (event) => {
    end();
    answer.innerHTML = event.data; // our own template, which escapes whatever it is given
  });
  asking.addEventListener("failed", (event) => {
    end();
    tell("p", "error", JSON.parse(event.data)).setAttribute("role", "alert");
  });
  asking.onerror = () => {
    end(); // asked again by itself it would be paid for again
    tell("p", "error", "The connection to objlib was lost; ask again.").setAttribute("role", "alert");
  };
}

if (answer) {
  const form = document.querySelector("form.box");
  form.addEventListener("submit", (event) => {
    const fields = new FormData(form);
    if (!fields.get("q").trim()) return;
    event.preventDefault();
    const address = `?${new URLSearchParams(fields)}`;
    history.pushState(null, "", address);
    document.title = `${fields.get("q")} \u2013 Ask \u2013 objlib`;
    ask(address);
  });
  addEventListener("popstate", () => location.reload());
}
