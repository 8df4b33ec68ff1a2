"""CSS as a grammar: tokens, component values, rules, and the values that Chromium accepts."""
