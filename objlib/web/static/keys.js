// Keys for the pages: "/" goes to the box, Escape leaves it, j and k move between hits, Enter opens one, y copies its place.
"use strict";
const hits = [...document.querySelectorAll(".hits > li:not(.none)")];
let current = -1;

function choose(index) {
  if (!hits.length) return;
  if (current >= 0) hits[current].classList.remove("current");
  current = Math.max(0, Math.min(index, hits.length - 1));
  hits[current].classList.add("current");
  (hits[current].querySelector("a") || hits[current]).focus();
  hits[current].scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.matches("input")) event.target.blur();
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea")) return;
  const box = document.getElementById("q");
  if (event.key === "/" && box) {
    event.preventDefault();
    box.focus();
    box.select();
  } else if (event.key === "j") {
    choose(current + 1);
  } else if (event.key === "k") {
    choose(current - 1);
  } else if (event.key === "y" && current >= 0 && navigator.clipboard) {
    const [title, place] = [hits[current].querySelector("h2, h3"), hits[current].querySelector(".place")];
    navigator.clipboard.writeText(`${title.textContent.trim()} (${place.textContent.trim()})`);
  }
});
