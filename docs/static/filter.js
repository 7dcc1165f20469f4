// Filters of the tables of claims and parameters. Without this script the tables are whole.
// <form class="filter" data-filter="ID"> belongs to the table #ID or to all tables [data-of=ID];
// a group of buttons [data-key=K] compares with data-K of each row, the text with all its words.
"use strict";

for (const form of document.querySelectorAll("form.filter")) {
  const id = form.dataset.filter;
  const rows = [...document.querySelectorAll(`#${id} tbody tr, [data-of="${id}"] tbody tr`)];
  const groups = [...form.querySelectorAll("[data-key]")];
  const text = form.querySelector("input");
  const output = form.querySelector("output");
  const folds = [...document.querySelectorAll("details.fold")];
  const words = rows.map((row) => row.textContent.toLowerCase());

  const chosen = (group) => group.querySelector("[aria-pressed=true]").value;
  const choose = (group, value) => {
    const buttons = [...group.querySelectorAll("button")];
    const on = buttons.find((button) => button.value === value) ?? buttons[0];
    for (const button of buttons) button.setAttribute("aria-pressed", String(button === on));
  };

  const show = () => {
    const wanted = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row, i) => {
      const fits =
        groups.every((group) => [row.dataset[group.dataset.key], ""].includes(chosen(group))) &&
        wanted.every((word) => words[i].includes(word));
      row.hidden = !fits;
      count += fits;
    });
    output.textContent = `${count} of ${rows.length} shown`;
    const active = wanted.length > 0 || groups.some(chosen);
    for (const fold of folds) fold.open = active && fold.querySelector("tbody tr:not([hidden])");
    return active;
  };

  // The filter lives in the address: it survives a reload and can be sent on.
  const save = () => {
    const state = new URLSearchParams();
    for (const group of groups) if (chosen(group)) state.set(group.dataset.key, chosen(group));
    if (text.value) state.set("text", text.value);
    history.replaceState(null, "", show() ? `#${state}` : location.pathname + location.search);
  };
  const load = () => {
    const hash = location.hash.slice(1);
    const state = new URLSearchParams(hash.includes("=") ? hash : "");
    for (const group of groups) choose(group, state.get(group.dataset.key) ?? "");
    text.value = state.get("text") ?? "";
    show();
    // The address of a row: unfold what it is in.
    const row = document.getElementById(hash);
    const fold = row?.closest("details.fold");
    if (fold) {
      fold.open = true;
      row.scrollIntoView();
    }
  };

  form.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    choose(button.closest("[data-key]"), button.value);
    save();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  text.addEventListener("input", save);
  addEventListener("hashchange", load);
  form.hidden = false;
  load();
}
