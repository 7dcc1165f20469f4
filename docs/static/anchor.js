// Formulas that are set above a cell move it after the browser has gone there: go there once more.
"use strict";

addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
});
