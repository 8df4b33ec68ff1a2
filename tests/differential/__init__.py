"""A browser as the judge: what static weighing asks for beside what Chromium asks for.

Small pages are made by grammars, one for each area. Each is weighed in memory and shown by Chromium
through Libra's own pool of browsers. Where the two ask for different things, the page is made smaller
for as long as they do, and told. ``make differential`` runs it.
"""
