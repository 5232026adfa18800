"use strict";
// Draws the formulas, with KaTeX from the site itself.
for (const formula of document.querySelectorAll(".a2a-math")) {
  const tex = formula.textContent;
  katex.render(tex, formula, { displayMode: formula.tagName === "DIV", throwOnError: false });
}
