/* Draws the diagrams of a page, in the colours of its scheme. Pages without one load nothing. */
(() => {
  "use strict";

  const blocks = [...document.querySelectorAll("pre.diagram")];
  if (!blocks.length) return;
  const engine = new URL("vendor/mermaid.min.js", document.currentScript.src);
  const LEAST_SCALE = 0.62; /* smaller than this, a diagram scrolls instead of shrinking */

  const COLOURS = {
    default: {
      background: "#ffffff",
      primaryColor: "#e3f0f3",
      primaryBorderColor: "#125566",
      primaryTextColor: "#12262c",
      secondaryColor: "#f3ecdd",
      tertiaryColor: "#f4f6f7",
      lineColor: "#3f565e",
      textColor: "#12262c",
      noteBkgColor: "#f3ecdd",
      noteTextColor: "#12262c",
      noteBorderColor: "#8a7440",
      edgeLabelBackground: "#ffffff",
    },
    slate: {
      darkMode: true,
      background: "#1c2529",
      primaryColor: "#153f4b",
      primaryBorderColor: "#84cfe0",
      primaryTextColor: "#eaf2f4",
      secondaryColor: "#443a20",
      tertiaryColor: "#233036",
      lineColor: "#a9bcc3",
      textColor: "#eaf2f4",
      noteBkgColor: "#443a20",
      noteTextColor: "#f5efdf",
      noteBorderColor: "#cbb26a",
      edgeLabelBackground: "#1c2529",
    },
  };
  const scheme = () =>
    document.body.getAttribute("data-md-color-scheme") === "slate" ? "slate" : "default";

  const diagrams = blocks.map((block, index) => ({
    text: block.textContent,
    place: block,
    title: headingBefore(block),
    id: `diagram-${index + 1}`,
  }));

  function headingBefore(block) {
    let heading = "";
    for (const one of document.querySelectorAll("article :is(h1, h2, h3, h4)")) {
      if (one.compareDocumentPosition(block) & Node.DOCUMENT_POSITION_FOLLOWING) {
        heading = one.firstChild ? one.textContent.replace("¶", "").trim() : heading;
      }
    }
    return heading;
  }

  async function draw() {
    const colours = scheme();
    window.mermaid.initialize({
      startOnLoad: false,
      securityLevel: "strict",
      theme: "base",
      themeVariables: { fontSize: "15px", ...COLOURS[colours] },
      fontFamily: getComputedStyle(document.body).fontFamily,
      htmlLabels: false,
      flowchart: { htmlLabels: false },
      suppressErrorRendering: true,
    });
    for (const diagram of diagrams) {
      try {
        const { svg } = await window.mermaid.render(diagram.id, diagram.text);
        const drawn = document.createElement("div");
        drawn.className = "diagram-drawn";
        drawn.dataset.scheme = colours;
        drawn.innerHTML = svg;
        const image = drawn.firstElementChild;
        const width = image.viewBox.baseVal.width;
        image.setAttribute("role", "img");
        image.setAttribute("aria-label", `Diagram: ${diagram.title}`);
        image.style.minWidth = `${Math.round(width * LEAST_SCALE)}px`;
        diagram.place.replaceWith(drawn);
        diagram.place = drawn;
      } catch (error) {
        diagram.place.dataset.fault = error.message;
        console.warn(`a diagram stays text: ${error.message}`);
      }
    }
  }

  const script = document.createElement("script");
  script.src = engine;
  script.onload = () => {
    if (!window.mermaid) return; /* there was none to be had when the site was built */
    let drawnFor = scheme();
    let drawing = draw();
    new MutationObserver(() => {
      if (scheme() === drawnFor) return;
      drawnFor = scheme();
      drawing = drawing.then(draw);
    }).observe(document.body, { attributeFilter: ["data-md-color-scheme"] });
  };
  document.head.append(script);
})();
