/* Names and keyboard access for what the theme leaves without. */
(() => {
  "use strict";

  const name = (element) =>
    element.getAttribute("aria-label") ||
    document.getElementById(element.getAttribute("aria-labelledby"))?.textContent.trim();

  /* Landmarks of one kind have different names. */
  const tellApart = () => {
    const seen = new Map();
    for (const landmark of document.querySelectorAll("nav:not([role])")) {
      const called = name(landmark) || "Navigation";
      const times = (seen.get(called) || 0) + 1;
      seen.set(called, times);
      if (times > 1) {
        landmark.removeAttribute("aria-labelledby");
        landmark.setAttribute("aria-label", `${called} ${times}`);
      }
    }
  };

  /* What scrolls can be reached and scrolled by keyboard. */
  const reachable = () => {
    for (const box of document.querySelectorAll(
      ".md-typeset__scrollwrap, .md-typeset pre > code, .diagram-drawn",
    )) {
      if (box.scrollWidth > box.clientWidth) box.setAttribute("tabindex", "0");
      else box.removeAttribute("tabindex");
    }
  };

  const tidy = () => {
    document.querySelector(".md-search[role=dialog]")?.setAttribute("aria-label", "Search");
    document.querySelectorAll(".md-code__nav").forEach((bar) => bar.setAttribute("role", "presentation"));
    document.querySelectorAll(".task-list-item > input").forEach((box) => {
      box.setAttribute("aria-label", box.checked ? "done" : "open");
    });
    tellApart();
    reachable();
  };

  tidy();
  new MutationObserver(tidy).observe(document.body, { childList: true, subtree: true });
  addEventListener("resize", reachable);
})();
