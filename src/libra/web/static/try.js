// Sends requests from the reference in the browser, with Swagger UI, which contacts no other server.
"use strict";
const place = document.getElementById("try");
const dark = matchMedia("(prefers-color-scheme: dark)");
const dress = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", dress);
dress();
SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  // No links inside the buttons that unfold operations: a keyboard or a thumb cannot tell them apart.
  deepLinking: false,
  defaultModelsExpandDepth: -1,
  validatorUrl: null,
});
// Swagger UI has fields without a name, and scrolling areas that the keyboard cannot reach.
const mend = () => {
  for (const body of place.querySelectorAll("textarea:not([aria-label])")) body.ariaLabel = "Request body";
  for (const code of place.querySelectorAll("pre:not([tabindex])")) code.tabIndex = 0;
};
new MutationObserver(mend).observe(place, { childList: true, subtree: true });
