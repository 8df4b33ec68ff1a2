"""CSS as a grammar: tokens, component values, rules, and what Chromium takes for a valid value."""
