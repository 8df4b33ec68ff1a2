// Sends requests of the reference from the browser, by Swagger UI, which asks nobody else for anything.
"use strict";
const place = document.getElementById("try");
const dark = matchMedia("(prefers-color-scheme: dark)");
const dress = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", dress);
dress();
SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  // A link in the button that unfolds an operation is none that a keyboard or a thumb can tell from it.
  deepLinking: false,
  defaultModelsExpandDepth: -1,
  validatorUrl: null,
});
// What Swagger UI shows without a name, or scrolls without a way for the keyboard.
const mend = () => {
  for (const body of place.querySelectorAll("textarea:not([aria-label])")) body.ariaLabel = "Body of the request";
  for (const code of place.querySelectorAll("pre:not([tabindex])")) code.tabIndex = 0;
};
new MutationObserver(mend).observe(place, { childList: true, subtree: true });
